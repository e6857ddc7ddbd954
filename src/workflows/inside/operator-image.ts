import { AirgapError, messageOf } from '../../base/errors.ts';
import type { ManifestContent, Source } from '../../oci/content.ts';
import { type Descriptor, isImageConfigType, isIndexType } from '../../oci/descriptor.ts';
import type { Graph } from '../../oci/graph.ts';
import { readLinks } from '../../oci/manifest.ts';
import { matchesPlatform } from '../../oci/platform.ts';
import { formatReference, lookupOf, parseReference, type Reference } from '../../oci/reference.ts';
import { checkAborted } from '../../transfer/failure.ts';
import { GraphBuilder } from '../../transfer/graph-builder.ts';
import type { Context } from '../context.ts';

/** What an image consists of. */
export interface ImageParts {
  readonly manifest: ManifestContent;
  readonly config: Descriptor;
  /** From the bottom up. */
  readonly layers: readonly Descriptor[];
  /** Whether an index says that it is for linux/amd64; if not, its config may. */
  readonly isChosen: boolean;
}

/** What a config says that matters here. */
export interface ConfigWords {
  /** Whether it is for another processor. */
  readonly isOther: boolean;
  /** Words of the entrypoint and the command. */
  readonly programs: readonly string[];
}

const PLATFORM = { os: 'linux', architecture: 'amd64' };
/** Bytes of a config that are read; real ones have some ten thousand. */
export const LARGEST_CONFIG = 8 * 1024 * 1024;

/**
 * The linux/amd64 images of operators, the platform that operators are built for first and the only one whose code can be
 * read. One that cannot be had is warned about.
 * @throws AirgapError `interrupted`
 */
export async function operatorsGraph(
  { emit, signal }: Context,
  source: Pick<Source, 'manifest'>,
  images: readonly string[],
): Promise<Graph> {
  const graph = new GraphBuilder();
  for (const image of images) {
    const reference = parseReference(image);
    try {
      const parts = await imageParts(source, reference);
      if (parts === undefined) {
        emit({ type: 'warning', message: withoutPlatform(image) });
        continue;
      }
      const { manifest, config, layers } = parts;
      const { registry, path } = reference;
      const node = { ...manifest, children: [], blobs: [config, ...layers], repository: { registry, path } };
      graph.add({ reference, descriptor: manifest.descriptor }, [node]);
    } catch (error) {
      checkAborted(signal);
      const hint = error instanceof AirgapError && error.hint !== undefined ? ` (${error.hint})` : '';
      emit({ type: 'warning', message: `${image} cannot be looked into: ${messageOf(error)}${hint}` });
    }
  }
  return graph.build();
}

/** The images of a graph, for people. */
export function namesOf({ roots }: Graph): string {
  return roots.map(({ reference }) => formatReference(reference)).join(', ');
}

/** Why an image is not looked into. */
export function withoutPlatform(reference: string): string {
  return `${reference} is not looked into: there is no image for linux/amd64`;
}

/**
 * What the linux/amd64 image behind a reference consists of; nothing but manifests is read.
 * @returns undefined when there is none, or what the index or the manifest has is no image
 * @throws AirgapError what the source says of the manifests
 */
export async function imageParts(
  source: Pick<Source, 'manifest'>,
  reference: Reference,
): Promise<ImageParts | undefined> {
  const top = await source.manifest(reference, lookupOf(reference));
  const child = isIndexType(top.descriptor.mediaType) ? usualOf(top.descriptor.mediaType, top.bytes) : undefined;
  if (isIndexType(top.descriptor.mediaType) && child === undefined) return undefined;
  const manifest = child === undefined ? top : await source.manifest(reference, child.digest);
  const { config, blobs } = readLinks(manifest.descriptor.mediaType, manifest.bytes);
  if (config === undefined || !isImageConfigType(config.mediaType)) return undefined;
  const layers = blobs.filter(({ digest }) => digest !== config.digest);
  return { manifest, config, layers, isChosen: child !== undefined };
}

/** Reads a config. What is no JSON says nothing; whether it is a good image is for its users to find out. */
export function configWords(bytes: Uint8Array): ConfigWords {
  const { architecture, config } = parse(bytes);
  const isOther = architecture !== undefined && architecture !== PLATFORM.architecture;
  return { isOther, programs: [config?.Entrypoint, config?.Cmd].flatMap(wordsOf) };
}

function usualOf(mediaType: string, bytes: Uint8Array): Descriptor | undefined {
  return readLinks(mediaType, bytes).manifests.find(
    ({ platform }) => platform !== undefined && matchesPlatform(platform, PLATFORM),
  );
}

interface Config {
  readonly architecture?: unknown;
  readonly config?: { readonly Entrypoint?: unknown; readonly Cmd?: unknown };
}

function parse(bytes: Uint8Array): Config {
  try {
    return (JSON.parse(Buffer.from(bytes).toString('utf8')) as Config | null) ?? {};
  } catch {
    return {};
  }
}

function wordsOf(words: unknown): string[] {
  return Array.isArray(words) ? words.filter((word) => typeof word === 'string') : [];
}
