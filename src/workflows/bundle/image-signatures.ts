import type { KeyObject } from 'node:crypto';
import { AirgapError, combine } from '../../base/errors.ts';
import { settle } from '../../base/pool.ts';
import { runStep } from '../../base/step.ts';
import type { ManifestContent, Source } from '../../oci/content.ts';
import { isIndexType } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { closureOf, type Graph, type Root } from '../../oci/graph.ts';
import { parseManifest } from '../../oci/manifest.ts';
import { isAttestationPlatform } from '../../oci/platform.ts';
import { formatReference, formatRepository } from '../../oci/reference.ts';
import type { Referrer } from '../../oci/referrer.ts';
import { isImageSignature, signatureBlobs } from '../../oci/referrer-signature.ts';
import { referrerManifest } from '../../transfer/manifest-reader.ts';
import type { IncompleteReferrers, ReferrerRequests } from '../../transfer/referrers/requests.ts';
import { type ReadBlobOptions, readBlob } from '../../transfer/resumable-read.ts';
import { throwIfAborted, wrapError } from '../../transfer/wrap-error.ts';

export interface SignatureCheck extends ReadBlobOptions {
  readonly graph: Graph;
  /**
   * Reports whether a root is known to derive from the manifest with its `sourceDigest`. The inventory of a bundle is
   * not proof of that; without proof, the signature must cover the digest in the bundle.
   */
  readonly isSourceProven: (root: Root) => Promise<boolean>;
  /** Referrers of indexes that the platform selection replaced; publishers usually sign these indexes. */
  readonly leftOut: readonly Referrer[];
  readonly source: Source;
  /** Images whose referrers could not all be read. */
  readonly incomplete?: readonly IncompleteReferrers[];
  /** Public keys; a signature by any of them is enough. */
  readonly keys: readonly KeyObject[];
  /** Images checked at the same time. */
  readonly concurrency: number;
}

/** Largest signature, in bytes; real ones have some hundred, with a certificate chain some ten thousand. */
export const SIGNATURE_LIMIT = 4 * 1024 * 1024;

/**
 * Verifies that every image has a cosign signature by one of the keys, offline. The signature must cover the digest at
 * the source, if the image is known to derive from it, or each remaining image of an index that was reduced.
 * @throws AirgapError `signature` naming each unsigned image, `several` for more than one; errors of the source
 */
export async function requireSignatures(check: SignatureCheck): Promise<void> {
  const { graph, concurrency, emit, signal } = check;
  const verifier = new Verifier(check);
  const expected = new Map<Root, Digest>();
  const isSigned = async (root: Root): Promise<boolean> => {
    const { sourceDigest, descriptor } = root;
    const isKnown = sourceDigest !== undefined && (await check.isSourceProven(root));
    const digest = isKnown ? sourceDigest : descriptor.digest;
    expected.set(root, digest);
    if (await verifier.isSigned(root, digest)) return true;
    if (root.sourceDigest === undefined) return false;
    const images = await Promise.all(imagesIn(graph, root).map((index) => verifier.isSigned(root, index)));
    return images.length > 0 && images.every(Boolean);
  };
  const outcomes = await runStep(
    emit,
    'checking the signatures of images',
    (advance) => settle(graph.roots, concurrency, (root) => isSigned(root).finally(advance)),
    graph.roots.length,
  );
  throwIfAborted(signal);
  const errors = outcomes.flatMap((outcome, index) => {
    const root = graph.roots[index] as Root;
    const name = formatReference(root.reference);
    if ('error' in outcome) return [wrapError(name, outcome.error)];
    if (outcome.value) return [];
    const digest = expected.get(root) as Digest;
    const registryError = check.incomplete?.find(({ images }) => images.includes(name))?.error;
    return [
      unsignedError(name, root, digest, {
        count: verifier.count(root, digest),
        keys: check.keys.length,
        registryError,
      }),
    ];
  });
  if (errors.length > 0) {
    throw combine(errors, `${errors.length} of ${graph.roots.length} images have no valid signature`);
  }
}

/**
 * Like {@link requireSignatures}, for images that have just been read from their registries: these are proof of what a
 * reduced index derives from. Does nothing without keys.
 * @param requests tell which referrers could not be read
 */
export async function requireSourceSignatures(
  check: Omit<SignatureCheck, 'isSourceProven' | 'incomplete'>,
  requests: ReferrerRequests,
): Promise<void> {
  if (check.keys.length === 0) return;
  await requireSignatures({ ...check, isSourceProven: async () => true, incomplete: requests.incomplete() });
}

