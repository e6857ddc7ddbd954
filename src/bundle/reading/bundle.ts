import { AirgapError } from '../../base/errors.ts';
import { describeFileFailure } from '../../base/file-failure.ts';
import type { Inventory } from '../../inventory/inventory.ts';
import type { Body, ManifestContent, Source } from '../../oci/content.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { type Digest, isDigest } from '../../oci/digest.ts';
import { type Graph, type Root, referrersOf } from '../../oci/graph.ts';
import { formatReference, type Reference, type Repository } from '../../oci/reference.ts';
import type { Referrer } from '../../oci/referrer.ts';
import { type FileParts, openRandomFile, type RandomFile } from '../files/random-file.ts';
import { FileBody } from '../files/ranges.ts';
import { damagedParts, isMatchingIndex } from '../files/split-hash.ts';
import type { BundleHead, BundlePart } from '../files/split-index.ts';
import { type FoundBundle, findBundle } from '../files/split-open.ts';
import type { TarEntry } from '../format/tar-index.ts';
import { type BundleChart, parseIndexContents } from './contents.ts';
import { type OpenLayout, openLayout, readDockerSaveFile, toolEntries } from './open-layout.ts';
import { checkPacking, checkStructure, type Packing, type PackingDifference } from './packing.ts';
import { BundleReader } from './reader.ts';

export type { BundleChart } from './contents.ts';

/** A part of a split bundle that does not match the split index. */
interface DamagedPart {
  readonly message: string;
  /** Suspect blobs with content in this part. */
  readonly digests: readonly Digest[];
}

/** An open bundle as a source of its content. Nothing is unpacked; bodies are read from the archive. */
export interface Bundle extends Source {
  readonly path: string;
  /** Size of the archive in bytes. */
  readonly size: number;
  /** Paths of its file or parts, for threads that open them again. */
  readonly fileParts: FileParts;
  /** Offset and size of each blob in the archive. */
  readonly entries: ReadonlyMap<Digest, TarEntry>;
  /** Offset and size of `index.json` in the archive. */
  readonly indexEntry: TarEntry;
  /** Parts of a split bundle; empty for a single file. */
  readonly parts: readonly BundlePart[];
  /** Files in `tools/` by name, without their checksums. Those of the inventory, if the bundle is intact. */
  readonly tools: ReadonlyMap<string, TarEntry>;
  /** Reads the parts that contain any of the blobs or bytes, and returns those that do not match the split index. */
  damagedParts(digests: ReadonlySet<Digest>, bytes: readonly TarEntry[]): Promise<readonly DamagedPart[]>;
  /** Reports whether the split index matches the start of the bundle; true for a single file. */
  hasMatchingIndex(): Promise<boolean>;
  /** Compares all bytes outside of the contents with those that this tool writes. */
  checkPacking(): Promise<Packing>;
  /** Returns unexpected files and differences in the index; none for another tool's archive. */
  checkStructure(): readonly PackingDifference[];
  /** Reads `manifest.json`; undefined if there is none. */
  dockerSave(): Promise<Uint8Array | undefined>;
  /** Returns the images in order of the index, with `sourceDigest` from the inventory. */
  images(): readonly Root[];
  charts(): readonly BundleChart[];
  /** Returns the referrers of images and charts. */
  referrers(): readonly Referrer[];
  /** Returns entries of the index without a name that has a repository, as in archives of other tools. */
  unnamed(): readonly Descriptor[];
  /** Returns the inventory; undefined if another tool wrote the archive. */
  inventory(): Inventory | undefined;
  /** Digest of the inventory's manifest. */
  readonly inventoryDigest: Digest | undefined;
  /** Manifest of the inventory's signature, not verified: see `checkSignature`. */
  readonly signature: Descriptor | undefined;
  /**
   * Reads and verifies a blob in memory: a config or chart.
   * @throws AirgapError `image-not-found`, `digest-mismatch`
   */
  read(descriptor: Descriptor): Promise<Uint8Array>;
  /**
   * Fills the buffer from a position of a blob, without a check of its digest.
   * @returns bytes read; fewer than the buffer has only at the end of the blob or of a truncated file
   * @throws AirgapError `image-not-found`; system errors
   */
  readAt(digest: Digest, buffer: Uint8Array, position: number): Promise<number>;
  /** Like `readAt`, but synchronous. */
  readAtSync(digest: Digest, buffer: Uint8Array, position: number): number;
  close(): Promise<void>;
}

/**
 * Opens a bundle, or an OCI image layout archive of another tool. A split bundle is given by its index, by any part, or
 * by the parts' common name. Checks headers and the index, but no bodies: see `verifyBundle`.
 * @param found location of its bytes, if known; `path` is then used for messages only
 * @param assumedReference reference to assume for images identified only by tag, or for the only image
 * @throws AirgapError `bundle-invalid` with the position; `file` if the file cannot be read
 */
export async function openBundle(path: string, found?: FoundBundle, assumedReference?: Reference): Promise<Bundle> {
  const { file, parts, head } = await openFile(found ?? findBundle(path)).catch((cause) => {
    if (cause instanceof AirgapError) throw cause;
    throw new AirgapError('file', `cannot open the bundle ${describeFileFailure(cause, path)}`, { cause });
  });
  try {
    const layout = await openLayout(file, path);
    const reader = new BundleReader(
      file,
      path,
      layout.entries,
      parseIndexContents(path, layout.index, assumedReference),
    );
    const inventory = await reader.readInventory();
    reader.leftOut = new Set(inventory?.requires?.map(({ digest }) => digest));
    const tools = toolEntries(layout);
    reader.tools = new Map(inventory?.tools?.map(({ name, digest }) => [digest, tools.get(name)]));
    return new OpenBundle(reader, layout, inventory, { parts, head });
  } catch (error) {
    const blamed = await blameDamagedPart(error, file, parts);
    await file.close();
    throw blamed;
  }
}

