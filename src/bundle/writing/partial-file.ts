import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import type { Emit } from '../../base/events.ts';
import { writeOutput } from '../../base/output-file.ts';
import { createOwnFile, openOwnFile } from '../../base/own-file.ts';
import { printableLine } from '../../base/printable.ts';
import { runStep } from '../../base/step.ts';
import { TAR_BLOCK } from '../../base/tar-header.ts';
import type { Digest } from '../../oci/digest.ts';
import type { SigningKey } from '../../oci/signing-key.ts';
import { asWriteError } from '../files/errors.ts';
import { openRandomFile, type RandomFile } from '../files/random-file.ts';
import { indexParts } from '../files/split-hash.ts';
import { formatSplitIndex, splitIndexPath } from '../files/split-index.ts';
import { entryHeader, headerOffset, type Layout } from '../format/layout.ts';
import { existingPartSums, writePartSums } from '../signing/part-sums.ts';
import { Journal } from './journal.ts';
import { type BundleOutput, existingFiles } from './output.ts';
import { noSpace, type Preflight } from './preflight.ts';
import {
  moveResumedBlobs,
  type ResumeState,
  removeJournal,
  removeResumeState,
  renameResumeState,
} from './resume-state.ts';

/** A bundle being written: `NAME.partial` or its parts, in full size, and its journal. */
export class PartialFile {
  readonly file: RandomFile;
  readonly #output: BundleOutput;
  readonly #journal: Journal;
  readonly #writtenBytes = new Map<Digest, number>();

  private constructor(output: BundleOutput, file: RandomFile, journal: Journal, written: ReadonlyMap<Digest, number>) {
    this.#output = output;
    this.file = file;
    this.#journal = journal;
    for (const [digest, bytes] of written) this.#writtenBytes.set(digest, bytes);
  }

  /**
   * Opens the partial file of an interrupted run of the same plan, or creates one. Writes headers and content from
   * memory, which it releases (14 MB with ten thousand images), and moves reusable blobs of another plan into it.
   * @param preflight of the same output and layout
   * @throws AirgapError `no-space` with needed and free bytes, `file` if it cannot be written, `interrupted`
   */
  static async open(
    output: BundleOutput,
    layout: Layout,
    preflight: Preflight,
    signal?: AbortSignal,
  ): Promise<PartialFile> {
    const { written, neededBytes, freeBytes } = preflight;
    if (freeBytes < neededBytes) throw noSpace(output.path, neededBytes, freeBytes);
    const resumeState = await prepareFiles(output, preflight).catch((error) => {
      throw asWriteError(error);
    });
    const openPart = (path: string) => (written === undefined ? createOwnFile(path, 0o644) : openOwnFile(path, 'r+'));
    const file = await openRandomFile(output.partial, openPart).catch((error) => {
      throw asWriteError(error);
    });
    const journal = new Journal(output.journal);
    const partialFile = new PartialFile(output, file, journal, written ?? new Map());
    try {
      await file.truncate(layout.size);
      const block = Buffer.alloc(TAR_BLOCK);
      for (const entry of layout.entries) {
        file.writeSync(entryHeader(entry, block), headerOffset(entry));
        if (entry.bytes !== undefined) file.writeSync(entry.bytes, entry.offset);
        entry.bytes = undefined;
      }
      if (written !== undefined) writePadding(file, layout);
      await journal.start(layout.identity, written !== undefined);
      if (resumeState !== undefined) await partialFile.#reuseBlobs(resumeState, layout, signal);
    } catch (error) {
      await partialFile.abandon();
      throw asWriteError(error);
    }
    return partialFile;
  }

  async #reuseBlobs(resumeState: ResumeState, { entries }: Layout, signal: AbortSignal | undefined): Promise<void> {
    const needed = new Map(
      entries.flatMap(({ node, offset }) => {
        if (node === undefined) return [];
        const { digest, size } = node.descriptor;
        return [[digest, { offset, size, writtenBytes: this.writtenBytes(digest) }] as const];
      }),
    );
    const checkpoint = (digest: Digest, bytes: number): Promise<void> => this.checkpoint(digest, bytes);
    await moveResumedBlobs(resumeState, { needed, target: this.file, checkpoint, signal });
    await removeResumeState(resumeState);
  }

  /** Returns the written bytes of a blob, including those of an earlier run, which must be hashed again. */
  writtenBytes(digest: Digest): number {
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
   * @param key signs the checksums of parts
   * @throws AirgapError `output-exists` if another run replaced the partial file
   */
  async finish(emit: Emit, key?: SigningKey): Promise<void> {
    const { path, partial, final, index } = this.#output;
    let sums: readonly string[] = [];
    try {
      await runStep(emit, `flushing ${printableLine(basename(path))} to disk`, () => this.file.sync());
      if (!(await this.file.isInPlace())) {
        throw new AirgapError('output-exists', `another run is writing ${partial.paths[0]}`);
      }
      if (index === undefined) await rename(partial.paths[0] as string, path);
      else sums = await this.#finishParts(index, emit, key);
      const keptPaths = new Set([...final.paths, index, ...sums]);
      const existing = await existingFiles(this.#output);
      const oldSums = existing.includes(splitIndexPath(path)) ? await existingPartSums(path) : [];
      for (const other of [...existing, ...oldSums]) if (!keptPaths.has(other)) await rm(other, { force: true });
      await this.#journal.remove();
    } catch (error) {
      throw asWriteError(error);
    } finally {
      await this.file.close();
    }
    await syncFolder(dirname(path));
  }

  /** Returns the paths of the checksums. */
  async #finishParts(index: string, emit: Emit, key: SigningKey | undefined): Promise<readonly string[]> {
    const { path, partial, final } = this.#output;
    const splitIndex = await runStep(emit, `hashing ${final.paths.length} parts`, async () =>
      indexParts(this.file, await this.file.size(), final.paths),
    );
    const text = formatSplitIndex(splitIndex);
    await rm(index, { force: true });
    for (const [index, from] of partial.paths.entries()) await rename(from, final.paths[index] as string);
    const sums = await writePartSums(path, splitIndex.parts, text, key);
    await writeOutput(index, text);
    return sums;
  }

  /** Path of the partial file, or common prefix of its parts. */
  get path(): string {
    return `${this.#output.path}.partial`;
  }

  /** Written bytes of all blobs. */
  get bytes(): number {
    let total = 0;
    for (const bytes of this.#writtenBytes.values()) total += bytes;
    return total;
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
async function prepareFiles(
  { partial, final, journal, asidePath }: BundleOutput,
  { written, resumeState, staleFiles, renamedParts }: Preflight,
): Promise<ResumeState | undefined> {
  for (const path of staleFiles) await rm(path, { force: true });
  for (const index of renamedParts) await rename(final.paths[index] as string, partial.paths[index] as string);
  const resumeFrom =
    resumeState === undefined || resumeState.path === asidePath
      ? resumeState
      : await renameResumeState(resumeState, asidePath);
  if (written === undefined) await rm(journal, { force: true });
  if (resumeFrom === undefined) await removeJournal(asidePath);
  return resumeFrom;
}

/** Writes the padding, which may not be zero in a file that existed before. */
function writePadding(file: RandomFile, { entries, size }: Layout): void {
  for (const [index, entry] of entries.entries()) {
    const next = entries[index + 1];
    const end = next === undefined ? size : headerOffset(next);
    const padding = end - entry.offset - entry.size;
    if (padding > 0) file.writeSync(Buffer.alloc(padding), entry.offset + entry.size);
  }
}

/** Flushes a rename to disk. Errors are ignored: some file systems do not allow opening folders. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => {});
  await handle?.close();
}
