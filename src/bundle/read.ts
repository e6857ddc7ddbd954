import { AirgapError, messageOf } from '../base/errors.ts';
import type { Lock } from '../lock/lock.ts';
import type { Body, ManifestContent, Source } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { type Digest, isDigest } from '../oci/digest.ts';
import type { Root } from '../oci/graph.ts';
import { formatReference, type Reference, type Repository } from '../oci/reference.ts';
import type { Referrer } from '../oci/referrer.ts';
import { type FilePlaces, openRandomFile, type RandomFile } from './files/random-file.ts';
import { damagedParts, isIndexOf } from './files/split-hash.ts';
import type { Head, Part } from './files/split-index.ts';
import { type FoundBundle, findBundle } from './files/split-open.ts';
import { type BundleChart, contentsOf } from './reading/contents.ts';
import { FileBody } from './reading/file-body.ts';
import { type OpenLayout, openLayout } from './reading/open-layout.ts';
import { checkPacking, checkStructure, type Packing, type PackingDifference } from './reading/packing.ts';
import { Reader } from './reading/reader.ts';
import type { TarEntry } from './reading/tar-index.ts';

export type { BundleChart } from './reading/contents.ts';

/** A part of a split bundle that is not what its index says. */
export interface DamagedPart {
  readonly message: string;
  /** Those of the blobs in question that lie in it. */
  readonly digests: readonly Digest[];
}

/** An open bundle: a source of everything in it. Nothing is unpacked; bodies are read from their place in the file. */
export interface Bundle extends Source {
  readonly path: string;
  /** Bytes of the file. */
  readonly size: number;
  /** Where its bytes are, for a thread that opens it for itself. */
  readonly places: FilePlaces;
  /** Where each blob's content lies in the file. */
  readonly entries: ReadonlyMap<Digest, TarEntry>;
  /** Of a split bundle; none when it is one file. */
  readonly parts: readonly Part[];
  /** Which of the parts that hold any of these blobs or bytes are not what their index says; they are read for that. */
  damagedParts(digests: ReadonlySet<Digest>, bytes: readonly number[]): Promise<readonly DamagedPart[]>;
  /** Whether the index of its parts is its own, as far as its beginning tells; true of a single file. */
  hasOwnIndex(): Promise<boolean>;
  /** Everything between the contents, compared with what this tool writes. */
  packing(): Promise<Packing>;
  /** Files that no bundle has, and an index that says more or other than is read; none of another tool's archive. */
  structure(): readonly PackingDifference[];
  /** `manifest.json`, as another tool or this one wrote it; undefined when there is none. */
  readonly dockerSave: Uint8Array | undefined;
  /** Images in the order of the index. `sourceDigest` as the lock has it. */
  images(): readonly Root[];
  charts(): readonly BundleChart[];
  /** What belongs to them: signatures and the like. */
  referrers(): readonly Referrer[];
  /** What the index holds without a name that tells its repository: other tools' archives. */
  unnamed(): readonly Descriptor[];
  /** Undefined when another tool wrote the archive. */
  lock(): Lock | undefined;
  /** Of the lock's manifest. */
  readonly lockDigest: Digest | undefined;
  /** The manifest of the lock's signature; what it is worth, `checkSignature` says. */
  readonly signature: Descriptor | undefined;
  /** A whole blob in memory, verified. For configs and charts. @throws AirgapError `image-not-found`, `digest-mismatch` */
  read(descriptor: Descriptor): Promise<Uint8Array>;
  close(): Promise<void>;
}

/**
 * Opens a bundle, or an OCI image layout archive of another tool: a file, or parts by their index, one of them or the name
 * that they have in common. Headers and the index are read and checked, bodies are not: `verifyBundle` does that.
 * @param found where its bytes are, when that is known; `path` is then only what it is called in messages
 * @param as the name of what another tool names by a tag alone, or not at all when it is the only one
 * @throws AirgapError `bundle-invalid` that says what is wrong and where, `file` when the file cannot be read
 */
export async function openBundle(path: string, found?: FoundBundle, as?: Reference): Promise<Bundle> {
  const { file, parts, head } = await openFile(found ?? findBundle(path)).catch((cause) => {
    if (cause instanceof AirgapError) throw cause;
    throw new AirgapError('file', `the bundle cannot be opened: ${messageOf(cause)}`, { cause });
  });
  try {
    const layout = await openLayout(file, path);
    const reader = new Reader(file, path, layout.entries, contentsOf(path, layout.index, as));
    const lock = await reader.readLock();
    reader.leftOut = new Set(lock?.requires?.map(({ digest }) => digest));
    return new OpenBundle(reader, layout, lock, { parts, head });
  } catch (error) {
    const blamed = await blamePart(error, file, parts);
    await file.close();
    throw blamed;
  }
}

