import { AirgapError } from '../base/errors.ts';
import { isMapping } from '../base/mapping.ts';
import { type Descriptor, isIndexType, MediaType } from './descriptor.ts';
import { isDigest } from './digest.ts';

/** Fields of a manifest or index, with checked descriptors. */
export interface ParsedManifest {
  /** Children of an index in order: manifests and nested indexes. */
  readonly manifests: readonly Descriptor[];
  /** Config and layers of a manifest; `blobs` of an OCI artifact manifest. */
  readonly blobs: readonly Descriptor[];
  readonly config: Descriptor | undefined;
  readonly subject: Descriptor | undefined;
  readonly artifactType: string | undefined;
  readonly annotations: Readonly<Record<string, string>>;
}

const SIZE_LIMIT = 4 * 1024 * 1024;

/** Fields that the specifications require. */
const REQUIRED_FIELDS = new Map<string, readonly string[]>([
  [MediaType.ociIndex, ['manifests']],
  [MediaType.dockerList, ['manifests']],
  [MediaType.ociManifest, ['config', 'layers']],
  [MediaType.dockerManifest, ['config', 'layers']],
]);

/** Hint for a manifest of Docker schema 1. */
export const SCHEMA1_HINT = 'push the image again with a current version of Docker (schema 2 or OCI)';

/**
 * Parses an untrusted manifest or index and checks the shape of every descriptor. The `mediaType` field is optional:
 * Helm and older OCI tools omit it.
 * @param mediaType media type that the registry or the parent descriptor declares
 * @param limit maximum size in bytes; by default the 4 MiB of registries
 * @throws AirgapError `registry` if the bytes do not match the media type, `unsupported` for schema 1
 */
export function parseManifest(mediaType: string, bytes: Uint8Array, limit: number = SIZE_LIMIT): ParsedManifest {
  if (mediaType === MediaType.dockerSchema1 || mediaType === MediaType.dockerSchema1Signed) {
    throw new AirgapError(
      'unsupported',
      'Docker schema 1 manifests are not supported: registries no longer accept them',
      {
        hint: SCHEMA1_HINT,
      },
    );
  }
  if (bytes.length > limit) throw invalidManifest(`exceeds ${limit} bytes`);
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (cause) {
    throw invalidManifest('is not JSON', cause);
  }
  if (!isMapping(json)) throw invalidManifest('is not a JSON object');
  const declared = declaredMediaType(json);
  if (declared !== undefined && declared !== mediaType) {
    throw invalidManifest(`declares media type ${excerpt(declared)} but was served as ${excerpt(mediaType)}`);
  }
  // Ambiguous documents could be interpreted in two ways (CVE-2021-41190). containerd also rejects null fields here.
  if (json.manifests !== undefined && (json.layers !== undefined || json.config !== undefined)) {
    throw invalidManifest('has both manifests and layers');
  }
  const subject = isAbsent(json.subject) ? undefined : parseDescriptor(json.subject);
  const annotations = isMapping(json.annotations) ? (json.annotations as Record<string, string>) : {};
  const artifactType = typeof json.artifactType === 'string' ? json.artifactType : undefined;
  // Other documents would otherwise pass as empty images. Lists may be null: Go writes empty lists like that.
  for (const field of REQUIRED_FIELDS.get(mediaType) ?? []) {
    if (json[field] === undefined || (field === 'config' && json[field] === null)) {
      throw invalidManifest(`has no ${field} but was served as ${mediaType}`);
    }
  }
  if (isIndexType(mediaType)) {
    return {
      manifests: parseDescriptors(json.manifests),
      blobs: [],
      config: undefined,
      subject,
      artifactType,
      annotations,
    };
  }
  const config = isAbsent(json.config) ? undefined : parseDescriptor(json.config);
  const layers = parseDescriptors(json.layers ?? json.blobs);
  return { manifests: [], blobs: config ? [config, ...layers] : layers, config, subject, artifactType, annotations };
}

