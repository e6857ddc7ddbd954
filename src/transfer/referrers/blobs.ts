import { AirgapError } from '../../base/errors.ts';
import type { Source } from '../../oci/content.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Graph, ManifestNode } from '../../oci/graph.ts';
import { formatRepository, type Repository } from '../../oci/reference.ts';
import { type ReadBlobOptions, readBlob } from '../resumable-read.ts';

/**
 * Largest blob, in bytes, that is read and cached. Signatures have some hundred, with certificates some ten thousand.
 */
const SMALL_BLOB = 256 * 1024;
/** Bytes cached in total, since the registry decides how much it lists. Other blobs are read when they are written. */
const CACHE_LIMIT = 64 * 1024 * 1024;

/**
 * Checks the blobs of referrers before anything is written: a signature whose registry lacks its blob must not fail the
 * image. Small blobs are read and cached, so they cost no second request; of larger ones the first byte is read.
 */
export class ReferrerBlobs {
  readonly #source: Source;
  readonly #options: ReadBlobOptions;
  readonly #cached = new Map<Digest, Promise<Uint8Array>>();
  readonly #opened = new Set<string>();
  #cachedBytes = 0;

  constructor(source: Source, options: ReadBlobOptions) {
    this.#source = source;
    this.#options = options;
  }

  /** Checks that all blobs of the manifests exist. @throws AirgapError `registry` if one does not; errors of reading */
  async check(repository: Repository, nodes: readonly ManifestNode[]): Promise<void> {
    for (const descriptor of nodes.flatMap(({ blobs }) => blobs)) {
      const { digest, size } = descriptor;
      const known = this.#cached.get(digest);
      try {
        if (known === undefined && (size > SMALL_BLOB || this.#cachedBytes + size > CACHE_LIMIT))
          await this.#probe(repository, descriptor);
        else await this.#cache(known, repository, descriptor);
      } catch (error) {
        if (!(error instanceof AirgapError) || error.code !== 'image-not-found') throw error;
        const message = `its blob ${digest} does not exist: ${error.message}`;
        throw new AirgapError('registry', `${formatRepository(repository)}: ${message}`, { cause: error });
      }
    }
  }

  async #cache(known: Promise<Uint8Array> | undefined, repository: Repository, descriptor: Descriptor): Promise<void> {
    const { digest, size } = descriptor;
    if (known === undefined) this.#cachedBytes += size;
    const reading = known ?? readBlob(this.#source, { descriptor, repositories: [repository] }, this.#options);
    this.#cached.set(digest, reading);
    try {
      await reading;
    } catch (error) {
      // Retried on the next call, because another repository may have it.
      if (this.#cached.delete(digest)) this.#cachedBytes -= size;
      throw error;
    }
  }

  async #probe(repository: Repository, descriptor: Descriptor): Promise<void> {
    const name = `${formatRepository(repository)}@${descriptor.digest}`;
    if (this.#opened.has(name)) return;
    try {
      const body = await this.#source.blob(repository, descriptor).open(0, this.#options.signal, 1);
      body.on('error', () => {}).destroy();
    } catch (error) {
      // The source cannot end a read early, but it has the blob.
      if (!(error instanceof AirgapError) || error.code !== 'unsupported') throw error;
    }
    this.#opened.add(name);
  }

  /** Returns the graph with the cached content, so that it is not requested again. */
  async withBlobs(graph: Graph): Promise<Graph> {
    const blobs = new Map(graph.blobs);
    for (const [digest, reading] of this.#cached) {
      const node = blobs.get(digest);
      if (node !== undefined && node.bytes === undefined) blobs.set(digest, { ...node, bytes: await reading });
    }
    return { ...graph, blobs };
  }
}
