import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import type { Emit } from '../../base/events.ts';
import { writeOutput } from '../../base/output-file.ts';
import { createOwn, openOwn } from '../../base/own-file.ts';
import type { Digest } from '../../oci/digest.ts';
import { writeFailure } from '../files/file.ts';
import { openRandomFile, type RandomFile } from '../files/random-file.ts';
import { indexParts } from '../files/split-hash.ts';
import { formatSplitIndex } from '../files/split-index.ts';
import type { Layout } from '../layout.ts';
import { type Foreseen, foresee, noSpace } from './foresee.ts';
import { Journal } from './journal.ts';
import { type Leftover, moveLeftover, removeJournal, removeLeftover, renameLeftover } from './leftover.ts';
import { type Output, occupantsOf } from './output.ts';

/** A bundle being written: `NAME.partial` or its parts, in full size, and its journal. */
export class PartialFile {
  readonly file: RandomFile;
  readonly #output: Output;
  readonly #journal: Journal;
  readonly #writtenBytes = new Map<Digest, number>();

  private constructor(output: Output, file: RandomFile, journal: Journal, done: ReadonlyMap<Digest, number>) {
    this.#output = output;
    this.file = file;
    this.#journal = journal;
    for (const [digest, bytes] of done) this.#writtenBytes.set(digest, bytes);
  }

  /**
   * Opens the partial file of an interrupted run of the same plan, or creates one. Writes headers and content from
   * memory, and moves reusable blobs of another plan into it.
   * @throws AirgapError `no-space` with needed and free bytes, `file` if it cannot be written, `interrupted`
   */
  static async open(output: Output, layout: Layout, signal?: AbortSignal): Promise<PartialFile> {
    const foreseen = await foresee(output, layout);
    const { done, needed, free } = foreseen;
    if (free < needed) throw noSpace(output.path, needed, free);
    const leftover = await makeWay(output, foreseen).catch((error) => {
      throw writeFailure(error);
    });
    const openPart = (path: string) => (done === undefined ? createOwn(path, 0o644) : openOwn(path, 'r+'));
    const file = await openRandomFile(output.partial, openPart).catch((error) => {
      throw writeFailure(error);
    });
    const journal = new Journal(output.journal);
    const opened = new PartialFile(output, file, journal, done ?? new Map());
    try {
      await file.truncate(layout.size);
      for (const { header, offset, bytes } of layout.entries) {
        file.writeNow(header, offset - header.length);
        if (bytes !== undefined) file.writeNow(bytes, offset);
      }
      if (done !== undefined) writePadding(file, layout);
      await journal.start(layout.identity, done !== undefined);
      if (leftover !== undefined) await opened.#takeOverBlobs(leftover, layout, signal);
    } catch (error) {
      await opened.abandon();
      throw writeFailure(error);
    }
    return opened;
  }

  async #takeOverBlobs(leftover: Leftover, { entries }: Layout, signal: AbortSignal | undefined): Promise<void> {
    const wanted = new Map(
      entries.flatMap(({ node, offset }) => {
        if (node === undefined) return [];
        const { digest, size } = node.descriptor;
        return [[digest, { offset, size, have: this.placed(digest) }] as const];
      }),
    );
    const checkpoint = (digest: Digest, bytes: number): Promise<void> => this.checkpoint(digest, bytes);
    await moveLeftover(leftover, { wanted, into: this.file, checkpoint, signal });
    await removeLeftover(leftover);
  }

  /** Returns the written bytes of a blob, including those of an earlier run, which must be hashed again. */
  placed(digest: Digest): number {
    return this.#writtenBytes.get(digest) ?? 0;
  }

  /** Records that `bytes` bytes of a blob are written. */
  async checkpoint(digest: Digest, bytes: number): Promise<void> {
    this.#writtenBytes.set(digest, bytes);
    await this.#journal.add(digest, bytes);
  }

  /**
   * Flushes the file and renames it to its final name. Parts are renamed one by one; their index is written last, so
   * that it only exists for a complete bundle. Deletes other files of the same name.
   * @throws AirgapError `output-exists` if another run replaced the partial file
   */
  async finish(emit: Emit): Promise<void> {
    const { path, partial, final, index } = this.#output;
    try {
      await this.file.sync();
      if (!(await this.file.isInPlace())) {
        throw new AirgapError('output-exists', `another run is writing ${partial.paths[0]}`);
      }
      if (index === undefined) await rename(partial.paths[0] as string, path);
      else await this.#finishParts(index, emit);
      const stays = new Set([...final.paths, index]);
      for (const other of await occupantsOf(this.#output)) if (!stays.has(other)) await rm(other, { force: true });
      await this.#journal.remove();
    } catch (error) {
      throw writeFailure(error);
    } finally {
      await this.file.close();
    }
    await syncFolder(dirname(path));
  }

  async #finishParts(index: string, emit: Emit): Promise<void> {
    const { partial, final } = this.#output;
    emit({ type: 'stage', message: `hashing ${final.paths.length} parts` });
    const text = formatSplitIndex(await indexParts(this.file, await this.file.size(), final.paths));
    await rm(index, { force: true });
    for (const [at, from] of partial.paths.entries()) await rename(from, final.paths[at] as string);
    await writeOutput(index, text);
  }

  /** Path of the partial file, or common prefix of its parts. */
  get path(): string {
    return `${this.#output.path}.partial`;
  }

  /** Written bytes of all blobs. */
  get bytes(): number {
    let all = 0;
    for (const bytes of this.#writtenBytes.values()) all += bytes;
    return all;
  }

  /** Closes the unfinished file. Deletes it if it contains nothing to resume from. */
  async abandon(): Promise<void> {
    await this.file.close();
    await this.#journal.close();
    if (this.bytes > 0) return;
    for (const path of this.#output.partial.paths) await rm(path, { force: true });
    await this.#journal.remove();
  }
}

/** Deletes stale partial files and renames reusable ones so that this run can resume from them. */
async function makeWay(
  { partial, final, journal, leftover: aside }: Output,
  { done, leftover, stale, renamed }: Foreseen,
): Promise<Leftover | undefined> {
  for (const path of stale) await rm(path, { force: true });
  for (const at of renamed) await rename(final.paths[at] as string, partial.paths[at] as string);
  const moved = leftover === undefined || leftover.path === aside ? leftover : await renameLeftover(leftover, aside);
  if (done === undefined) await rm(journal, { force: true });
  if (moved === undefined) await removeJournal(aside);
  return moved;
}

/** Writes the padding, which may not be zero in a file that existed before. */
function writePadding(file: RandomFile, { entries, size }: Layout): void {
  for (const [at, entry] of entries.entries()) {
    const next = entries[at + 1];
    const end = next === undefined ? size : next.offset - next.header.length;
    const padding = end - entry.offset - entry.size;
    if (padding > 0) file.writeNow(Buffer.alloc(padding), entry.offset + entry.size);
  }
}

/** Flushes a rename to disk. Errors are ignored: some file systems do not allow opening folders. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => {});
  await handle?.close();
}
