import { AirgapError } from '../../base/errors.ts';
import type { Emit } from '../../base/events.ts';
import type { Layer } from '../../inside/image.ts';
import type { ManifestContent, Source } from '../../oci/content.ts';
import { type Descriptor, isImageConfigType, isIndexType } from '../../oci/descriptor.ts';
import { readLinks } from '../../oci/manifest.ts';
import { matchesPlatform } from '../../oci/platform.ts';
import { lookupOf, type Reference } from '../../oci/reference.ts';
import { drain, steady } from '../../oci/steady.ts';

/** What is needed of an image in order to look into it. */
export interface OperatorImage {
  /** From the bottom up. */
  readonly layers: readonly Layer[];
  /** Words of its entrypoint and command. */
  readonly programs: readonly string[];
}

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

export interface ReadOptions {
  readonly emit: Emit;
  readonly signal?: AbortSignal;
}

const PLATFORM = { os: 'linux', architecture: 'amd64' };
/** Bytes of a config that are read; real ones have some ten thousand. */
export const LARGEST_CONFIG = 8 * 1024 * 1024;

/**
 * The linux/amd64 image behind a reference: the platform that operators are built for first, and the only one whose code
 * can be read.
 * @returns undefined when there is none
 * @throws AirgapError what the source says of the manifests and the config
 */
export async function operatorImage(
  source: Source,
  reference: Reference,
  options: ReadOptions,
): Promise<OperatorImage | undefined> {
  const parts = await imageParts(source, reference);
  if (parts === undefined) return undefined;
  const { isOther, programs } = configWords(await read(source, reference, parts.config, options));
  if (isOther && !parts.isChosen) return undefined;
  const layers = parts.layers.map((layer) => ({
    digest: layer.digest,
    open: () => open(source, reference, layer, options),
  }));
  return { programs, layers };
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

function open(
  source: Source,
  reference: Reference,
  descriptor: Descriptor,
  options: ReadOptions,
): ReturnType<Layer['open']> {
  const what = `the layer ${descriptor.digest} of ${reference.registry}/${reference.path}`;
  return steady(source.blob(reference, descriptor), { ...quiet(options), what }).open(0, options.signal);
}

async function read(
  source: Source,
  reference: Reference,
  descriptor: Descriptor,
  options: ReadOptions,
): Promise<Uint8Array> {
  const what = `the config of ${reference.registry}/${reference.path}`;
  if (descriptor.size > LARGEST_CONFIG) throw new AirgapError('registry', `${what} has ${descriptor.size} bytes`);
  const chunks: Uint8Array[] = [];
  await drain(source.blob(reference, descriptor), 0, { ...quiet(options), what }, (chunk) => {
    chunks.push(chunk);
    return undefined;
  });
  return Buffer.concat(chunks);
}

/** Bytes count when they are written, and these are only looked at. */
function quiet({ emit, signal }: ReadOptions): ReadOptions {
  return { emit: (event) => event.type !== 'bytes' && emit(event), ...(signal === undefined ? {} : { signal }) };
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
