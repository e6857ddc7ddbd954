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

/** A bundle that is being written: `NAME.partial`, or its parts, in full size, and the journal of what is in place. */
export class PartialFile {
  readonly file: RandomFile;
  readonly #output: Output;
  readonly #journal: Journal;
  readonly #placed = new Map<Digest, number>();

  private constructor(output: Output, file: RandomFile, journal: Journal, done: ReadonlyMap<Digest, number>) {
    this.#output = output;
    this.file = file;
    this.#journal = journal;
    for (const [digest, bytes] of done) this.#placed.set(digest, bytes);
  }

  /**
   * Opens what an interrupted run of the same plan left, or a new file. Headers and content in memory are written, and
   * what a run of another plan has left of the blobs is moved into it.
   * @throws AirgapError `no-space` with what is needed and what there is, `file` when it cannot be written, `interrupted`
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
      if (leftover !== undefined) await opened.#takeOver(leftover, layout, signal);
    } catch (error) {
      await opened.abandon();
      throw writeFailure(error);
    }
    return opened;
  }

  async #takeOver(leftover: Leftover, { entries }: Layout, signal: AbortSignal | undefined): Promise<void> {
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
   * Makes it the bundle: on the disk first, then under its name. One file has it whole or not at all; of parts that is
   * true of their index, which comes last. Whatever else had the name is gone.
   * @throws AirgapError `output-exists` when another run took the partial file away meanwhile
   */
  async finish(emit: Emit): Promise<void> {
    const { path, partial, final, index } = this.#output;
    try {
      await this.file.sync();
      if (!(await this.file.isInPlace())) {
        throw new AirgapError('output-exists', `another run writes ${partial.paths[0]} at the same time`);
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

  /** Its name, or that its parts begin with. */
  get path(): string {
    return `${this.#output.path}.partial`;
  }

  /** Bytes of all blobs that are in place. */
  get bytes(): number {
    let all = 0;
    for (const bytes of this.#placed.values()) all += bytes;
    return all;
  }

  /** Closes it unfinished. It stays only if a later run can continue from it. */
  async abandon(): Promise<void> {
    await this.file.close();
    await this.#journal.close();
    if (this.bytes > 0) return;
    for (const path of this.#output.partial.paths) await rm(path, { force: true });
    await this.#journal.remove();
  }
}

/** Takes away what is of no use, and gives what is the names under which it is continued, or taken over. */
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

/** A new file is zero wherever nothing is written. In one that was there before, that is not to be relied on. */
function writePadding(file: RandomFile, { entries, size }: Layout): void {
  for (const [at, entry] of entries.entries()) {
    const next = entries[at + 1];
    const end = next === undefined ? size : next.offset - next.header.length;
    const padding = end - entry.offset - entry.size;
    if (padding > 0) file.writeNow(Buffer.alloc(padding), entry.offset + entry.size);
  }
}

/** Makes a rename last. Some file systems do not let a folder be opened for that; the rename is done all the same. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => {});
  await handle?.close();
}