/** Returns the document's own `mediaType`; undefined if it is missing, null or empty. */
export function declaredMediaType(json: Readonly<Record<string, unknown>>): unknown {
  return json.mediaType === '' || json.mediaType === null ? undefined : json.mediaType;
}

/** Optional fields may be null: some tools (Java, .NET, jq, Go without `omitempty`) do not omit them. */
function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

function parseDescriptors(value: unknown): Descriptor[] {
  if (isAbsent(value)) return [];
  if (!Array.isArray(value)) throw invalidManifest('has a descriptor list that is not an array');
  return value.map(parseDescriptor);
}

/**
 * Parses a descriptor. Unknown fields are kept, null fields dropped. A platform without operating system or
 * architecture is dropped too: Go writes an unset one as `{}` or with empty strings.
 * @throws AirgapError `registry`
 */
export function parseDescriptor(value: unknown): Descriptor {
  if (!isMapping(value)) throw invalidManifest('has a descriptor that is not an object');
  const { mediaType, digest, size, platform, urls } = value;
  if (typeof mediaType !== 'string' || mediaType.length === 0)
    throw invalidManifest('has a descriptor without a media type');
  if (typeof digest !== 'string' || !isDigest(digest)) {
    throw invalidManifest(`has a descriptor with an invalid digest: ${excerpt(digest)}`);
  }
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw invalidManifest(`has a descriptor with an invalid size: ${excerpt(size)}`);
  }
  if (!isAbsent(platform) && !isPlatform(platform)) {
    throw invalidManifest(`has a descriptor with an invalid platform: ${excerpt(platform)}`);
  }
  if (!isAbsent(urls) && !(Array.isArray(urls) && urls.every((url) => typeof url === 'string'))) {
    throw invalidManifest(`has a descriptor with invalid urls: ${excerpt(urls)}`);
  }
  const normalized = isMapping(platform) ? platformOf(platform) : platform;
  const descriptor = withoutAbsent(normalized === platform ? value : { ...value, platform: normalized });
  return Object.assign(descriptor, { mediaType: shared(mediaType) }) as unknown as Descriptor;
}

/** Media types of descriptors. Of the same text in a hundred thousand descriptors, JSON.parse makes as many copies. */
const mediaTypes = new Map<string, string>();
/** Foreign content could have any number of them. */
const MAX_MEDIA_TYPES = 100;
const MAX_SHARED_LENGTH = 256;

/** Returns an equal text that other descriptors have as well. */
function shared(mediaType: string): string {
  const known = mediaTypes.get(mediaType);
  if (known !== undefined) return known;
  if (mediaTypes.size < MAX_MEDIA_TYPES && mediaType.length < MAX_SHARED_LENGTH) mediaTypes.set(mediaType, mediaType);
  return mediaType;
}

/** Reports whether the value has the shape of a platform; any field may be missing. */
function isPlatform(value: unknown): boolean {
  if (!isMapping(value)) return false;
  return [value.os, value.architecture, value.variant].every((text) => isAbsent(text) || typeof text === 'string');
}

function platformOf(platform: Readonly<Record<string, unknown>>): object | undefined {
  return platform.os && platform.architecture ? withoutAbsent(platform) : undefined;
}

/** Drops null and undefined fields. Returns the same object if it has none. */
function withoutAbsent(value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  for (const name in value) {
    if (isAbsent(value[name])) return Object.fromEntries(Object.entries(value).filter(([, field]) => !isAbsent(field)));
  }
  return value;
}

/**
 * Formats an untrusted value in one short line. Objects are not printed: deep nesting would overflow JSON.stringify.
 */
function excerpt(value: unknown): string {
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  return JSON.stringify(value)?.slice(0, 100) ?? 'missing';
}

function invalidManifest(problem: string, cause?: unknown): AirgapError {
  return new AirgapError('registry', `the manifest ${problem}`, { cause });
}
