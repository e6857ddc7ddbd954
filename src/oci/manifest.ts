import { AirgapError } from '../base/errors.ts';
import { type Descriptor, isIndexType, MediaType } from './descriptor.ts';
import { isDigest } from './digest.ts';

/** What a manifest or an index points to. */
export interface Links {
  /** Children of an index: manifests and nested indexes, in the index's order. */
  readonly manifests: readonly Descriptor[];
  /** Config and layers of a manifest; the artifact's blobs when it is no image. */
  readonly blobs: readonly Descriptor[];
  readonly config: Descriptor | undefined;
  readonly subject: Descriptor | undefined;
  readonly artifactType: string | undefined;
  readonly annotations: Readonly<Record<string, string>>;
}

const LIMIT = 4 * 1024 * 1024;

/** What the specifications say has to be there. */
const REQUIRED = new Map<string, readonly string[]>([
  [MediaType.ociIndex, ['manifests']],
  [MediaType.dockerList, ['manifests']],
  [MediaType.ociManifest, ['config', 'layers']],
  [MediaType.dockerManifest, ['config', 'layers']],
]);

/**
 * Reads a manifest or index without trusting it: every descriptor is checked for shape.
 * The media type says how to read it; a manifest without `mediaType` inside (Helm's, older OCI ones) is fine.
 * @param limit bytes that it may have; a registry's 4 MiB unless told
 * @throws AirgapError `registry` when the bytes are not what the media type says, `unsupported` for schema 1
 */
export function readLinks(mediaType: string, bytes: Uint8Array, limit: number = LIMIT): Links {
  if (mediaType === MediaType.dockerSchema1 || mediaType === MediaType.dockerSchema1Signed) {
    throw new AirgapError('unsupported', 'a manifest of Docker schema 1, which registries no longer accept', {
      hint: 'have the image pushed again with a Docker of this decade (schema 2 or OCI)',
    });
  }
  if (bytes.length > limit) throw bad(`is larger than ${limit} bytes`);
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (cause) {
    throw bad('is not JSON', cause);
  }
  if (!isObject(json)) throw bad('is not a JSON object');
  const inside = typeInside(json);
  if (inside !== undefined && inside !== mediaType) {
    throw bad(`says of itself that it is ${quoted(inside)}, and was served as ${quoted(mediaType)}`);
  }
  // A document that can be read both ways would have two meanings (CVE-2021-41190). Null counts here: containerd refuses it.
  if (json.manifests !== undefined && (json.layers !== undefined || json.config !== undefined)) {
    throw bad('has manifests and layers both');
  }
  const subject = isAbsent(json.subject) ? undefined : readDescriptor(json.subject);
  const annotations = isObject(json.annotations) ? (json.annotations as Record<string, string>) : {};
  const artifactType = typeof json.artifactType === 'string' ? json.artifactType : undefined;
  // Content of another kind would pass as an image of nothing. A list may be null: Go writes an empty one so.
  for (const field of REQUIRED.get(mediaType) ?? []) {
    if (json[field] === undefined || (field === 'config' && json[field] === null)) {
      throw bad(`has no ${field}, and was served as ${mediaType}`);
    }
  }
  if (isIndexType(mediaType)) {
    return { manifests: readList(json.manifests), blobs: [], config: undefined, subject, artifactType, annotations };
  }
  const config = isAbsent(json.config) ? undefined : readDescriptor(json.config);
  const layers = readList(json.layers ?? json.blobs);
  return { manifests: [], blobs: config ? [config, ...layers] : layers, config, subject, artifactType, annotations };
}

/** The media type that a document gives itself; undefined for none, which some write as null or as an empty text. */
export function typeInside(json: Readonly<Record<string, unknown>>): unknown {
  return json.mediaType === '' || json.mediaType === null ? undefined : json.mediaType;
}

/** What is optional may be null: so tools write it that know no absence (Java, .NET, jq, Go without `omitempty`). */
function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

function readList(value: unknown): Descriptor[] {
  if (isAbsent(value)) return [];
  if (!Array.isArray(value)) throw bad('has a list of descriptors that is no list');
  return value.map(readDescriptor);
}

/**
 * A descriptor with the fields that it does not know, and without those that are null. A platform that names no operating
 * system or no architecture is none: Go writes one that was never set as `{}` or with empty texts.
 * @throws AirgapError `registry`
 */
export function readDescriptor(value: unknown): Descriptor {
  if (!isObject(value)) throw bad('has a descriptor that is no object');
  const { mediaType, digest, size, platform, urls } = value;
  if (typeof mediaType !== 'string' || mediaType.length === 0) throw bad('has a descriptor without media type');
  if (typeof digest !== 'string' || !isDigest(digest)) {
    throw bad(`has a descriptor whose digest is ${quoted(digest)}`);
  }
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw bad(`has a descriptor whose size is ${quoted(size)}`);
  }
  if (!isAbsent(platform) && !isPlatform(platform)) {
    throw bad(`has a descriptor whose platform is ${quoted(platform)}`);
  }
  if (!isAbsent(urls) && !(Array.isArray(urls) && urls.every((url) => typeof url === 'string'))) {
    throw bad(`has a descriptor whose urls are ${quoted(urls)}`);
  }
  const named = isObject(platform) ? platformOf(platform) : platform;
  return withoutAbsent(named === platform ? value : { ...value, platform: named }) as unknown as Descriptor;
}

/** Whether it has the fields of a platform; any of them may be missing. */
function isPlatform(value: unknown): boolean {
  if (!isObject(value)) return false;
  return [value.os, value.architecture, value.variant].every((text) => isAbsent(text) || typeof text === 'string');
}

function platformOf(platform: Readonly<Record<string, unknown>>): object | undefined {
  return platform.os && platform.architecture ? withoutAbsent(platform) : undefined;
}

/** The same object where nothing in it is absent. */
function withoutAbsent(value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  for (const name in value) {
    if (isAbsent(value[name])) return Object.fromEntries(Object.entries(value).filter(([, field]) => !isAbsent(field)));
  }
  return value;
}

/** What came from outside, on one line and not too much of it. A deep nest would be too much for JSON.stringify itself. */
function quoted(value: unknown): string {
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  return JSON.stringify(value)?.slice(0, 100) ?? 'missing';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function bad(what: string, cause?: unknown): AirgapError {
  return new AirgapError('registry', `the manifest ${what}`, { cause });
}
