import type { Emit } from '../../base/events.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Graph } from '../../oci/graph.ts';
import { formatReference } from '../../oci/reference.ts';

/** Announces the transfer, and each image when the file has all its blobs. */
export class ImageProgress {
  readonly #emit: Emit;
  readonly #owners: ReadonlyMap<Digest, readonly string[]>;
  /** Number of outstanding blobs, by image. */
  readonly #outstanding: Map<string, number>;
  readonly #digests: ReadonlyMap<string, Digest>;

  constructor(
    { roots }: Graph,
    owners: ReadonlyMap<Digest, readonly string[]>,
    pending: readonly Descriptor[],
    emit: Emit,
  ) {
    this.#emit = emit;
    this.#owners = owners;
    this.#digests = new Map(roots.map(({ reference, descriptor }) => [formatReference(reference), descriptor.digest]));
    this.#outstanding = new Map([...this.#digests.keys()].map((name) => [name, 0]));
    const blobs = pending.map(({ digest, size }) => ({
      digest,
      bytes: size,
      owner: owners.get(digest)?.[0],
    }));
    emit({ type: 'plan', activity: 'fetching', items: { total: roots.length, noun: 'images' }, blobs });
    for (const { digest } of blobs) for (const name of this.#imagesOf(digest)) this.#add(name, 1);
    for (const [name, blobs] of this.#outstanding) if (blobs === 0) this.#announce(name);
  }

  complete(blob: Digest): void {
    for (const name of this.#imagesOf(blob)) if (this.#add(name, -1) === 0) this.#announce(name);
  }

  #imagesOf(blob: Digest): readonly string[] {
    return (this.#owners.get(blob) ?? []).filter((name) => this.#digests.has(name));
  }

  #add(name: string, blobs: number): number {
    const outstanding = (this.#outstanding.get(name) ?? 0) + blobs;
    this.#outstanding.set(name, outstanding);
    return outstanding;
  }

  #announce(name: string): void {
    this.#emit({ type: 'image', reference: name, digest: this.#digests.get(name) as Digest });
  }
}
