import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { digestOf } from '../../support/digest.ts';

/** Media types of Docker, OCI and their predecessors. */
export const TYPES = {
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  ociArtifact: 'application/vnd.oci.artifact.manifest.v1+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  dockerForeignLayer: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
  dockerSchema1: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
  empty: 'application/vnd.oci.empty.v1+json',
} as const;

/** Descriptor, manifest and index as tests write them: any field may be added, removed or null. */
// biome-ignore lint/suspicious/noExplicitAny: malformed documents are the subject of these tests
export type Json = Record<string, any>;

/** Manifest or index with all its content. */
export interface Item {
  readonly bytes: Buffer;
  readonly digest: string;
  /** Content-Type under which the registry serves it. */
  type: string;
  readonly blobs: ReadonlyMap<string, Buffer>;
  readonly children: readonly Item[];
  /** Platform in an index's entry; none when undefined. */
  platform?: { readonly os: string; readonly architecture: string } | undefined;
  /** Further fields of an index's entry. */
  entry?: Json;
}

export function descriptorOf(bytes: Buffer, mediaType: string): Json {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

let layers = 0;

/** Layer with unique bytes: gzip, of exactly the given size from 200,000 bytes on. */
export function layerOf(size = 2000): Buffer {
  layers++;
  const bytes = createHash('shake256', { outputLength: size }).update(`layer ${layers}`).digest();
  return size < 200_000 ? gzipSync(bytes, { level: 1 }) : bytes;
}

export interface ImageOptions {
  /** Docker's media types instead of OCI's. */
  readonly docker?: boolean;
  readonly layers?: readonly Buffer[];
  readonly config?: Buffer;
  /** `os/architecture`, linux/amd64 unless given. */
  readonly platform?: string;
  /** Changes the manifest before it is serialized. */
  readonly change?: (manifest: Json) => Json;
}

/** Image of one platform. */
export function image(options: ImageOptions = {}): Item {
  const { docker = false, layers = [layerOf()], change = (manifest) => manifest, platform = 'linux/amd64' } = options;
  const [os = '', architecture = ''] = platform.split('/');
  const rootfs = { type: 'layers', diff_ids: layers.map(digestOf) };
  const config = options.config ?? Buffer.from(JSON.stringify({ os, architecture, config: {}, rootfs }));
  const manifest = change({
    schemaVersion: 2,
    mediaType: docker ? TYPES.dockerManifest : TYPES.ociManifest,
    config: descriptorOf(config, docker ? TYPES.dockerConfig : TYPES.ociConfig),
    layers: layers.map((layer) => descriptorOf(layer, docker ? TYPES.dockerLayer : TYPES.ociLayer)),
  });
  const bytes = Buffer.from(JSON.stringify(manifest));
  const blobs = new Map([config, ...layers].map((blob) => [digestOf(blob), blob]));
  const type = manifest.mediaType || (docker ? TYPES.dockerManifest : TYPES.ociManifest);
  return { bytes, digest: digestOf(bytes), type, blobs, children: [], platform: { os, architecture } };
}

export interface IndexOptions {
  /** Docker's manifest list instead of OCI's index. */
  readonly docker?: boolean;
  /** Changes the index before it is serialized. */
  readonly change?: (index: Json) => Json;
  /** Changes the entry of each child. */
  readonly entryOf?: (entry: Json) => Json;
}

/** Index of images. */
export function index(children: readonly Item[], options: IndexOptions = {}): Item {
  const { docker = false, change = (json) => json, entryOf = (json) => json } = options;
  const type = docker ? TYPES.dockerList : TYPES.ociIndex;
  const manifests = children.map(({ type: mediaType, digest, bytes, platform, entry }) =>
    entryOf({ mediaType, digest, size: bytes.length, platform, ...entry }),
  );
  const json = change({ schemaVersion: 2, mediaType: type, manifests });
  const bytes = Buffer.from(JSON.stringify(json));
  return { bytes, digest: digestOf(bytes), type: json.mediaType || type, blobs: new Map(), children };
}

/** Referrer of an item: an image manifest with a subject. */
export function referrerOf({ type, digest, bytes }: Item): Item {
  const subject = { mediaType: type, digest, size: bytes.length };
  return image({ change: (manifest) => ({ ...manifest, artifactType: 'application/vnd.test', subject }) });
}

const SIMPLE_SIGNING = 'application/vnd.dev.cosign.simplesigning.v1+json';

/** Signature as cosign stores it under a tag. */
export function signature(): Item {
  const annotations = { 'dev.cosignproject.cosign/signature': 'x' };
  return image({
    layers: [Buffer.from(`{"critical":{},"nonce":${layers++}}`)],
    change: (manifest) => ({
      ...manifest,
      layers: manifest.layers.map((layer: Json) => ({ ...layer, mediaType: SIMPLE_SIGNING, annotations })),
    }),
  });
}

/** Tag of cosign's signature of an item. */
export function signatureTag({ digest }: Item): string {
  return `${digest.replace(':', '-')}.sig`;
}
