import { combine } from '../../base/errors.ts';
import type { Emit } from '../../base/events.ts';
import { settle } from '../../base/pool.ts';
import { imageConfigPlaces, type PlaceFound } from '../../discovery/index.ts';
import type { Finding, Place } from '../../lock/finding.ts';
import type { Source } from '../../oci/content.ts';
import { isImageConfigType, isIndexType } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import type { BlobNode, Graph, ManifestNode } from '../../oci/graph.ts';
import { readLinks } from '../../oci/manifest.ts';
import { isAttestation, matchesPlatform } from '../../oci/platform.ts';
import { formatReference } from '../../oci/reference.ts';
import { checkAborted, failureOf } from '../../transfer/failure.ts';
import { readBlob } from '../../transfer/read-blob.ts';

export interface ConfigOptions {
  /** Configs read at the same time. */
  readonly concurrency: number;
  readonly emit: Emit;
  readonly signal?: AbortSignal;
}

/** Bytes of a config that are read ahead. Real ones have some ten thousand, with an operator's examples some hundred thousand. */
const LIMIT = 8 * 1024 * 1024;
const USUAL = { os: 'linux', architecture: 'amd64' };

/** Reads the configs of images that are going to be bundled, each once, for what they name. */
export class ImageConfigs {
  readonly #source: Source;
  readonly #options: ConfigOptions;
  readonly #read = new Map<Digest, Promise<Uint8Array>>();

  constructor(source: Source, options: ConfigOptions) {
    this.#source = source;
    this.#options = options;
  }

  /**
   * What the configs of these images name. Of an index one platform's is read, linux/amd64 where there is one: they are
   * built from one recipe, and a request an image is the price.
   * @param graph with the images among its roots
   * @throws AirgapError the one error, or `several`, of the configs that could not be read
   */
  async places(graph: Graph, findings: readonly Finding[]): Promise<PlaceFound[]> {
    const roots = new Map(graph.roots.map((root) => [formatReference(root.reference), root]));
    const outcomes = await settle(findings, this.#options.concurrency, async ({ reference, found }) => {
      const root = roots.get(reference);
      const blob = root && configOf(graph, graph.manifests.get(root.descriptor.digest));
      if (blob === undefined) return [];
      if (blob.descriptor.size > LIMIT) {
        const message = `the config of ${reference} is not looked into: it has ${blob.descriptor.size} bytes`;
        this.#options.emit({ type: 'warning', message });
        return [];
      }
      const config = parse(await this.#bytes(blob));
      return contextsOf(found).flatMap((context) => imageConfigPlaces(config, reference, context));
    });
    checkAborted(this.#options.signal);
    const errors = outcomes.flatMap((outcome, i) =>
      'error' in outcome ? [failureOf(findings[i]?.reference ?? '', outcome.error)] : [],
    );
    if (errors.length > 0) throw combine(errors, `the configs of ${errors.length} images could not be read`);
    return outcomes.flatMap((outcome) => ('value' in outcome ? outcome.value : []));
  }

  /** The graph with the configs that were read in it, so that nobody asks for them again. */
  async within(graph: Graph): Promise<Graph> {
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
    const { config } = readLinks(descriptor.mediaType, bytes);
    return config !== undefined && isImageConfigType(config.mediaType) ? graph.blobs.get(config.digest) : undefined;
  }
  const images = children.filter(({ platform }) => !isAttestation(platform));
  const usual = images.find(({ platform }) => platform !== undefined && matchesPlatform(platform, USUAL));
  const child = usual ?? images[0];
  return child === undefined ? undefined : configOf(graph, graph.manifests.get(child.digest));
}

/** Whoever brings the image brings what it names; several times in one chart is once. */
function contextsOf(found: readonly Place[]): Pick<Place, 'chart' | 'profile' | 'via'>[] {
  const contexts = found.map(({ chart, profile, via }) => ({ chart, profile, ...(via === undefined ? {} : { via }) }));
  return [...new Map(contexts.map((context) => [JSON.stringify(context), context])).values()];
}

/** What is no JSON names nothing; whether it is a good image is for its users to find out. */
function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}
