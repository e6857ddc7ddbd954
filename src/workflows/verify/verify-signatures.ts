import { AirgapError } from '../../base/errors.ts';
import { openCheckedBundle } from '../../bundle/open.ts';
import type { Bundle } from '../../bundle/reading/bundle.ts';
import type { RequiredSigner } from '../../bundle/signing/check-signature.ts';
import { MediaType } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { formatReference } from '../../oci/reference.ts';
import { fingerprintOf } from '../../oci/signing-key.ts';
import type { Context } from '../../session/context.ts';
import type { TrustedRoot } from '../../sigstore/trusted-root.ts';
import { Walker } from '../../transfer/walk.ts';
import { requireSignatures } from '../bundle/image-signatures.ts';
import type { SignaturePolicy } from '../bundle/signature-policy.ts';
import type { AcceptedSignature, SignatureCheck } from '../bundle/signature-search.ts';
import { bundledSignatures, isSubsetOfSource } from '../bundle/subset-evidence.ts';

/** Who signed an image, or why it needs no signature. */
export interface ImageSignatures {
  readonly image: string;
  /** One of the image, or one of each image in an index that was reduced to some platforms. */
  readonly signatures?: readonly VerifiedSignature[];
  /** Reason of a rule. */
  readonly unsigned?: string;
}

interface VerifiedSignature extends Pick<AcceptedSignature, 'digest' | 'form'> {
  /** Fingerprint of the key. */
  readonly key?: Digest;
  /** What the certificate of a keyless signature says. */
  readonly identity?: string;
  readonly issuer?: string;
  /** Who vouches for the time of a keyless signature. */
  readonly time?: 'log' | 'authority';
}

/**
 * Verifies offline that the bundle has a signature of each of its images as the policy requires it.
 * @param policy without a trusted root, that of the bundle is used
 * @param signers public keys that must all have signed the bundle itself
 * @returns who signed each image; last those that need no signature
 * @throws AirgapError `signature` naming each unsigned image, `several` for more than one; `bundle-invalid`; `usage` if there
 *   is no trusted root for keyless signatures, or only one for which nobody vouches
 */
export function verifySignatures(
  context: Context,
  file: string,
  concurrency: number,
  policy: SignaturePolicy,
  signers: readonly RequiredSigner[] = [],
): Promise<readonly ImageSignatures[]> {
  return withSignatureCheck(context, { file, concurrency, policy, signers }, async (check) => {
    const { signed, exempt } = await requireSignatures(check);
    return [
      ...signed.map(({ root, signature, parts = [] }) => ({
        image: formatReference(root.reference),
        signatures: (signature === undefined ? parts : [signature]).map(verifiedSignature),
      })),
      ...exempt.map(({ root, reason }) => ({ image: formatReference(root.reference), unsigned: reason })),
    ];
  });
}

function verifiedSignature({ digest, form, signer }: AcceptedSignature): VerifiedSignature {
  if ('key' in signer) return { digest, form, key: fingerprintOf(signer.key) };
  const { identity, issuer, time } = signer;
  return { digest, form, identity, issuer, time };
}

/** A bundle, and the signatures that its images need. */
export interface BundleSignatures {
  readonly file: string;
  readonly concurrency: number;
  readonly policy: SignaturePolicy;
  /** Public keys that must all have signed the bundle itself. */
  readonly signers: readonly RequiredSigner[];
}

/**
 * Opens a bundle for a check of the signatures of its images, with the trusted root that applies.
 * @throws AirgapError `bundle-invalid`; `usage` for the trusted root; errors of the work
 */
export async function withSignatureCheck<R>(
  { emit, signal }: Context,
  { file, concurrency, policy, signers }: BundleSignatures,
  work: (check: SignatureCheck) => Promise<R>,
): Promise<R> {
  const source = await openCheckedBundle(file, { signers, emit });
  try {
    const needsRoot = policy.rules.some(({ identities }) => identities.length > 0);
    const trustedRoot = policy.trustedRoot ?? (needsRoot ? await bundledRoot(source, signers.length > 0) : undefined);
    const walker = new Walker(source, { platforms: [], concurrency, signal });
    const failures = await walker.add(source.images().map(({ reference }) => reference));
    const attached = await walker.attach(source.referrers());
    for (const { error } of [...failures, ...attached.failures]) throw error;
    const graph = walker.graph();
    return await work({
      graph: { ...graph, roots: source.images() },
      isSourceProven: (root) => isSubsetOfSource(source, root),
      leftOut: bundledSignatures(source),
      source,
      policy: { ...policy, trustedRoot },
      concurrency,
      emit,
      signal,
    });
  } finally {
    await source.close();
  }
}

const ROOT_HINT = 'give a root that came another way with --trusted-root FILE';

/**
 * Reads the trusted root in a bundle. Who makes a bundle chooses its root, and a root of one's own vouches for any identity:
 * so it is used only if the signature of the bundle was verified, which covers it.
 * @throws AirgapError `usage`
 */
async function bundledRoot(source: Bundle, isSigned: boolean): Promise<TrustedRoot> {
  const digest = source.inventory()?.trustedRoot;
  const size = digest === undefined ? undefined : source.entries.get(digest)?.size;
  if (digest === undefined || size === undefined) {
    throw new AirgapError('usage', `${source.path} has no trusted root to verify keyless signatures with`, {
      hint: `${ROOT_HINT}, or create the bundle with bundle --trusted-root`,
    });
  }
  if (!isSigned) {
    throw new AirgapError(
      'usage',
      `the trusted root in ${source.path} proves nothing by itself: who made the bundle chose it`,
      { hint: `require the signature of the bundle, which covers the root, with --key, or ${ROOT_HINT}` },
    );
  }
  const { parseTrustedRoot, TRUSTED_ROOT_LIMIT } = await import('../../sigstore/trusted-root.ts');
  const name = `the trusted root in ${source.path}`;
  if (size > TRUSTED_ROOT_LIMIT) throw new AirgapError('bundle-invalid', `${name} has ${size} bytes`);
  return parseTrustedRoot(await source.read({ mediaType: MediaType.sourceEvidence, digest, size }), name);
}
