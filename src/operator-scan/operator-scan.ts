import { messageOf } from '../base/errors.ts';
import { runStep } from '../base/step.ts';
import type { BlobWatch, WrittenBlob } from '../bundle/write.ts';
import type { Source } from '../oci/content.ts';
import type { Digest } from '../oci/digest.ts';
import type { Graph, Root } from '../oci/graph.ts';
import { formatReference, tagOrDigestOf } from '../oci/reference.ts';
import type { RegistryClient } from '../registry/client.ts';
import type { Context } from '../session/context.ts';
import { throwIfAborted } from '../transfer/wrap-error.ts';
import { type ImageParts, imageParts, missingPlatformMessage } from './operator-image.ts';
import {
  type ChartOperators,
  confirmScan,
  existenceChecker,
  type OperatorImage,
  type OperatorScanResult,
  operatorImagesOf,
} from './operators.ts';
import { ScanThread } from './scan-thread.ts';

export interface OperatorScanOptions {
  /** Charts whose operators are scanned. */
  readonly charts: readonly ChartOperators[];
  /** Client that checks if references exist. */
  readonly client: Pick<RegistryClient, 'head'>;
  /** Maximum concurrent requests. */
  readonly concurrency: number;
  /** Returns the reason why a layer is not in the file; by default, an earlier bundle contains it. */
  readonly missingReason?: (digest: Digest) => string;
}

interface PendingImage extends ImageParts {
  readonly operator: OperatorImage;
}

/**
 * Scans operator images while a bundle is written. Each image is scanned on a thread as soon as its layers are in the
 * file, so nothing is fetched twice, all content is verified, and downloads do not wait. These layers are fetched
 * first.
 */
export class OperatorScan implements BlobWatch {
  readonly blobs: ReadonlySet<Digest>;
  readonly #context: Context;
  readonly #graph: Graph;
  readonly #checkExistence: ReturnType<typeof existenceChecker>;
  readonly #concurrency: number;
  readonly #missingReason: (digest: Digest) => string;
  readonly #thread = new ScanThread();
  readonly #written = new Map<Digest, WrittenBlob>();
  /** Results by image, in the order of the charts. */
  readonly #results: Map<string, Promise<OperatorScanResult | undefined>>;
  #pending: PendingImage[];

  private constructor(context: Context, graph: Graph, pending: PendingImage[], options: OperatorScanOptions) {
    this.#context = context;
    this.#graph = graph;
    this.#pending = pending;
    this.blobs = new Set(pending.flatMap(({ config, layers }) => [config, ...layers].map(({ digest }) => digest)));
    this.#results = new Map(pending.map(({ operator }) => [operator.image, Promise.resolve(undefined)]));
    this.#checkExistence = existenceChecker(options.client);
    this.#concurrency = options.concurrency;
    this.#missingReason = options.missingReason ?? (() => 'not in this bundle, but in the earlier one');
  }

  /** Creates a scan; undefined if the graph contains no operator. */
  static async for(context: Context, graph: Graph, options: OperatorScanOptions): Promise<OperatorScan | undefined> {
    const roots = new Map(graph.roots.map((root) => [formatReference(root.reference), root]));
    const pending: PendingImage[] = [];
    for (const operator of operatorImagesOf(options.charts)) {
      const root = roots.get(operator.image);
      if (root === undefined) continue;
      const parts = await imageParts(manifestSource(graph, root), root.reference);
      if (parts === undefined) context.emit({ type: 'warning', message: missingPlatformMessage(operator.image) });
      else pending.push({ ...parts, operator });
    }
    return pending.length === 0 ? undefined : new OperatorScan(context, graph, pending, options);
  }

  /** Records the location of a blob and starts scans of images that are complete now. */
  readonly onWritten = (blob: WrittenBlob): void => {
    this.#written.set(blob.digest, blob);
    const isComplete = ({ config, layers }: PendingImage): boolean =>
      [config, ...layers].every(({ digest }) => this.#written.has(digest) || this.#bytes(digest) !== undefined);
    const complete = this.#pending.filter(isComplete);
    this.#pending = this.#pending.filter((image) => !complete.includes(image));
    for (const image of complete) this.#results.set(image.operator.image, this.#scan(image));
  };

  /**
   * Returns the results after everything is written. Images with missing layers are scanned as far as possible; the
   * missing layers are reported as skipped.
   * @throws AirgapError `interrupted`
   */
  async finish(): Promise<OperatorScanResult[]> {
    const { emit, signal } = this.#context;
    for (const image of this.#pending.splice(0)) this.#results.set(image.operator.image, this.#scan(image));
    const stop = (): void => void this.close();
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted) stop();
    try {
      const scans = [...this.#results.values()];
      const results = await runStep(
        emit,
        'scanning operator images',
        (advance) => Promise.all(scans.map((scan) => scan.finally(advance))),
        scans.length,
      );
      throwIfAborted(signal);
      return results.flatMap((image) => image ?? []);
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  /** Ends the thread and any running scan. */
  close(): Promise<void> {
    return this.#thread.close();
  }

  /** Scans one image. Does not throw: failures are reported as skipped, since scan findings are only additions. */
  async #scan({ operator, config, layers, isPlatformKnown }: PendingImage): Promise<OperatorScanResult | undefined> {
    const { image, publishers, containers } = operator;
    const available = layers.flatMap(({ digest }) => this.#written.get(digest) ?? []);
    const missing = layers.filter(({ digest }) => !this.#written.has(digest));
    const [first] = missing;
    if (available.length === 0 && first !== undefined)
      return notScanned(operator, `all layers: ${this.#missingReason(first.digest)}`);
    const manifestWords = containers.flatMap((container) => container.words);
    const storedConfig = this.#bytes(config.digest) ?? this.#written.get(config.digest);
    try {
      const job = {
        image,
        publishers: [...publishers],
        manifestWords,
        config: storedConfig,
        layers: available,
        isPlatformKnown,
      };
      const findings = await this.#thread.scan(job);
      if (findings === undefined) {
        this.#context.emit({ type: 'warning', message: missingPlatformMessage(image) });
        return undefined;
      }
      const skipped = [
        ...missing.map(({ digest }) => `layer ${digest}: ${this.#missingReason(digest)}`),
        ...findings.skipped,
      ];
      return await confirmScan(operator, { ...findings, skipped }, this.#checkExistence, this.#concurrency);
    } catch (error) {
      return notScanned(operator, `the whole image: ${messageOf(error)}`);
    }
  }

  #bytes(digest: Digest): Uint8Array | undefined {
    return this.#graph.blobs.get(digest)?.bytes;
  }
}

function notScanned({ image, containers }: OperatorImage, reason: string): OperatorScanResult {
  return { image, containers, candidates: [], unresolved: [], skipped: [reason], olderNameCount: 0, checkedCount: 0 };
}

/** Returns the manifests of one root of a graph as a source. */
function manifestSource({ manifests }: Graph, { reference, descriptor }: Root): Pick<Source, 'manifest'> {
  return {
    manifest: async (_, tagOrDigest) => {
      const digest = tagOrDigest === tagOrDigestOf(reference) ? descriptor.digest : (tagOrDigest as Digest);
      const node = manifests.get(digest);
      if (node === undefined) throw new Error(`manifest ${tagOrDigest} is not in the graph`);
      return node;
    },
  };
}
