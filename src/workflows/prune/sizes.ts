import type { Digest } from '../../oci/digest.ts';
import type { Relations, StoredManifest } from './content.ts';
import type { JudgedRepository } from './judge-repository.ts';

/** Bytes that nothing which stays needs, in any of the repositories. Registries free them when they collect garbage. */
export class Sizes {
  readonly #judged: readonly JudgedRepository[];
  /** Manifests and blobs of what stays. */
  readonly #needed = new Set<Digest>();

  constructor(judged: readonly JudgedRepository[]) {
    this.#judged = judged;
    for (const { relations, staying } of judged) {
      const { manifests, problem } = relations.content;
      for (const { digest, blobs } of manifests.values()) {
        if (problem === undefined && !staying.digests.has(digest)) continue;
        this.#needed.add(digest);
        for (const blob of blobs) this.#needed.add(blob.digest);
      }
    }
  }

  /** Returns the bytes of a manifest and everything below it that nothing needs. */
  of(relations: Relations, digest: Digest): number {
    return this.#sum([...relations.below(digest)].flatMap((one) => relations.content.manifests.get(one) ?? []));
  }

  /** Returns the bytes of all manifests that do not stay, and of their blobs, each once. */
  total(): number {
    return this.#sum(
      this.#judged.flatMap(({ relations: { content }, staying }) =>
        content.problem === undefined
          ? [...content.manifests.values()].filter(({ digest }) => !staying.digests.has(digest))
          : [],
      ),
    );
  }

  #sum(manifests: readonly StoredManifest[]): number {
    const sizes = new Map<Digest, number>();
    for (const { digest, size, blobs } of manifests) {
      if (!this.#needed.has(digest)) sizes.set(digest, size);
      for (const blob of blobs) if (!this.#needed.has(blob.digest)) sizes.set(blob.digest, blob.size);
    }
    return sizes.values().reduce((sum, size) => sum + size, 0);
  }
}