class Verifier {
  readonly #check: SignatureCheck;
  readonly #bySubject: ReadonlyMap<string, readonly Referrer[]>;

  constructor(check: SignatureCheck) {
    this.#check = check;
    const allReferrers = [...(check.graph.referrers ?? []), ...check.leftOut];
    this.#bySubject = Map.groupBy(
      allReferrers,
      ({ repository, subject }) => `${formatRepository(repository)}@${subject}`,
    );
  }

  /** Returns the number of referrers of the manifest that must be signed. */
  count({ reference }: Root, digest: Digest): number {
    return this.#referrersOf(reference, digest).length;
  }

  async isSigned({ reference }: Root, digest: Digest): Promise<boolean> {
    const { keys } = this.#check;
    for (const referrer of this.#referrersOf(reference, digest)) {
      const { descriptor, bytes } = await this.#manifest(referrer);
      for (const { blob, signature } of signatureBlobs(parseManifest(descriptor.mediaType, bytes))) {
        if (blob.size > SIGNATURE_LIMIT) continue;
        const { repository } = referrer;
        const content = await readBlob(
          this.#check.source,
          { descriptor: blob, repositories: [repository] },
          this.#check,
        );
        if (isImageSignature({ signature }, content, digest, keys)) return true;
      }
    }
    return false;
  }

  #referrersOf(reference: Root['reference'], digest: Digest): readonly Referrer[] {
    return this.#bySubject.get(`${formatRepository(reference)}@${digest}`) ?? [];
  }

  async #manifest(referrer: Referrer): Promise<ManifestContent> {
    const { graph, source } = this.#check;
    const read = (lookup: string): Promise<ManifestContent> => source.manifest(referrer.repository, lookup);
    return graph.manifests.get(referrer.descriptor.digest) ?? referrerManifest(read, referrer);
  }
}

/**
 * Returns images below a root, without attestations. The media type comes from the manifest, not from its descriptor.
 */
function imagesIn(graph: Graph, { descriptor }: Root): Digest[] {
  const children = closureOf(graph, descriptor.digest).manifests.flatMap(
    (digest) => graph.manifests.get(digest)?.children ?? [],
  );
  const isIndex = (digest: Digest): boolean => isIndexType(graph.manifests.get(digest)?.descriptor.mediaType ?? '');
  const images = children.filter(({ digest, platform }) => !isIndex(digest) && !isAttestationPlatform(platform));
  return [...new Set(images.map(({ digest }) => digest))];
}

/** Details for the error about an unsigned image. */
interface UnsignedDetails {
  /** Number of referrers that may be signatures. */
  readonly count: number;
  readonly keys: number;
  /** Error because of which not all referrers are known. */
  readonly registryError: AirgapError | undefined;
}

function unsignedError(
  name: string,
  root: Root,
  digest: Digest,
  { count, keys, registryError }: UnsignedDetails,
): AirgapError {
  const by = keys === 1 ? 'the key' : 'any of the keys';
  const found = count === 0 ? 'it has no referrers' : `none of its referrers (${count}) is a signature by ${by}`;
  const isSubset = root.sourceDigest !== undefined;
  const each = isSubset ? ', nor of each image in it' : '';
  const isKnown = root.sourceDigest === digest;
  if (registryError !== undefined) {
    const reason = `no cosign signature${each} by ${by} was found, and its referrers could not all be read: ${registryError.reason}`;
    return new AirgapError('signature', reason, {
      subject: name,
      step: digest,
      hint: registryError.hint ?? 'run the command again',
      cause: registryError,
    });
  }
  return new AirgapError('signature', `no cosign signature${each} by ${by}: ${found}`, {
    subject: name,
    step: digest,
    hint: isSubset && (count === 0 || !isKnown) ? subsetHint(root, isKnown) : SIGN_HINT,
  });
}

const SIGN_HINT = 'leave out the image with --exclude, or sign it with cosign sign --key';

/** Returns the hint for a reduced index, which the signature of the original index does not cover. */
function subsetHint({ sourceDigest }: Root, isKnown: boolean): string {
  const part = 'the signature of an index does not cover an index reduced to some platforms';
  if (isKnown) return `${part}; bundle the image without --platform, or verify it at its registry`;
  return `${part}, and the bundle does not prove that this one derives from ${sourceDigest}; bundle it again, or verify it with bundle --verify-signatures`;
}
