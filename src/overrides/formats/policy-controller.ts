import { compareText } from '../../base/text-order.ts';
import { yamlText } from '../../base/yaml-text.ts';
import { type Target, targetRepository } from '../../naming/naming.ts';
import { formatRepository } from '../../oci/reference.ts';
import type { TextRule } from '../../sigstore/identity.ts';
import type { TrustedKeys, TrustedLog } from '../../sigstore/trusted-keys.ts';
import { commentBlock, type GeneratedFiles } from './format.ts';
import {
  type BundledImage,
  expressible,
  type PolicyGroup,
  type PolicyImage,
  type PolicyOptions,
  policyGroups,
} from './image-policy.ts';

/** Name of the trusted root, and prefix of the policies; applying them again replaces them. */
const NAME = 'airgap-signatures';

/** Address that a keyless authority must have; with a trusted root it is not used. */
const UNUSED_URL = 'https://fulcio.sigstore.dev';

/**
 * Formats sigstore's `TrustRoot` (policy.sigstore.dev/v1alpha1) and one `ClusterImagePolicy` (v1beta1) for each group of
 * images, which require the signatures of images at the target. Keys and certificates are in them, so that the controller
 * asks nothing of the internet.
 */
export function formatPolicyController(
  all: readonly PolicyImage[],
  target: Target,
  { title, trusted, unsigned, exempt }: PolicyOptions,
): GeneratedFiles {
  const { images, left } = expressible(all, (_, { form, time }) => {
    if (form === 'referrer') return 'its signature is a referrer, which policy-controller does not look for by default';
    if (form !== 'bundle') return undefined;
    // github.com/sigstore/policy-controller, pkg/apis/config: the identifier of a log is its text, not its bytes (0.15.1).
    return time === undefined
      ? 'policy-controller does not verify sigstore bundles with a key'
      : 'policy-controller does not find the logs of a sigstore bundle by the keys of a TrustRoot';
  });
  const groups = policyGroups(images, target, [...left, ...unsigned, ...exempt]);
  const isKeyless = groups.some(({ signers }) => signers.identities.length > 0);
  const unreadable = [...(trusted?.logs ?? []), ...(trusted?.certificateLogs ?? [])].filter(({ isEcdsa }) => !isEcdsa);
  const omitted = [...left, ...unsigned].map(({ message }) => message);
  const header = commentBlock([
    title,
    'In namespaces with the label policy.sigstore.dev/include=true, these images need the signatures that the bundle has.',
    'Other images are refused there, unless no-match-policy in the ConfigMap config-policy-controller is warn or allow.',
    ...(isKeyless
      ? unreadable.map(({ url }) => `Without the log ${url}, whose kind of key the controller does not read.`)
      : []),
    ...omitted,
  ]);
  const documents = [
    ...(isKeyless && trusted !== undefined ? [trustRoot(trusted)] : []),
    ...groups.map((group, index) => imagePolicy(group, `${NAME}-${index + 1}`, trusted)),
    ...(exempt.length === 0 ? [] : [exemptions(exempt, target)]),
  ];
  const text = header + documents.map((document) => yamlText(document)).join('---\n');
  return { files: [{ path: 'policy-controller.yaml', text }], left: omitted };
}

function trustRoot({ authorities, logs, certificateLogs }: TrustedKeys): object {
  return {
    apiVersion: 'policy.sigstore.dev/v1alpha1',
    kind: 'TrustRoot',
    metadata: { name: NAME },
    spec: {
      sigstoreKeys: {
        certificateAuthorities: authorities.map(({ organization, commonName, uri, certificates }) => ({
          subject: { organization, commonName },
          uri: uri || UNUSED_URL,
          certChain: base64(certificates),
        })),
        tLogs: logEntries(logs),
        ctLogs: logEntries(certificateLogs),
      },
    },
  };
}

function logEntries(logs: readonly TrustedLog[]): object[] {
  return logs
    .filter(({ isEcdsa }) => isEcdsa)
    .map(({ url, publicKey }) => ({ baseURL: url, hashAlgorithm: 'sha-256', publicKey: base64(publicKey) }));
}

function imagePolicy({ signers, patterns }: PolicyGroup, name: string, trusted: TrustedKeys | undefined): object {
  const identities = signers.identities.map(({ identity, issuer }) => ({
    ...field('issuer', issuer),
    ...field('subject', identity),
  }));
  const keyless = {
    keyless: { url: trusted?.authorities[0]?.uri || UNUSED_URL, trustRootRef: NAME, identities },
    ctlog: { trustRootRef: NAME },
  };
  return clusterImagePolicy(name, patterns, [
    ...signers.keys.map((data) => ({ key: { data } })),
    ...(identities.length === 0 ? [] : [keyless]),
  ]);
}

/**
 * Lets images pass that need no signature: the controller refuses what no policy is about, unless it is configured otherwise. It
 * has resolved tags to digests before it asks.
 */
function exemptions(images: readonly BundledImage[], target: Target): object {
  const globs = images.map(
    ({ reference, digest }) => `${formatRepository(targetRepository(target, reference))}@${digest}`,
  );
  return clusterImagePolicy(`${NAME}-exempt`, [...new Set(globs)].sort(compareText), [{ static: { action: 'pass' } }]);
}

function clusterImagePolicy(name: string, globs: readonly string[], authorities: readonly object[]): object {
  return {
    apiVersion: 'policy.sigstore.dev/v1beta1',
    kind: 'ClusterImagePolicy',
    metadata: { name },
    spec: { images: globs.map((glob) => ({ glob })), authorities },
  };
}

function field(name: 'subject' | 'issuer', rule: TextRule): object {
  return 'exact' in rule ? { [name]: rule.exact } : { [`${name}RegExp`]: rule.pattern };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
