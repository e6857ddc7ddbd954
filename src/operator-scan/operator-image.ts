import { AirgapError, messageOf } from '../base/errors.ts';
import { type Advance, runStep } from '../base/step.ts';
import type { ManifestContent, Source } from '../oci/content.ts';
import { type Descriptor, isImageConfigType, isIndexType } from '../oci/descriptor.ts';
import type { Graph } from '../oci/graph.ts';
import { parseManifest } from '../oci/manifest.ts';
import { LINUX_AMD64, matchesPlatform } from '../oci/platform.ts';
import { formatReference, parseReference, type Reference, tagOrDigestOf } from '../oci/reference.ts';
import type { Context } from '../session/context.ts';
import { GraphBuilder } from '../transfer/walk.ts';
import { throwIfAborted } from '../transfer/wrap-error.ts';

/** Manifest, config and layers of an image. */
export interface ImageParts {
  readonly manifest: ManifestContent;
  readonly config: Descriptor;
  /** Layers from the bottom up. */
  readonly layers: readonly Descriptor[];
  /** True if an index states the platform linux/amd64; otherwise the config has to be checked. */
  readonly isPlatformKnown: boolean;
}

/** Values of an image config that the scan needs. */
export interface ImageConfigSummary {
  /** True if the image is for another architecture. */
  readonly isOtherArchitecture: boolean;
  /** Words of the entrypoint and the command. */
  readonly commandWords: readonly string[];
}

/** Bytes of a config that are read; real ones have some ten thousand. */
export const MAX_CONFIG_BYTES = 8 * 1024 * 1024;

/**
 * Resolves the linux/amd64 images of operators: the most common platform, and the only one whose code can be analysed.
 * Emits a warning for each image that cannot be resolved.
 * @throws AirgapError `interrupted`
 */
export async function operatorImagesGraph(
  { emit, signal }: Context,
  source: Pick<Source, 'manifest'>,
  images: readonly string[],
): Promise<Graph> {
  const graph = new GraphBuilder();
  const add = async (image: string): Promise<void> => {
    const reference = parseReference(image);
    try {
      const parts = await imageParts(source, reference);
      if (parts === undefined) {
        emit({ type: 'warning', message: missingPlatformMessage(image) });
        return;
      }
      const { manifest, config, layers } = parts;
      const { registry, path } = reference;
      const node = { ...manifest, children: [], blobs: [config, ...layers], repository: { registry, path } };
      graph.add({ reference, descriptor: manifest.descriptor }, [node]);
    } catch (error) {
      throwIfAborted(signal);
      const hint = error instanceof AirgapError && error.hint !== undefined ? ` (${error.hint})` : '';
      emit({ type: 'warning', message: `cannot scan operator image ${image}: ${messageOf(error)}${hint}` });
    }
  };
  const addAll = async (advance: Advance): Promise<void> => {
    for (const image of images) await add(image).finally(advance);
  };
  await runStep(emit, 'resolving operator images', addAll, images.length);
  return graph.build();
}

/** Returns the names of all images in a graph, for messages. */
export function imageNames({ roots }: Graph): string {
  return roots.map(({ reference }) => formatReference(reference)).join(', ');
}

/** Warning for an image without linux/amd64. */
export function missingPlatformMessage(reference: string): string {
  return `operator image ${reference} was not scanned: it has no linux/amd64 image`;
}

/**
 * Returns the parts of the linux/amd64 image of a reference. Reads only manifests.
 * @returns undefined if there is none, or if the artifact is not an image
 * @throws AirgapError of the source
 */
export async function imageParts(
  source: Pick<Source, 'manifest'>,
  reference: Reference,
): Promise<ImageParts | undefined> {
  const top = await source.manifest(reference, tagOrDigestOf(reference));
  const child = isIndexType(top.descriptor.mediaType)
    ? manifestForPlatform(top.descriptor.mediaType, top.bytes)
    : undefined;
  if (isIndexType(top.descriptor.mediaType) && child === undefined) return undefined;
  const manifest = child === undefined ? top : await source.manifest(reference, child.digest);
  const { config, blobs } = parseManifest(manifest.descriptor.mediaType, manifest.bytes);
  if (config === undefined || !isImageConfigType(config.mediaType)) return undefined;
  const layers = blobs.filter(({ digest }) => digest !== config.digest);
  return { manifest, config, layers, isPlatformKnown: child !== undefined };
}

/** Reads a config. Invalid JSON yields no command words, since validating images is not the task of the scan. */
export function summarizeConfig(bytes: Uint8Array): ImageConfigSummary {
  const { architecture, config } = parseConfig(bytes);
  const isOtherArchitecture = architecture !== undefined && architecture !== LINUX_AMD64.architecture;
  return { isOtherArchitecture, commandWords: [config?.Entrypoint, config?.Cmd].flatMap(stringsIn) };
}

function manifestForPlatform(mediaType: string, bytes: Uint8Array): Descriptor | undefined {
  return parseManifest(mediaType, bytes).manifests.find(
    ({ platform }) => platform !== undefined && matchesPlatform(platform, LINUX_AMD64),
  );
}

interface ImageConfig {
  readonly architecture?: unknown;
  readonly config?: { readonly Entrypoint?: unknown; readonly Cmd?: unknown };
}

function parseConfig(bytes: Uint8Array): ImageConfig {
  try {
    return (JSON.parse(Buffer.from(bytes).toString('utf8')) as ImageConfig | null) ?? {};
  } catch {
    return {};
  }
}

function stringsIn(words: unknown): string[] {
  return Array.isArray(words) ? words.filter((word) => typeof word === 'string') : [];
}
