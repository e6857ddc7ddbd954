import { Readable } from 'node:stream';
import { AirgapError } from '../../src/base/errors.ts';
import type { Body, ManifestContent, MountSupport, PutBlobOptions, Sink, Source } from '../../src/oci/content.ts';
import { type Descriptor, MediaType } from '../../src/oci/descriptor.ts';
import { type Digest, digestOf } from '../../src/oci/digest.ts';
import { formatRepository, parseReference, type Repository } from '../../src/oci/reference.ts';
import { descriptorOf } from './descriptor.ts';

export const IMAGE_CONFIG = 'application/vnd.oci.image.config.v1+json';
export const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';

/** Returns pseudorandom bytes for a seed; they do not repeat within a chunk. */
export function noise(seed: string, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  let state = Number.parseInt(digestOf(Buffer.from(seed)).slice(7, 15), 16) | 1;
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** A registry in memory with repositories, tags, manifests and blobs. Logs its requests. */
export class MemoryRegistry implements Source, Sink {
  readonly tags = new Map<string, Digest>();
  readonly manifests = new Map<string, ManifestContent>();
  readonly blobs = new Map<string, Uint8Array>();
  /** `GET quay.io/a@sha256:…`, in order. */
  readonly log: string[] = [];
  /** Bytes of blobs that were read. */
  read = 0;
  /** Called before a chunk of a blob is returned. May throw or wait. */
  onChunk: (digest: Digest, offset: number) => void | Promise<void> = () => {};
  chunk = 1000;
  mounts = true;
  /** A mount from its own repository reports whether a blob exists. */
  supportsSelfMount = false;
  /** The registry has a referrers API. */
  listsReferrers = false;

  addBlob(repository: string, mediaType: string, bytes: Uint8Array): Descriptor {
    const descriptor = descriptorOf(bytes, mediaType);
    this.blobs.set(`${repository}@${descriptor.digest}`, bytes);
    return descriptor;
  }

  addManifest(repository: string, manifest: object, mediaType: string, tag?: string): Descriptor {
    const bytes = Buffer.from(JSON.stringify(manifest));
    const descriptor = descriptorOf(bytes, mediaType);
    this.manifests.set(`${repository}@${descriptor.digest}`, { descriptor, bytes });
    if (tag !== undefined) this.tags.set(`${repository}:${tag}`, descriptor.digest);
    return descriptor;
  }

  /** Adds an image with a config and these layers. */
  addImage(
    repository: string,
    tag: string | undefined,
    layers: readonly Uint8Array[],
    platform = 'linux/amd64',
  ): Descriptor {
    const [os, architecture] = platform.split('/');
    const config = Buffer.from(
      JSON.stringify({
        os,
        architecture,
        rootfs: { type: 'layers', diff_ids: layers.map((layer) => digestOf(layer)) },
      }),
    );
    const manifest = {
      schemaVersion: 2,
      mediaType: MediaType.ociManifest,
      config: this.addBlob(repository, IMAGE_CONFIG, config),
      layers: layers.map((layer) => this.addBlob(repository, LAYER, layer)),
    };
    return this.addManifest(repository, manifest, MediaType.ociManifest, tag);
  }

  addIndex(repository: string, tag: string | undefined, manifests: readonly object[], extra: object = {}): Descriptor {
    const index = { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests, ...extra };
    return this.addManifest(repository, index, MediaType.ociIndex, tag);
  }

  async manifest(repository: Repository, tagOrDigest: string): Promise<ManifestContent> {
    const name = formatRepository(repository);
    this.log.push(`GET ${name} ${tagOrDigest}`);
    const digest = tagOrDigest.includes(':') ? tagOrDigest : this.tags.get(`${name}:${tagOrDigest}`);
    const content = this.manifests.get(`${name}@${digest}`);
    if (content === undefined) throw new AirgapError('image-not-found', `${name}:${tagOrDigest} does not exist`);
    await Promise.resolve();
    return content;
  }

  blob(repository: Repository, { digest, size }: Descriptor): Body {
    const name = formatRepository(repository);
    return {
      size,
      open: async (offset = 0, signal) => {
        this.log.push(`OPEN ${name} ${digest} ${offset}`);
        const bytes = this.blobs.get(`${name}@${digest}`);
        if (bytes === undefined) throw new AirgapError('image-not-found', `${name}@${digest} does not exist`);
        return Readable.from(this.#chunks(digest, bytes, offset), { objectMode: false, signal });
      },
    };
  }

  async *#chunks(digest: Digest, bytes: Uint8Array, offset: number): AsyncGenerator<Uint8Array> {
    for (let position = offset; position < bytes.length; position += this.chunk) {
      await this.onChunk(digest, position);
      const chunk = bytes.subarray(position, position + this.chunk);
      this.read += chunk.length;
      yield chunk;
    }
  }

  async hasBlob(repository: Repository, { digest }: Descriptor): Promise<boolean> {
    this.log.push(`HEAD ${formatRepository(repository)} ${digest}`);
    return this.blobs.has(`${formatRepository(repository)}@${digest}`);
  }

  mountSupport(): MountSupport {
    return this.supportsSelfMount ? 'self-mount' : 'named';
  }

  async putBlob(
    repository: Repository,
    descriptor: Descriptor,
    body: Body,
    options: PutBlobOptions = {},
  ): Promise<'stored' | 'mounted' | 'present'> {
    const { mountFrom, signal } = options;
    const key = `${formatRepository(repository)}@${descriptor.digest}`;
    const other = mountFrom && this.blobs.get(`${formatRepository(mountFrom)}@${descriptor.digest}`);
    if (this.mounts && other) {
      this.log.push(`MOUNT ${formatRepository(repository)} ${descriptor.digest}`);
      if (mountFrom !== undefined && formatRepository(mountFrom) === formatRepository(repository)) return 'present';
      this.blobs.set(key, other);
      return 'mounted';
    }
    this.log.push(`PUT ${formatRepository(repository)} ${descriptor.digest}`);
    const bytes = Buffer.concat(await (await body.open(0, signal)).toArray());
    if (digestOf(bytes) !== descriptor.digest)
      throw new AirgapError('digest-mismatch', `${key} does not match the content sent`);
    this.blobs.set(key, bytes);
    return 'stored';
  }

  async head(repository: Repository, tagOrDigest: string): Promise<Descriptor | undefined> {
    const digest = await this.hasManifest(repository, tagOrDigest);
    return this.manifests.get(`${formatRepository(repository)}@${digest}`)?.descriptor;
  }

  async referrers(repository: Repository, subject: Digest): Promise<readonly Descriptor[] | undefined> {
    const name = formatRepository(repository);
    this.log.push(`LIST ${name} ${subject}`);
    if (!this.listsReferrers) return undefined;
    return [...this.manifests].flatMap(([key, { descriptor, bytes }]) => {
      const { subject: ownSubject, artifactType, config } = JSON.parse(Buffer.from(bytes).toString());
      if (!key.startsWith(`${name}@`) || ownSubject?.digest !== subject) return [];
      return [{ ...descriptor, artifactType: artifactType ?? config?.mediaType }];
    });
  }

  async hasManifest(repository: Repository, tagOrDigest: string): Promise<Digest | undefined> {
    const name = formatRepository(repository);
    this.log.push(`HEAD ${name} ${tagOrDigest}`);
    if (!tagOrDigest.includes(':')) return this.tags.get(`${name}:${tagOrDigest}`);
    return this.manifests.has(`${name}@${tagOrDigest}`) ? (tagOrDigest as Digest) : undefined;
  }

  async putManifest(repository: Repository, content: ManifestContent, tag?: string): Promise<void> {
    const name = formatRepository(repository);
    this.log.push(`PUT ${name} ${tag ?? content.descriptor.digest}`);
    const { manifests, config, layers } = JSON.parse(Buffer.from(content.bytes).toString()) as {
      manifests?: Descriptor[];
      config?: Descriptor;
      layers?: Descriptor[];
    };
    for (const { digest } of manifests ?? []) {
      if (!this.manifests.has(`${name}@${digest}`)) throw new AirgapError('registry', `MANIFEST_UNKNOWN ${digest}`);
    }
    for (const { digest } of [...(config ? [config] : []), ...(layers ?? [])]) {
      if (!this.blobs.has(`${name}@${digest}`)) throw new AirgapError('registry', `BLOB_UNKNOWN ${digest}`);
    }
    this.manifests.set(`${name}@${content.descriptor.digest}`, content);
    if (tag !== undefined) this.tags.set(`${name}:${tag}`, content.descriptor.digest);
  }
}

export function references(...names: string[]): ReturnType<typeof parseReference>[] {
  return names.map((name) => parseReference(name));
}
