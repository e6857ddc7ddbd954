import { yamlText } from '../../base/yaml-text.ts';
import type { Target } from '../../naming/naming.ts';
import { SIGN_PREDICATE } from '../../oci/referrer-signature.ts';
import type { IdentityRule, TextRule } from '../../sigstore/identity.ts';
import type { TrustedKeys } from '../../sigstore/trusted-keys.ts';
import { commentBlock, type GeneratedFiles } from './format.ts';
import {
  asPattern,
  expressible,
  type PolicyGroup,
  type PolicyImage,
  type PolicyOptions,
  policyGroups,
} from './image-policy.ts';

/** Name of the policy; applying it again replaces it. */
const NAME = 'airgap-signatures';

/**
 * Formats a Kyverno `ClusterPolicy` (kyverno.io/v1) that requires the signatures of images at the target. Keys and
 * certificates are in it, so that Kyverno asks nothing of the internet: an `ImageValidatingPolicy` would read them from a
 * TUF repository. That is also where a `ClusterPolicy` reads them for keyless sigstore bundles, which are therefore left out.
 */
export function formatKyverno(
  all: readonly PolicyImage[],
  target: Target,
  { title, trusted, plainHttp, unsigned, exempt }: PolicyOptions,
): GeneratedFiles {
  const { images, left } = expressible(all, (_, { form, time }) =>
    form === 'bundle' && time !== undefined
      ? 'its keyless signature is a sigstore bundle, for which a ClusterPolicy of Kyverno has no trusted root of its own'
      : undefined,
  );
  const groups = policyGroups(images, target, [...left, ...unsigned, ...exempt]);
  const omitted = [...left, ...unsigned].map(({ message }) => message);
  const policy = {
    apiVersion: 'kyverno.io/v1',
    kind: 'ClusterPolicy',
    metadata: { name: NAME },
    spec: {
      validationFailureAction: 'Enforce',
      background: false,
      webhookTimeoutSeconds: 30,
      rules: groups.map((group, index) => ({
        name: `signatures-${index + 1}`,
        match: { any: [{ resources: { kinds: ['Pod'] } }] },
        verifyImages: [verification(group, trusted, plainHttp)],
      })),
    },
  };
  const header = commentBlock([title, 'Pods with these images need the signatures that the bundle has.', ...omitted]);
  return {
    files: [{ path: 'kyverno.yaml', text: header + (groups.length === 0 ? '' : yamlText(policy)) }],
    left: omitted,
  };
}

function verification(
  { signers, form, patterns }: PolicyGroup,
  trusted: TrustedKeys | undefined,
  plainHttp: boolean,
): object {
  const attestors = [
    {
      count: 1,
      entries: [
        // A key needs no log, as in bundle --verify-signatures.
        ...signers.keys.map((publicKeys) => ({
          keys: { publicKeys, rekor: { ignoreTlog: true }, ctlog: { ignoreSCT: true } },
        })),
        ...(trusted === undefined || form === 'bundle'
          ? []
          : signers.identities.flatMap((rule) => keylessEntries(rule, trusted))),
      ],
    },
  ];
  return {
    imageReferences: patterns,
    ...(plainHttp && { imageRegistryCredentials: { allowInsecureRegistry: true } }),
    ...(form === 'referrer' && { cosignOCI11: true }),
    // A signature of cosign 3 is a statement. Without its type, an attestation by the key would do.
    ...(form === 'bundle'
      ? { type: 'SigstoreBundle', attestations: [{ type: SIGN_PREDICATE, attestors }] }
      : { attestors }),
  };
}

/** An entry takes one key of each kind of log. Kyverno reads signed times of logs with ECDSA keys only, as cosign does. */
function keylessEntries({ identity, issuer }: IdentityRule, trusted: TrustedKeys): object[] {
  const roots = trusted.authorities.map(({ certificates }) => certificates).join('');
  return trusted.logs
    .filter(({ isEcdsa }) => isEcdsa)
    .flatMap(({ url, publicKey }) =>
      trusted.certificateLogs.map((log) => ({
        keyless: {
          ...field('subject', identity),
          ...field('issuer', issuer),
          roots,
          rekor: { url, pubkey: publicKey },
          ctlog: { pubkey: log.publicKey },
        },
      })),
    );
}

/** Kyverno takes `*` and `?` in an exact text for wildcards. */
function field(name: 'subject' | 'issuer', rule: TextRule): object {
  return 'exact' in rule && !/[*?]/.test(rule.exact) ? { [name]: rule.exact } : { [`${name}RegExp`]: asPattern(rule) };
}
