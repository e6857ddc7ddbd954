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
   * Whether a root was made of what has its digest at the source. In a bundle the lock says so, which nobody has to believe:
   * where nothing shows it, a signature has to be over what is there.
   */
  readonly knowsSource: (root: Root) => Promise<boolean>;
  /** What belongs to indexes that a choice of platforms made others of: that is what people sign. */
  readonly leftOut: readonly Referrer[];
  readonly source: Source;
  /** Where a registry did not say which signatures it has. */
  readonly unanswered?: readonly Unanswered[];
  /** Any of them may have signed an image. */
  readonly keys: readonly KeyObject[];
  /** Images checked at the same time. */
  readonly concurrency: number;
}

/** Bytes of a signature that are read; real ones have some hundred, with a certificate chain some ten thousand. */
export const SIGNATURE_LIMIT = 4 * 1024 * 1024;

/**
 * Makes sure that every image has a cosign signature by one of the keys, offline: over its digest at the source, or, of an
 * image that a choice of platforms made smaller, over each of the images that are left. The digest at the source counts only
 * where the image is known to be made of that.
 * @throws AirgapError `signature` naming each image that has none, `several` for more than one; what the source throws
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
    throw combine(errors, `${errors.length} of ${graph.roots.length} images are not signed as they have to be`);
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

  /** Manifests that belong to what has to be signed. */
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

/** The images below a root, without what is no image of its own. What is an index, it says itself, not who names it. */
function imagesIn(graph: Graph, { descriptor }: Root): Digest[] {
  const children = closureOf(graph, descriptor.digest).manifests.flatMap(
    (at) => graph.manifests.get(at)?.children ?? [],
  );
  const isIndex = (digest: Digest): boolean => isIndexType(graph.manifests.get(digest)?.descriptor.mediaType ?? '');
  const images = children.filter(({ digest, platform }) => !isIndex(digest) && !isAttestation(platform));
  return [...new Set(images.map(({ digest }) => digest))];
}

/** What is known of an image without a signature. */
interface Unsigned {
  /** Manifests that may be signatures. */
  readonly count: number;
  readonly keys: number;
  /** Why not all of them are known. */
  readonly unanswered: AirgapError | undefined;
}

function unsigned(name: string, root: Root, digest: Digest, { count, keys, unanswered }: Unsigned): AirgapError {
  const by = keys === 1 ? 'the key' : 'any of the keys';
  const found = count === 0 ? 'nothing is there that could be one' : 'what is there is none, or is by another key';
  const isPart = root.sourceDigest !== undefined;
  const each = isPart ? ', nor of each image in it' : '';
  const isKnown = root.sourceDigest === digest;
  if (unanswered !== undefined) {
    const message = `${name} has no cosign signature of ${digest}${each} by ${by} that is known, and its registry did not say all: ${unanswered.message}`;
    return new AirgapError('signature', message, { hint: unanswered.hint ?? 'run it again', cause: unanswered });
  }
  return new AirgapError('signature', `${name} has no cosign signature of ${digest}${each} by ${by}: ${found}`, {
    hint: isPart && (count === 0 || !isKnown) ? partHint(root, isKnown) : SIGN,
  });
}

const SIGN = 'leave the image out with --exclude, or have it signed: cosign sign --key';

/** The signature of an index does not fit one that was made of it. */
function partHint({ sourceDigest }: Root, isKnown: boolean): string {
  const part = 'the signature of an index does not fit one that was made of it for some platforms';
  if (isKnown) return `${part}; bundle it without --platform, or check it there`;
  return `${part}, and nothing in the bundle shows that this one was made of ${sourceDigest}: bundle it anew, or check it with bundle --verify-signatures`;
}
