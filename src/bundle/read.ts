import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { AirgapError, messageOf } from '../base/errors.ts';
import { type Lock, parseLock } from '../lock/lock.ts';
import type { Body, ManifestContent, Source } from '../oci/content.ts';
import { type Descriptor, MediaType } from '../oci/descriptor.ts';
import { algorithmOf, type Digest, digestOf, isDigest } from '../oci/digest.ts';
import type { Root } from '../oci/graph.ts';
import { readLinks } from '../oci/manifest.ts';
import { formatReference, type Repository } from '../oci/reference.ts';
import { type BundleChart, type Contents, contentsOf } from './contents.ts';
import { readRange } from './file.ts';
import { openLayout } from './open-layout.ts';
import { invalid, type TarEntry } from './tar-index.ts';

export type { BundleChart } from './contents.ts';

/** An open bundle: a source of everything in it. Nothing is unpacked; bodies are read from their place in the file. */
export interface Bundle extends Source {
  readonly path: string;
  /** Bytes of the file. */
  readonly size: number;
  /** Where each blob's content lies in the file. */
  readonly entries: ReadonlyMap<Digest, TarEntry>;
  /** `manifest.json`, as another tool or this one wrote it; undefined when there is none. */
  readonly dockerSave: Uint8Array | undefined;
  /** Images in the order of the index. `sourceDigest` as the lock has it. */
  images(): readonly Root[];
  charts(): readonly BundleChart[];
  /** What the index holds without a name that tells its repository: other tools' archives. */
  unnamed(): readonly Descriptor[];
  /** Undefined when another tool wrote the archive. */
  lock(): Lock | undefined;
  /** Of the lock's manifest. */
  readonly lockDigest: Digest | undefined;
  /** A whole blob in memory, verified. For configs and charts. @throws AirgapError `image-not-found`, `digest-mismatch` */
  read(descriptor: Descriptor): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** A manifest larger than this is none (ECR's limit; registries agree). */
const MANIFEST_LIMIT = 4 * 1024 * 1024;

/**
 * Opens a bundle, or an OCI image layout archive of another tool. Headers and the index are read and checked, bodies are
 * not: `verifyBundle` does that.
 * @throws AirgapError `bundle-invalid` that says what is wrong and where, `file` when the file cannot be read
 */
export async function openBundle(path: string): Promise<Bundle> {
  const file = await open(path, 'r').catch((cause) => {
    throw new AirgapError('file', `the bundle cannot be opened: ${messageOf(cause)}`, { cause });
  });
  try {
    const layout = await openLayout(file, path);
    const reader = new Reader(file, path, layout.entries, contentsOf(path, layout.index));
    const lock = await reader.readLock();
    reader.leftOut = new Set(lock?.requires?.map(({ digest }) => digest));
    return new OpenBundle(reader, layout.size, layout.dockerSave, lock);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Reads content by digest. */
class Reader {
  readonly file: FileHandle;
  readonly path: string;
  readonly entries: ReadonlyMap<Digest, TarEntry>;
  readonly contents: Contents;
  /** What a delta says it has not. */
  leftOut: ReadonlySet<Digest> = new Set();

  constructor(file: FileHandle, path: string, entries: ReadonlyMap<Digest, TarEntry>, contents: Contents) {
    this.file = file;
    this.path = path;
    this.entries = entries;
    this.contents = contents;
  }

  entry(digest: Digest): TarEntry {
    const entry = this.entries.get(digest);
    if (entry !== undefined) return entry;
    if (!this.leftOut.has(digest)) {
      throw new AirgapError('image-not-found', `${this.path} does not hold ${digest}`);
    }
    throw new AirgapError('image-not-found', `${this.path} is a delta, and leaves out ${digest}`, {
      hint: 'the older bundle has it, and so does the registry that it was pushed to',
    });
  }

  async bytes(digest: Digest): Promise<Uint8Array> {
    const { offset, size } = this.entry(digest);
    const chunks: Uint8Array[] = [];
    for await (const chunk of readRange(this.file, offset, size)) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    if (digestOf(bytes, algorithmOf(digest)) !== digest) {
      throw new AirgapError('digest-mismatch', `${this.path} is damaged: the content of ${digest} is not that`, {
        hint: 'copy the bundle again; helm airgap verify tells what else is damaged',
      });
    }
    return bytes;
  }

  async manifest(digest: Digest): Promise<ManifestContent> {
    const { size } = this.entry(digest);
    if (size > MANIFEST_LIMIT) throw invalid(this.path, `has ${digest} as a manifest, and it has ${size} bytes`);
    const bytes = await this.bytes(digest);
    const mediaType = this.contents.mediaTypes.get(digest) ?? typeOf(bytes);
    return { bytes, descriptor: { mediaType, digest, size } };
  }

  async readLock(): Promise<Lock | undefined> {
    const { lock } = this.contents;
    if (lock === undefined) return undefined;
    const { bytes } = await this.manifest(lock.digest);
    const document = readLinks(lock.mediaType, bytes).blobs.find(({ mediaType }) => mediaType === MediaType.lock);
    if (document === undefined) throw invalid(this.path, 'has a lock without its document');
    return parseLock(await this.bytes(document.digest));
  }
}

class OpenBundle implements Bundle {
  readonly size: number;
  readonly dockerSave: Uint8Array | undefined;
  readonly #reader: Reader;
  readonly #lock: Lock | undefined;
  readonly #images: readonly Root[];

  constructor(reader: Reader, size: number, dockerSave: Uint8Array | undefined, lock: Lock | undefined) {
    this.#reader = reader;
    this.size = size;
    this.dockerSave = dockerSave;
    this.#lock = lock;
    const before = new Map(lock?.images.map(({ reference, sourceDigest }) => [reference, sourceDigest]));
    this.#images = reader.contents.images.map((root) => {
      const sourceDigest = before.get(formatReference(root.reference));
      return sourceDigest === undefined ? root : { ...root, sourceDigest };
    });
  }

  get path(): string {
    return this.#reader.path;
  }

  get lockDigest(): Digest | undefined {
    return this.#reader.contents.lock?.digest;
  }

  get entries(): ReadonlyMap<Digest, TarEntry> {
    return this.#reader.entries;
  }

  images(): readonly Root[] {
    return this.#images;
  }

  charts(): readonly BundleChart[] {
    return this.#reader.contents.charts;
  }

  unnamed(): readonly Descriptor[] {
    return this.#reader.contents.unnamed;
  }

  lock(): Lock | undefined {
    return this.#lock;
  }

  read({ digest }: Descriptor): Promise<Uint8Array> {
    return this.#reader.bytes(digest);
  }

  async manifest(repository: Repository, tagOrDigest: string): Promise<ManifestContent> {
    if (isDigest(tagOrDigest)) return this.#reader.manifest(tagOrDigest);
    const { registry, path } = repository;
    const name = formatReference({ registry, path, tag: tagOrDigest });
    const root = [...this.#images, ...this.charts()].find(({ reference }) => formatReference(reference) === name);
    if (root === undefined) throw new AirgapError('image-not-found', `${this.path} does not hold ${name}`);
    return this.#reader.manifest(root.descriptor.digest);
  }

  blob(_repository: Repository, { digest, size }: Descriptor): Body {
    const { file } = this.#reader;
    return {
      size,
      open: async (from = 0, signal) => {
        const entry = this.#reader.entry(digest);
        const chunks = readRange(file, entry.offset + from, Math.max(0, entry.size - from));
        return Readable.from(chunks, { objectMode: false, signal });
      },
    };
  }

  async close(): Promise<void> {
    await this.#reader.file.close();
  }
}

/** The media type of a manifest that stands in no list of the index: its own word, or its shape. */
function typeOf(bytes: Uint8Array): string {
  let json: { mediaType?: unknown; manifests?: unknown } | null = null;
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    // Whoever reads it as a manifest says that it is none.
  }
  if (typeof json?.mediaType === 'string') return json.mediaType;
  return Array.isArray(json?.manifests) ? MediaType.ociIndex : MediaType.ociManifest;
}
