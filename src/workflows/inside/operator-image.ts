import { AirgapError } from '../../base/errors.ts';
import type { Emit } from '../../base/events.ts';
import type { Layer } from '../../inside/image.ts';
import type { Source } from '../../oci/content.ts';
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

export interface ReadOptions {
  readonly emit: Emit;
  readonly signal?: AbortSignal;
}

const PLATFORM = { os: 'linux', architecture: 'amd64' };
/** Bytes of a config that are read; real ones have some ten thousand. */
const LIMIT = 8 * 1024 * 1024;

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
  const top = await source.manifest(reference, lookupOf(reference));
  const child = isIndexType(top.descriptor.mediaType) ? usualOf(top.descriptor.mediaType, top.bytes) : undefined;
  if (isIndexType(top.descriptor.mediaType) && child === undefined) return undefined;
  const { descriptor, bytes } = child === undefined ? top : await source.manifest(reference, child.digest);
  const { config, blobs } = readLinks(descriptor.mediaType, bytes);
  if (config === undefined || !isImageConfigType(config.mediaType)) return undefined;
  const parsed = parse(await read(source, reference, config, options));
  if (child === undefined && parsed.architecture !== undefined && parsed.architecture !== 'amd64') return undefined;
  const layers = blobs.filter(({ digest }) => digest !== config.digest);
  return {
    programs: [parsed.config?.Entrypoint, parsed.config?.Cmd].flatMap(wordsOf),
    layers: layers.map((layer) => ({ digest: layer.digest, open: () => open(source, reference, layer, options) })),
  };
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
  if (descriptor.size > LIMIT) throw new AirgapError('registry', `${what} has ${descriptor.size} bytes`);
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

/** What is no JSON says nothing; whether it is a good image is for its users to find out. */
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
