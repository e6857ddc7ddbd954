import { combine } from '../../base/errors.ts';
import type { Emit } from '../../base/events.ts';
import { settle } from '../../base/pool.ts';
import type { Advance } from '../../base/step.ts';
import { imageConfigReferences } from '../../discovery/index.ts';
import type { Finding, LocatedReference, Location } from '../../inventory/finding.ts';
import type { Source } from '../../oci/content.ts';
import { isImageConfigType, isIndexType } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import type { BlobNode, Graph, ManifestNode } from '../../oci/graph.ts';
import { parseManifest } from '../../oci/manifest.ts';
import { isAttestationPlatform, LINUX_AMD64, matchesPlatform } from '../../oci/platform.ts';
import { formatReference } from '../../oci/reference.ts';
import { readBlob } from '../../transfer/resumable-read.ts';
import { throwIfAborted, wrapError } from '../../transfer/wrap-error.ts';

export interface ImageConfigOptions {
  /** Configs read at the same time. */
  readonly concurrency: number;
  readonly emit: Emit;
  readonly signal?: AbortSignal;
}

/**
 * Largest config that is read, in bytes. Real ones have some ten thousand, those of operators some hundred thousand.
 */
const MAX_CONFIG_SIZE = 8 * 1024 * 1024;

/** Searches the configs of images to be bundled for image references. Each config is read once. */
export class ImageConfigs {
  readonly #source: Source;
  readonly #options: ImageConfigOptions;
  readonly #read = new Map<Digest, Promise<Uint8Array>>();

  constructor(source: Source, options: ImageConfigOptions) {
    this.#source = source;
    this.#options = options;
  }

  /**
   * Returns references in the configs of these images. For an index only one config is read, preferably of linux/amd64:
   * all platforms are built from the same source, and each config costs a request.
   * @param graph graph that has the images among its roots
   * @throws AirgapError of configs that could not be read; `several` for more than one
   */
  async references(
    graph: Graph,
    findings: readonly Finding[],
    advance: Advance = () => {},
  ): Promise<LocatedReference[]> {
    const roots = new Map(graph.roots.map((root) => [formatReference(root.reference), root]));
    const outcomes = await settle(findings, this.#options.concurrency, async ({ reference, found }) => {
      const root = roots.get(reference);
      const blob = root && configOf(graph, graph.manifests.get(root.descriptor.digest));
      if (blob === undefined) return [];
      if (blob.descriptor.size > MAX_CONFIG_SIZE) {
        const message = `the config of ${reference} is not searched, because it has ${blob.descriptor.size} bytes (limit ${MAX_CONFIG_SIZE})`;
        this.#options.emit({ type: 'warning', message });
        return [];
      }
      const config = parse(await this.#bytes(blob).finally(advance));
      return contextsOf(found).flatMap((context) => imageConfigReferences(config, reference, context));
    });
    throwIfAborted(this.#options.signal);
    const errors = outcomes.flatMap((outcome, i) =>
      'error' in outcome ? [wrapError(findings[i]?.reference ?? '', outcome.error)] : [],
    );
    if (errors.length > 0) throw combine(errors, `the configs of ${errors.length} images could not be read`);
    return outcomes.flatMap((outcome) => ('value' in outcome ? outcome.value : []));
  }

  /** Returns the graph with the content of the configs, so that they are not requested again. */
  async withConfigs(graph: Graph): Promise<Graph> {
    const blobs = new Map(graph.blobs);
    for (const [digest, read] of this.#read) {
      const blob = blobs.get(digest);
      if (blob !== undefined) blobs.set(digest, { ...blob, bytes: await read });
    }
    return { ...graph, blobs };
  }

  #bytes(blob: BlobNode): Promise<Uint8Array> {
    const { digest } = blob.descriptor;
    const read = this.#read.get(digest) ?? readBlob(this.#source, blob, this.#options);
    this.#read.set(digest, read);
    return read;
  }
}

function configOf(graph: Graph, node: ManifestNode | undefined): BlobNode | undefined {
  if (node === undefined) return undefined;
  const { descriptor, bytes, children } = node;
  if (!isIndexType(descriptor.mediaType)) {
    const { config } = parseManifest(descriptor.mediaType, bytes);
    return config !== undefined && isImageConfigType(config.mediaType) ? graph.blobs.get(config.digest) : undefined;
  }
  const images = children.filter(({ platform }) => !isAttestationPlatform(platform));
  const preferred = images.find(({ platform }) => platform !== undefined && matchesPlatform(platform, LINUX_AMD64));
  const child = preferred ?? images[0];
  return child === undefined ? undefined : configOf(graph, graph.manifests.get(child.digest));
}

/** Returns the charts and profiles that need the image, without duplicates; they need its references too. */
function contextsOf(found: readonly Location[]): Pick<Location, 'chart' | 'profile' | 'via'>[] {
  const contexts = found.map(({ chart, profile, via }) => ({ chart, profile, ...(via === undefined ? {} : { via }) }));
  return [...new Map(contexts.map((context) => [JSON.stringify(context), context])).values()];
}

/** Returns undefined for invalid JSON; validating images is not the task here. */
function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}
