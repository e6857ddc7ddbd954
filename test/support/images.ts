import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { digestOf } from './digest.ts';
import { tarOf } from './tar.ts';

/**
 * Options of a small synthetic image with valid layers, configs, manifests and indexes. The bytes are reproducible, so that
 * a fixture can pin a digest. Independent of src/.
 */
export interface ImageOptions {
  /** Two different names give two different images. */
  readonly name: string;
  /** `os/architecture[/variant]`; two give an index, one a plain manifest. Default linux/amd64 and linux/arm64. */
  readonly platforms?: readonly string[];
  /** Wrap a single platform in an index too. */
  readonly index?: boolean;
  /** `oci` (default) or Docker image manifest version 2 schema 2. */
  readonly format?: 'oci' | 'docker';
  /** Name of a base layer: images with the same one share its blob, on every platform. */
  readonly sharedLayer?: string;
  /** Bytes of payload in each layer, 4096 unless given. */
  readonly size?: number;
  /** Tar archives that become the topmost layers, on every platform. */
  readonly layers?: readonly Buffer[];
  /** `config` of the image config: `Env`, `Labels` and others. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** `created` of the image config, 2026-01-01T00:00:00Z unless given. */
  readonly created?: string;
}

export interface BuiltManifest {
  readonly mediaType: string;
  readonly digest: string;
  readonly bytes: Buffer;
  /** `os/architecture[/variant]`, absent on the index. */
  readonly platform?: string;
}

export interface BuiltImage {
  /** Digest of the index, or of the manifest if there is no index. */
  readonly digest: string;
  readonly mediaType: string;
  /** Children first, the tagged manifest last. */
  readonly manifests: readonly BuiltManifest[];
  /** Bytes of every layer and config, by digest. */
  readonly blobs: ReadonlyMap<string, Buffer>;
}

const types = {
  oci: {
    index: 'application/vnd.oci.image.index.v1+json',
    manifest: 'application/vnd.oci.image.manifest.v1+json',
    config: 'application/vnd.oci.image.config.v1+json',
    layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  },
  docker: {
    index: 'application/vnd.docker.distribution.manifest.list.v2+json',
    manifest: 'application/vnd.docker.distribution.manifest.v2+json',
    config: 'application/vnd.docker.container.image.v1+json',
    layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  },
};

/** Builds an image in memory. */
export function buildImage(options: ImageOptions): BuiltImage {
  const { name, format = 'oci', size = 4096, sharedLayer, config = {}, created = '2026-01-01T00:00:00Z' } = options;
  const platforms = options.platforms ?? ['linux/amd64', 'linux/arm64'];
  const type = types[format];
  const blobs = new Map<string, Buffer>();
  const add = (mediaType: string, bytes: Buffer): { mediaType: string; digest: string; size: number } => {
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const manifests = platforms.map((platform): BuiltManifest => {
    const tars = [layerOf(name, payload(`${name} ${platform}`, size))];
    if (sharedLayer !== undefined) tars.unshift(layerOf(sharedLayer, payload(sharedLayer, size)));
    tars.push(...(options.layers ?? []));
    const [os, architecture, variant] = platform.split('/');
    const manifest = json({
      schemaVersion: 2,
      mediaType: type.manifest,
      config: add(
        type.config,
        json({
          created,
          os,
          architecture,
          variant,
          config,
          rootfs: { type: 'layers', diff_ids: tars.map(digestOf) },
          history: tars.map(() => ({ created, created_by: 'test' })),
        }),
      ),
      // Stored, not compressed: compressed bytes and their digests could change with the version of zlib.
      layers: tars.map((tar) => add(type.layer, gzipSync(tar, { level: 0 }))),
    });
    return { mediaType: type.manifest, digest: digestOf(manifest), bytes: manifest, platform };
  });
  if (platforms.length > 1 || options.index) {
    const index = json({
      schemaVersion: 2,
      mediaType: type.index,
      manifests: manifests.map(({ mediaType, digest, bytes, platform }) => {
        const [os, architecture, variant] = platform?.split('/') ?? [];
        return { mediaType, digest, size: bytes.length, platform: { architecture, os, variant } };
      }),
    });
    manifests.push({ mediaType: type.index, digest: digestOf(index), bytes: index });
  }
  const top = manifests.at(-1);
  if (top === undefined) throw new Error('an image needs a platform');
  return { digest: top.digest, mediaType: top.mediaType, manifests, blobs };
}

/** Options of an upload. */
export interface PushOptions {
  /** `Authorization` header. */
  readonly authorization?: string;
}

/**
 * Uploads a built image over plain HTTP: blobs in one PUT each, children before the index, the tag last. Without a tag it is
 * available by digest only.
 * @returns its digest
 */
export async function pushBuilt(
  host: string,
  repository: string,
  tag: string | undefined,
  image: BuiltImage,
  { authorization }: PushOptions = {},
): Promise<string> {
  const base = `http://${host}/v2/${repository}`;
  const send = async (method: string, url: string, type?: string, body?: Buffer): Promise<Response> => {
    const headers: Record<string, string> = {
      ...(authorization && { authorization }),
      ...(type && { 'content-type': type }),
    };
    const response = await fetch(url, { method, headers, body: body && new Uint8Array(body) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${text}`);
    return response;
  };
  for (const [digest, bytes] of image.blobs) {
    const started = await send('POST', `${base}/blobs/uploads/`);
    const location = new URL(started.headers.get('location') ?? '', base);
    location.searchParams.set('digest', digest);
    await send('PUT', location.href, 'application/octet-stream', bytes);
  }
  for (const { mediaType, digest, bytes } of image.manifests) {
    const name = digest === image.digest && tag !== undefined ? tag : digest;
    await send('PUT', `${base}/manifests/${name}`, mediaType, bytes);
  }
  return image.digest;
}

/** Builds an image, named after its repository and tag unless a name is given, and uploads it. @returns its digest */
export function pushImage(
  host: string,
  repository: string,
  tag: string | undefined,
  options: Partial<ImageOptions> & PushOptions = {},
): Promise<string> {
  const image = buildImage({ name: `${repository}:${tag ?? ''}`, ...options });
  return pushBuilt(host, repository, tag, image, options);
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** Incompressible bytes, different for each seed. */
function payload(seed: string, size: number): Buffer {
  return createHash('shake256', { outputLength: size }).update(seed).digest();
}

/** Builds a tar archive with one file, named after a hash of `name`. */
function layerOf(name: string, content: Buffer): Buffer {
  const path = `layers/${createHash('sha256').update(name).digest('hex').slice(0, 16)}`;
  return tarOf([{ path, content }]);
}