async function openFile(found: FoundBundle | Promise<FoundBundle>): Promise<SplitInfo & { readonly file: RandomFile }> {
  const { fileParts, parts = [], head } = await found;
  return { file: await openRandomFile(fileParts, 'r'), parts, head };
}

/** Content of the split index; empty for a single file. */
interface SplitInfo {
  readonly parts: readonly BundlePart[];
  readonly head: BundleHead | undefined;
}

/** Replaces an error of a split bundle by one that names its damaged parts, if there are any. */
async function blameDamagedPart(error: unknown, file: RandomFile, parts: readonly BundlePart[]): Promise<unknown> {
  if (!(error instanceof AirgapError) || !['bundle-invalid', 'digest-mismatch', 'file'].includes(error.code))
    return error;
  const damaged = await damagedParts(file, parts);
  if (damaged.length === 0) return error;
  const message = damaged.map((part) => part.message).join('; ');
  return new AirgapError('bundle-invalid', message, { hint: 'copy the damaged parts again', cause: error });
}

class OpenBundle implements Bundle {
  readonly parts: readonly BundlePart[];
  readonly #head: BundleHead | undefined;
  readonly #reader: BundleReader;
  readonly #layout: OpenLayout;
  readonly #inventory: Inventory | undefined;
  readonly tools: ReadonlyMap<string, TarEntry>;
  readonly #images: readonly Root[];
  readonly #byName: ReadonlyMap<string, Root>;
  #packing: Promise<Packing> | undefined;

  constructor(reader: BundleReader, layout: OpenLayout, inventory: Inventory | undefined, { parts, head }: SplitInfo) {
    this.#reader = reader;
    this.#layout = layout;
    this.parts = parts;
    this.#head = head;
    this.#inventory = inventory;
    this.tools = toolEntries(layout);
    const sourceDigests = new Map(inventory?.images.map(({ reference, sourceDigest }) => [reference, sourceDigest]));
    this.#images = reader.contents.images.map((root) => {
      const sourceDigest = sourceDigests.get(formatReference(root.reference));
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

  dockerSave(): Promise<Uint8Array | undefined> {
    return readDockerSaveFile(this.#reader.file, this.path, this.#layout);
  }

  get fileParts(): FileParts {
    return this.#reader.file.fileParts;
  }

  get indexEntry(): TarEntry {
    return this.#layout.files.get('index.json') as TarEntry;
  }

  get inventoryDigest(): Digest | undefined {
    return this.#reader.contents.inventory?.digest;
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

  inventory(): Inventory | undefined {
    return this.#inventory;
  }

  checkPacking(): Promise<Packing> {
    const { file, contents } = this.#reader;
    this.#packing ??= checkPacking(file, this.path, this.#layout, contents, this.#inventory?.tools);
    return this.#packing;
  }

  checkStructure(): readonly PackingDifference[] {
    return checkStructure(this.#layout, this.#reader.contents, this.#inventory?.tools ?? []);
  }

  async damagedParts(digests: ReadonlySet<Digest>, bytes: readonly TarEntry[]): Promise<readonly DamagedPart[]> {
    const blobsWithin = (from: number, to: number): Digest[] =>
      [...digests].filter((digest) => {
        const { offset, size } = this.entries.get(digest) ?? { offset: to, size: 0 };
        return offset < to && offset + size > from;
      });
    const isSuspect = (from: number, to: number): boolean =>
      bytes.some(({ offset, size }) => offset < to && offset + size > from) || blobsWithin(from, to).length > 0;
    const damaged = await damagedParts(this.#reader.file, this.parts, isSuspect);
    return damaged.map(({ message, from, to }) => ({ message, digests: blobsWithin(from, to) }));
  }

  async hasMatchingIndex(): Promise<boolean> {
    return this.parts.length === 0 || isMatchingIndex(this.#reader.file, this.parts, this.#head);
  }

  read({ digest }: Descriptor): Promise<Uint8Array> {
    return this.#reader.bytes(digest);
  }

  async readAt(digest: Digest, buffer: Uint8Array, position: number): Promise<number> {
    return this.#reader.file.read(...this.#located(digest, buffer, position));
  }

  readAtSync(digest: Digest, buffer: Uint8Array, position: number): number {
    return this.#reader.file.readSync(...this.#located(digest, buffer, position));
  }

  /** Returns the part of the buffer that a blob fills from a position, and the offset in the file. */
  #located(digest: Digest, buffer: Uint8Array, position: number): [target: Uint8Array, offset: number] {
    const { offset, size } = this.#reader.entry(digest);
    return [buffer.subarray(0, Math.max(0, Math.min(buffer.length, size - position))), offset + position];
  }

  async manifest(repository: Repository, tagOrDigest: string): Promise<ManifestContent> {
    if (isDigest(tagOrDigest)) return this.#reader.manifest(tagOrDigest);
    const { registry, path } = repository;
    const name = formatReference({ registry, path, tag: tagOrDigest });
    const root = this.#byName.get(name);
    if (root === undefined) throw new AirgapError('image-not-found', `${this.path} does not contain ${name}`);
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

/** Returns the referrers that a bundle lists for the roots of a graph. They still have to be attached to the graph. */
export function bundledReferrers({ manifests, roots }: Graph, bundle: Pick<Bundle, 'referrers'>): readonly Referrer[] {
  return referrersOf(
    { manifests, referrers: bundle.referrers() },
    roots.map(({ reference, descriptor }) => ({ repository: reference, digest: descriptor.digest })),
  );
}
