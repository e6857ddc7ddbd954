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
  const inside = json.mediaType;
  if (inside !== undefined && inside !== mediaType) {
    throw bad(`says of itself that it is ${quoted(inside)}, and was served as ${quoted(mediaType)}`);
  }
  // A document that can be read both ways would have two meanings (CVE-2021-41190).
  if (json.manifests !== undefined && (json.layers !== undefined || json.config !== undefined)) {
    throw bad('has manifests and layers both');
  }
  const subject = json.subject === undefined ? undefined : readDescriptor(json.subject);
  const annotations = isObject(json.annotations) ? (json.annotations as Record<string, string>) : {};
  const artifactType = typeof json.artifactType === 'string' ? json.artifactType : undefined;
  // Content of another kind would pass as an image of nothing. A list may be null: Go writes an empty one so.
  for (const field of REQUIRED.get(mediaType) ?? []) {
    if (json[field] === undefined) throw bad(`has no ${field}, and was served as ${mediaType}`);
  }
  if (isIndexType(mediaType)) {
    return { manifests: readList(json.manifests), blobs: [], config: undefined, subject, artifactType, annotations };
  }
  const config = json.config === undefined ? undefined : readDescriptor(json.config);
  const layers = readList(json.layers ?? json.blobs);
  return { manifests: [], blobs: config ? [config, ...layers] : layers, config, subject, artifactType, annotations };
}

function readList(value: unknown): Descriptor[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw bad('has a list of descriptors that is no list');
  return value.map(readDescriptor);
}

/** @throws AirgapError `registry` */
export function readDescriptor(value: unknown): Descriptor {
  if (!isObject(value)) throw bad('has a descriptor that is no object');
  const { mediaType, digest, size, platform } = value;
  if (typeof mediaType !== 'string' || mediaType.length === 0) throw bad('has a descriptor without media type');
  if (typeof digest !== 'string' || !isDigest(digest)) {
    throw bad(`has a descriptor whose digest is ${quoted(digest)}`);
  }
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw bad(`has a descriptor whose size is ${quoted(size)}`);
  }
  if (platform !== undefined && !isPlatform(platform)) {
    throw bad(`has a descriptor whose platform is ${quoted(platform)}`);
  }
  return value as unknown as Descriptor;
}

function isPlatform(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { os, architecture, variant } = value;
  return (
    typeof os === 'string' && typeof architecture === 'string' && (variant === undefined || typeof variant === 'string')
  );
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
