import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AirgapError } from '../base/errors.ts';
import type { Digest } from '../oci/digest.ts';
import { writeAll, writeFailure } from './file.ts';
import { Journal } from './journal.ts';
import type { Layout } from './layout.ts';

/** A bundle that is being written: `NAME.partial` in its full size, and the journal of what is in place. */
export class PartialFile {
  readonly file: FileHandle;
  readonly #path: string;
  readonly #journal: Journal;
  readonly #placed = new Map<Digest, number>();

  private constructor(path: string, file: FileHandle, journal: Journal, done: ReadonlyMap<Digest, number>) {
    this.#path = path;
    this.file = file;
    this.#journal = journal;
    for (const [digest, bytes] of done) this.#placed.set(digest, bytes);
  }

  /**
   * Opens what an interrupted run of the same plan left, or a new file. Headers and content in memory are written.
   * @throws AirgapError `no-space` with what is needed and what there is, `file` when it cannot be written
   */
  static async open(path: string, layout: Layout): Promise<PartialFile> {
    const journal = new Journal(`${path}.journal`);
    const { done, needed, free } = await foresee(path, layout);
    if (free < needed) throw noSpace(path, needed, free);
    if (done === undefined) {
      await journal.remove();
      await rm(path, { force: true }).catch((error) => {
        throw writeFailure(error);
      });
    }
    const flags = done === undefined ? constants.O_CREAT | constants.O_EXCL | constants.O_RDWR : constants.O_RDWR;
    const file = await open(path, flags, 0o644).catch((error) => {
      throw writeFailure(error);
    });
    try {
      await file.truncate(layout.size);
      for (const { header, offset, bytes } of layout.entries) {
        await writeAll(file, bytes === undefined ? [header] : [header, bytes], offset - header.length);
      }
      if (done !== undefined) await writePadding(file, layout);
      await journal.start(layout.identity, done ?? new Map());
    } catch (error) {
      await file.close();
      throw writeFailure(error);
    }
    return new PartialFile(path, file, journal, done ?? new Map());
  }

  /** Bytes of a blob that are in place, now or since an earlier run. To be hashed again before they are believed. */
  placed(digest: Digest): number {
    return this.#placed.get(digest) ?? 0;
  }

  /** Notes that so many bytes of a blob are in place. */
  async checkpoint(digest: Digest, bytes: number): Promise<void> {
    this.#placed.set(digest, bytes);
    await this.#journal.add(digest, bytes);
  }

  /**
   * Makes it the bundle: on the disk first, then under its name, whole or not at all.
   * @throws AirgapError `output-exists` when another run took the partial file away meanwhile
   */
  async finish(path: string): Promise<void> {
    try {
      await this.file.sync();
      const [mine, named] = await Promise.all([this.file.stat(), stat(this.#path).catch(() => undefined)]);
      if (named === undefined || named.ino !== mine.ino) {
        throw new AirgapError('output-exists', `another run writes ${this.#path} at the same time`);
      }
      await rename(this.#path, path);
      await this.#journal.remove();
    } catch (error) {
      throw writeFailure(error);
    } finally {
      await this.file.close();
    }
    await syncFolder(dirname(path));
  }

  /** Closes it unfinished. It stays only if a later run can continue from it. */
  async abandon(): Promise<void> {
    await this.file.close();
    if ([...this.#placed.values()].some((bytes) => bytes > 0)) return;
    await rm(this.#path, { force: true });
    await this.#journal.remove();
  }
}

/** A new file is zero wherever nothing is written. In one that was there before, that is not to be relied on. */
async function writePadding(file: FileHandle, { entries, size }: Layout): Promise<void> {
  for (const [at, entry] of entries.entries()) {
    const next = entries[at + 1];
    const end = next === undefined ? size : next.offset - next.header.length;
    const padding = end - entry.offset - entry.size;
    if (padding > 0) await writeAll(file, [Buffer.alloc(padding)], entry.offset + entry.size);
  }
}

/** What a run would begin with. */
export interface Foreseen {
  /** Bytes in place by digest, of an interrupted run of the same plan; undefined when there is none to continue. */
  readonly done: ReadonlyMap<Digest, number> | undefined;
  /** Bytes that the file will take on the disk beyond those that it has already. */
  readonly needed: number;
  /** Bytes that the disk has for it, with those of a partial file that cannot be continued. */
  readonly free: number;
}

/** Looks at what there is for a partial file, and changes nothing. @throws AirgapError `file` */
export async function foresee(path: string, layout: Layout): Promise<Foreseen> {
  const found = await stat(path).catch(() => undefined);
  const same = found?.isFile() && found.size === layout.size;
  const done = same ? await new Journal(`${path}.journal`).read(layout.identity) : undefined;
  const { bavail, bsize } = await statfs(dirname(path)).catch((error) => {
    throw writeFailure(error);
  });
  // st_blocks counts 512 bytes each, whatever the file system's own blocks are.
  const taken = found?.isFile() ? found.blocks * 512 : 0;
  const free = bavail * bsize;
  if (done === undefined) return { done, needed: layout.size, free: free + taken };
  return { done, needed: Math.max(0, layout.size - taken), free };
}

/** The disk is too small for it: both numbers. */
export function noSpace(path: string, needed: number, free: number): AirgapError {
  return new AirgapError('no-space', `the bundle needs ${needed} bytes, and ${dirname(path)} has ${free}`, {
    hint: 'free some space, choose another folder with --out, or fewer platforms with --platform',
  });
}

/** Makes a rename last. Some file systems do not let a folder be opened for that; the rename is done all the same. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => {});
  await handle?.close();
}
