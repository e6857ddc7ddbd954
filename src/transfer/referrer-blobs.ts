import { AirgapError } from '../base/errors.ts';
import type { Source } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { Graph, ManifestNode } from '../oci/graph.ts';
import { formatRepository, type Repository } from '../oci/reference.ts';
import { type ReadBlobOptions, readBlob } from './read-blob.ts';

/** Bytes of a blob that is read ahead and kept. Signatures have some hundred, with certificates some ten thousand. */
const SMALL = 256 * 1024;
/** Bytes that are kept in all; a registry may list what it likes. What is more is read when it is written. */
const KEPT = 64 * 1024 * 1024;

/**
 * The blobs of signatures and other referrers, before anything is written: an image is not to fail of a signature of which
 * its registry has the manifest alone. Small ones are read and kept, so they cost no request; of others the first byte is read.
 */
export class ReferrerBlobs {
  readonly #source: Source;
  readonly #options: ReadBlobOptions;
  readonly #read = new Map<Digest, Promise<Uint8Array>>();
  readonly #begun = new Set<string>();
  #kept = 0;

  constructor(source: Source, options: ReadBlobOptions) {
    this.#source = source;
    this.#options = options;
  }

  /** @throws AirgapError `registry` where a blob is not there; what reading fails of */
  async check(repository: Repository, nodes: readonly ManifestNode[]): Promise<void> {
    for (const descriptor of nodes.flatMap(({ blobs }) => blobs)) {
      const { digest, size } = descriptor;
      const known = this.#read.get(digest);
      try {
        if (known === undefined && (size > SMALL || this.#kept + size > KEPT))
          await this.#begin(repository, descriptor);
        else await this.#keep(known, repository, descriptor);
      } catch (error) {
        if (!(error instanceof AirgapError) || error.code !== 'image-not-found') throw error;
        const message = `its blob ${digest} is not there: ${error.message}`;
        throw new AirgapError('registry', `${formatRepository(repository)}: ${message}`, { cause: error });
      }
    }
  }

  async #keep(known: Promise<Uint8Array> | undefined, repository: Repository, descriptor: Descriptor): Promise<void> {
    const { digest, size } = descriptor;
    if (known === undefined) this.#kept += size;
    const reading = known ?? readBlob(this.#source, { descriptor, repositories: [repository] }, this.#options);
    this.#read.set(digest, reading);
    try {
      await reading;
    } catch (error) {
      // Another repository may have it.
      if (this.#read.delete(digest)) this.#kept -= size;
      throw error;
    }
  }

  async #begin(repository: Repository, descriptor: Descriptor): Promise<void> {
    const name = `${formatRepository(repository)}@${descriptor.digest}`;
    if (this.#begun.has(name)) return;
    try {
      const body = await this.#source.blob(repository, descriptor).open(0, this.#options.signal, 1);
      body.on('error', () => {}).destroy();
    } catch (error) {
      // It cannot stop there, and has it.
      if (!(error instanceof AirgapError) || error.code !== 'unsupported') throw error;
    }
    this.#begun.add(name);
  }

  /** The graph with what was read in it, so that nobody asks for it again. */
  async within(graph: Graph): Promise<Graph> {
    const blobs = new Map(graph.blobs);
    for (const [digest, reading] of this.#read) {
      const node = blobs.get(digest);
      if (node !== undefined && node.bytes === undefined) blobs.set(digest, { ...node, bytes: await reading });
    }
    return { ...graph, blobs };
  }
}