async function openFile(found: FoundBundle | Promise<FoundBundle>): Promise<Split & { readonly file: RandomFile }> {
  const { places, parts = [], head } = await found;
  return { file: await openRandomFile(places, 'r'), parts, head };
}

/** What the index of the parts says; of a single file nothing. */
interface Split {
  readonly parts: readonly Part[];
  readonly head: Head | undefined;
}

/** What is wrong with a split bundle may be one of its parts, and then that is the answer. */
async function blamePart(error: unknown, file: RandomFile, parts: readonly Part[]): Promise<unknown> {
  if (!(error instanceof AirgapError) || !['bundle-invalid', 'digest-mismatch', 'file'].includes(error.code))
    return error;
  const damaged = await damagedParts(file, parts);
  if (damaged.length === 0) return error;
  const message = damaged.map((part) => part.message).join('; ');
  return new AirgapError('bundle-invalid', message, { hint: 'copy what is named again', cause: error });
}

class OpenBundle implements Bundle {
  readonly parts: readonly Part[];
  readonly #head: Head | undefined;
  readonly #reader: Reader;
  readonly #layout: OpenLayout;
  readonly #lock: Lock | undefined;
  readonly #images: readonly Root[];
  readonly #byName: ReadonlyMap<string, Root>;
  #packing: Promise<Packing> | undefined;

  constructor(reader: Reader, layout: OpenLayout, lock: Lock | undefined, { parts, head }: Split) {
    this.#reader = reader;
    this.#layout = layout;
    this.parts = parts;
    this.#head = head;
    this.#lock = lock;
    const before = new Map(lock?.images.map(({ reference, sourceDigest }) => [reference, sourceDigest]));
    this.#images = reader.contents.images.map((root) => {
      const sourceDigest = before.get(formatReference(root.reference));
      return sourceDigest === undefined ? root : { ...root, sourceDigest };
    });
    this.#byName = new Map([...this.#images, ...this.charts()].map((root) => [formatReference(root.reference), root]));
  }

  get path(): string {
    return this.#reader.path;
  }

  get size(): number {
    return this.#layout.size;
  }

  get dockerSave(): Uint8Array | undefined {
    return this.#layout.dockerSave;
  }

  get places(): FilePlaces {
    return this.#reader.file.places;
  }

  get lockDigest(): Digest | undefined {
    return this.#reader.contents.lock?.digest;
  }

  get signature(): Descriptor | undefined {
    return this.#reader.contents.signature;
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

  referrers(): readonly Referrer[] {
    return this.#reader.contents.referrers;
  }

  unnamed(): readonly Descriptor[] {
    return this.#reader.contents.unnamed;
  }

  lock(): Lock | undefined {
    return this.#lock;
  }

  packing(): Promise<Packing> {
    this.#packing ??= checkPacking(this.#reader.file, this.#layout, this.#reader.contents);
    return this.#packing;
  }

  structure(): readonly PackingDifference[] {
    return checkStructure(this.#layout, this.#reader.contents);
  }

  async damagedParts(digests: ReadonlySet<Digest>, bytes: readonly number[]): Promise<readonly DamagedPart[]> {
    const within = (from: number, to: number): Digest[] =>
      [...digests].filter((digest) => {
        const { offset, size } = this.entries.get(digest) ?? { offset: to, size: 0 };
        return offset < to && offset + size > from;
      });
    const isSuspect = (from: number, to: number): boolean =>
      bytes.some((at) => at >= from && at < to) || within(from, to).length > 0;
    const damaged = await damagedParts(this.#reader.file, this.parts, isSuspect);
    return damaged.map(({ message, from, to }) => ({ message, digests: within(from, to) }));
  }

  async hasOwnIndex(): Promise<boolean> {
    return this.parts.length === 0 || isIndexOf(this.#reader.file, this.parts, this.#head);
  }

  read({ digest }: Descriptor): Promise<Uint8Array> {
    return this.#reader.bytes(digest);
  }

  async manifest(repository: Repository, tagOrDigest: string): Promise<ManifestContent> {
    if (isDigest(tagOrDigest)) return this.#reader.manifest(tagOrDigest);
    const { registry, path } = repository;
    const name = formatReference({ registry, path, tag: tagOrDigest });
    const root = this.#byName.get(name);
    if (root === undefined) throw new AirgapError('image-not-found', `${this.path} does not hold ${name}`);
    return this.#reader.manifest(root.descriptor.digest);
  }

  blob(_repository: Repository, { digest, size }: Descriptor): Body {
    const { file } = this.#reader;
    return {
      size,
      open: async (from = 0, signal) => {
        const entry = this.#reader.entry(digest);
        return new FileBody(file, entry.offset + from, Math.max(0, entry.size - from), signal);
      },
    };
  }

  async close(): Promise<void> {
    await this.#reader.file.close();
  }
}
