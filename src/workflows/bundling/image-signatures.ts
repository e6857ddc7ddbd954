import type { KeyObject } from 'node:crypto';
import { AirgapError, combine } from '../../base/errors.ts';
import { settle } from '../../base/pool.ts';
import type { ManifestContent, Source } from '../../oci/content.ts';
import { isIndexType } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { closureOf, type Graph, type Root } from '../../oci/graph.ts';
import { readLinks } from '../../oci/manifest.ts';
import { isAttestation } from '../../oci/platform.ts';
import { formatReference, formatRepository } from '../../oci/reference.ts';
import type { Referrer } from '../../oci/referrer.ts';
import { isSigned, signatureBlobs } from '../../oci/referrer-signature.ts';
import { checkAborted, failureOf } from '../../transfer/failure.ts';
import { referrerManifest } from '../../transfer/manifest-reader.ts';
import { type ReadBlobOptions, readBlob } from '../../transfer/read-blob.ts';
import type { Unanswered } from '../../transfer/referrer-questions.ts';

export interface SignatureCheck extends ReadBlobOptions {
  readonly graph: Graph;
  /**
   * Returns whether a root is known to derive from the manifest with its `sourceDigest`. The inventory of a bundle is
   * not proof of that; without proof, the signature must cover the digest in the bundle.
   */
  readonly knowsSource: (root: Root) => Promise<boolean>;
  /** Referrers of indexes that the platform selection replaced; publishers usually sign these indexes. */
  readonly leftOut: readonly Referrer[];
  readonly source: Source;
  /** Images whose referrers could not all be read. */
  readonly unanswered?: readonly Unanswered[];
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
  const { graph, concurrency, signal } = check;
  const verifier = new Verifier(check);
  const wanted = new Map<Root, Digest>();
  const outcomes = await settle(graph.roots, concurrency, async (root) => {
    const { sourceDigest, descriptor } = root;
    const isKnown = sourceDigest !== undefined && (await check.knowsSource(root));
    const digest = isKnown ? sourceDigest : descriptor.digest;
    wanted.set(root, digest);
    if (await verifier.isSigned(root, digest)) return true;
    if (root.sourceDigest === undefined) return false;
    const parts = await Promise.all(imagesIn(graph, root).map((at) => verifier.isSigned(root, at)));
    return parts.length > 0 && parts.every(Boolean);
  });
  checkAborted(signal);
  const errors = outcomes.flatMap((outcome, at) => {
    const root = graph.roots[at] as Root;
    const name = formatReference(root.reference);
    if ('error' in outcome) return [failureOf(name, outcome.error)];
    if (outcome.value) return [];
    const digest = wanted.get(root) as Digest;
    const unanswered = check.unanswered?.find(({ images }) => images.includes(name))?.error;
    return [unsigned(name, root, digest, { count: verifier.count(root, digest), keys: check.keys.length, unanswered })];
  });
  if (errors.length > 0) {
    throw combine(errors, `${errors.length} of ${graph.roots.length} images have no valid signature`);
  }
}

class Verifier {
  readonly #check: SignatureCheck;
  readonly #bySubject: ReadonlyMap<string, readonly Referrer[]>;

  constructor(check: SignatureCheck) {
    this.#check = check;
    const all = [...(check.graph.referrers ?? []), ...check.leftOut];
    this.#bySubject = Map.groupBy(all, ({ repository, subject }) => `${formatRepository(repository)}@${subject}`);
  }

  /** Returns the number of referrers of the manifest that must be signed. */
  count({ reference }: Root, digest: Digest): number {
    return this.#of(reference, digest).length;
  }

  async isSigned({ reference }: Root, digest: Digest): Promise<boolean> {
    const { keys } = this.#check;
    for (const referrer of this.#of(reference, digest)) {
      const { descriptor, bytes } = await this.#manifest(referrer);
      for (const { blob, signature } of signatureBlobs(readLinks(descriptor.mediaType, bytes))) {
        if (blob.size > SIGNATURE_LIMIT) continue;
        const { repository } = referrer;
        const content = await readBlob(
          this.#check.source,
          { descriptor: blob, repositories: [repository] },
          this.#check,
        );
        if (isSigned({ signature }, content, digest, keys)) return true;
      }
    }
    return false;
  }

  #of(reference: Root['reference'], digest: Digest): readonly Referrer[] {
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
    (at) => graph.manifests.get(at)?.children ?? [],
  );
  const isIndex = (digest: Digest): boolean => isIndexType(graph.manifests.get(digest)?.descriptor.mediaType ?? '');
  const images = children.filter(({ digest, platform }) => !isIndex(digest) && !isAttestation(platform));
  return [...new Set(images.map(({ digest }) => digest))];
}

/** Details for the error about an unsigned image. */
interface Unsigned {
  /** Number of referrers that may be signatures. */
  readonly count: number;
  readonly keys: number;
  /** Error because of which not all referrers are known. */
  readonly unanswered: AirgapError | undefined;
}

function unsigned(name: string, root: Root, digest: Digest, { count, keys, unanswered }: Unsigned): AirgapError {
  const by = keys === 1 ? 'the key' : 'any of the keys';
  const found = count === 0 ? 'it has no referrers' : `none of its referrers (${count}) is a signature by ${by}`;
  const isPart = root.sourceDigest !== undefined;
  const each = isPart ? ', nor of each image in it' : '';
  const isKnown = root.sourceDigest === digest;
  if (unanswered !== undefined) {
    const message = `${name}: no cosign signature of ${digest}${each} by ${by} was found, and its referrers could not all be read: ${unanswered.message}`;
    return new AirgapError('signature', message, {
      hint: unanswered.hint ?? 'run the command again',
      cause: unanswered,
    });
  }
  return new AirgapError('signature', `${name}: no cosign signature of ${digest}${each} by ${by}: ${found}`, {
    hint: isPart && (count === 0 || !isKnown) ? partHint(root, isKnown) : SIGN,
  });
}

const SIGN = 'leave out the image with --exclude, or sign it with cosign sign --key';

/** Returns the hint for a reduced index, which the signature of the original index does not cover. */
function partHint({ sourceDigest }: Root, isKnown: boolean): string {
  const part = 'the signature of an index does not cover an index reduced to some platforms';
  if (isKnown) return `${part}; bundle the image without --platform, or verify it at its registry`;
  return `${part}, and the bundle does not prove that this one derives from ${sourceDigest}; bundle it again, or verify it with bundle --verify-signatures`;
}
