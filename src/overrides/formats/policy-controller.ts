import { yamlText } from '../../base/yaml-text.ts';
import type { Target } from '../../naming/naming.ts';
import type { TextRule } from '../../sigstore/identity.ts';
import type { TrustedKeys, TrustedLog } from '../../sigstore/trusted-keys.ts';
import { commentBlock, type GeneratedFiles } from './format.ts';
import { expressible, type PolicyGroup, type PolicyImage, type PolicyOptions, policyGroups } from './image-policy.ts';

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
  { title, trusted, unsigned, ...options }: PolicyOptions,
): GeneratedFiles {
  const { images, left, others } = expressible(all, (_, { form, time }) => {
    if (form === 'referrer') return 'its signature is a referrer, which policy-controller does not look for by default';
    if (form !== 'bundle') return undefined;
    if (time === undefined) return 'policy-controller does not verify sigstore bundles with a key';
    return time === 'log'
      ? undefined
      : 'only a timestamp authority vouches for its time, for which policy-controller checks no transparency log';
  });
  const groups = policyGroups(images, target, [...others, ...options.others]);
  const isKeyless = groups.some(({ signers }) => signers.identities.length > 0);
  const unreadable = [...(trusted?.logs ?? []), ...(trusted?.certificateLogs ?? [])].filter(({ isEcdsa }) => !isEcdsa);
  const omitted = [...left, ...unsigned];
  const header = commentBlock([
    title,
    'In namespaces with the label policy.sigstore.dev/include=true, these images need the signatures that the bundle has.',
    ...(isKeyless
      ? unreadable.map(({ url }) => `Without the log ${url}, whose kind of key the controller does not read.`)
      : []),
    ...omitted,
  ]);
  const documents = [
    ...(isKeyless && trusted !== undefined ? [trustRoot(trusted)] : []),
    ...groups.map((group, index) => imagePolicy(group, `${NAME}-${index + 1}`, trusted)),
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

function imagePolicy({ signers, form, patterns }: PolicyGroup, name: string, trusted: TrustedKeys | undefined): object {
  const identities = signers.identities.map(({ identity, issuer }) => ({
    ...field('issuer', issuer),
    ...field('subject', identity),
  }));
  const keyless = {
    keyless: { url: trusted?.authorities[0]?.uri || UNUSED_URL, trustRootRef: NAME, identities },
    ctlog: { trustRootRef: NAME },
    ...(form === 'bundle' && { signatureFormat: 'bundle' }),
  };
  return {
    apiVersion: 'policy.sigstore.dev/v1beta1',
    kind: 'ClusterImagePolicy',
    metadata: { name },
    spec: {
      images: patterns.map((glob) => ({ glob })),
      authorities: [
        ...(form === 'bundle' ? [] : signers.keys.map((data) => ({ key: { data } }))),
        ...(identities.length === 0 ? [] : [keyless]),
      ],
    },
  };
}

function field(name: 'subject' | 'issuer', rule: TextRule): object {
  return 'exact' in rule ? { [name]: rule.exact } : { [`${name}RegExp`]: rule.pattern };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
