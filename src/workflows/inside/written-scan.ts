import { messageOf } from '../../base/errors.ts';
import type { BlobWatch, PlacedBlob } from '../../bundle/write.ts';
import type { Source } from '../../oci/content.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Graph, Root } from '../../oci/graph.ts';
import { formatReference, lookupOf } from '../../oci/reference.ts';
import type { RegistryClient } from '../../registry/client.ts';
import { checkAborted } from '../../transfer/failure.ts';
import type { Context } from '../context.ts';
import { type ImageParts, imageParts, withoutPlatform } from './operator-image.ts';
import { ScanThread } from './scan-thread.ts';
import { asked, asker, type InsideImage, type OperatorSubject, type OperatorsOfChart, subjectsOf } from './subject.ts';

export interface WrittenScanOptions {
  /** Charts whose operators are scanned. */
  readonly charts: readonly OperatorsOfChart[];
  /** Client that checks if references exist. */
  readonly client: Pick<RegistryClient, 'head'>;
  /** Maximum concurrent requests. */
  readonly concurrency: number;
  /** Returns the reason why a layer is not in the file; by default, an earlier bundle contains it. */
  readonly missing?: (digest: Digest) => string;
}

interface Waiting extends ImageParts {
  readonly subject: OperatorSubject;
}

/**
 * Scans operator images while a bundle is written. Each image is scanned on a thread as soon as its layers are in the
 * file, so nothing is fetched twice, all content is verified, and downloads do not wait. These layers are fetched
 * first.
 */
export class WrittenScan implements BlobWatch {
  readonly blobs: ReadonlySet<Digest>;
  readonly #context: Context;
  readonly #graph: Graph;
  readonly #checkExistence: ReturnType<typeof asker>;
  readonly #concurrency: number;
  readonly #missingReason: (digest: Digest) => string;
  readonly #thread = new ScanThread();
  readonly #written = new Map<Digest, PlacedBlob>();
  /** Results by image, in the order of the charts. */
  readonly #results: Map<string, Promise<InsideImage | undefined>>;
  #pending: Waiting[];

  private constructor(context: Context, graph: Graph, waiting: Waiting[], options: WrittenScanOptions) {
    this.#context = context;
    this.#graph = graph;
    this.#pending = waiting;
    this.blobs = new Set(waiting.flatMap(({ config, layers }) => [config, ...layers].map(({ digest }) => digest)));
    this.#results = new Map(waiting.map(({ subject }) => [subject.image, Promise.resolve(undefined)]));
    this.#checkExistence = asker(options.client);
    this.#concurrency = options.concurrency;
    this.#missingReason = options.missing ?? (() => 'not in this bundle, but in the earlier one');
  }

  /** @returns undefined if the graph contains no operator */
  static async for(context: Context, graph: Graph, options: WrittenScanOptions): Promise<WrittenScan | undefined> {
    const roots = new Map(graph.roots.map((root) => [formatReference(root.reference), root]));
    const waiting: Waiting[] = [];
    for (const subject of subjectsOf(options.charts)) {
      const root = roots.get(subject.image);
      if (root === undefined) continue;
      const parts = await imageParts(manifestsOf(graph, root), root.reference);
      if (parts === undefined) context.emit({ type: 'warning', message: withoutPlatform(subject.image) });
      else waiting.push({ ...parts, subject });
    }
    return waiting.length === 0 ? undefined : new WrittenScan(context, graph, waiting, options);
  }

  /** Records the location of a blob and starts scans of images that are complete now. */
  readonly placed = (blob: PlacedBlob): void => {
    this.#written.set(blob.digest, blob);
    const isComplete = ({ config, layers }: Waiting): boolean =>
      [config, ...layers].every(({ digest }) => this.#written.has(digest) || this.#bytes(digest) !== undefined);
    const complete = this.#pending.filter(isComplete);
    this.#pending = this.#pending.filter((image) => !complete.includes(image));
    for (const image of complete) this.#results.set(image.subject.image, this.#scan(image));
  };

  /**
   * Returns the results after everything is written. Images with missing layers are scanned as far as possible; the
   * missing layers are reported as skipped.
   * @throws AirgapError `interrupted`
   */
  async finish(): Promise<InsideImage[]> {
    const { emit, signal } = this.#context;
    for (const image of this.#pending.splice(0)) this.#results.set(image.subject.image, this.#scan(image));
    const stop = (): void => void this.close();
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted) stop();
    const note = setTimeout(() => emit({ type: 'stage', message: 'scanning operator images' }), SOON);
    try {
      const results = await Promise.all(this.#results.values());
      checkAborted(signal);
      return results.flatMap((image) => image ?? []);
    } finally {
      clearTimeout(note);
      signal?.removeEventListener('abort', stop);
    }
  }

  /** Ends the thread and any running scan. */
  close(): Promise<void> {
    return this.#thread.close();
  }

  /** Scans one image. Does not throw: failures are reported as skipped, since scan findings are only additions. */
  async #scan({ subject, config, layers, isChosen }: Waiting): Promise<InsideImage | undefined> {
    const { image, makers, containers } = subject;
    const there = layers.flatMap(({ digest }) => this.#written.get(digest) ?? []);
    const missing = layers.filter(({ digest }) => !this.#written.has(digest));
    const [first] = missing;
    if (there.length === 0 && first !== undefined)
      return nothing(subject, `all layers: ${this.#missingReason(first.digest)}`);
    const words = containers.flatMap((container) => container.words);
    const known = this.#bytes(config.digest) ?? this.#written.get(config.digest);
    try {
      const job = { image, makers: [...makers], words, config: known, layers: there, isChosen };
      const findings = await this.#thread.scan(job);
      if (findings === undefined) {
        this.#context.emit({ type: 'warning', message: withoutPlatform(image) });
        return undefined;
      }
      const givenUp = [
        ...missing.map(({ digest }) => `layer ${digest}: ${this.#missingReason(digest)}`),
        ...findings.givenUp,
      ];
      return await asked(subject, { ...findings, givenUp }, this.#checkExistence, this.#concurrency);
    } catch (error) {
      return nothing(subject, `the whole image: ${messageOf(error)}`);
    }
  }

  #bytes(digest: Digest): Uint8Array | undefined {
    return this.#graph.blobs.get(digest)?.bytes;
  }
}

/** Milliseconds of waiting before a progress message. */
const SOON = 300;

function nothing({ image, containers }: OperatorSubject, reason: string): InsideImage {
  return { image, containers, candidates: [], open: [], givenUp: [reason], older: 0, asked: 0 };
}

/** Returns the manifests of one root of a graph as a source. */
function manifestsOf({ manifests }: Graph, { reference, descriptor }: Root): Pick<Source, 'manifest'> {
  return {
    manifest: async (_, tagOrDigest) => {
      const digest = tagOrDigest === lookupOf(reference) ? descriptor.digest : (tagOrDigest as Digest);
      const node = manifests.get(digest);
      if (node === undefined) throw new Error(`manifest ${tagOrDigest} is not in the graph`);
      return node;
    },
  };
}
