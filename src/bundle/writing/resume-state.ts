import { rename, rm, stat } from 'node:fs/promises';
import { AirgapError } from '../../base/errors.ts';
import { openOwnFile } from '../../base/own-file.ts';
import { TAR_BLOCK } from '../../base/tar-header.ts';
import { releaseBuffer } from '../../oci/buffer-pool.ts';
import type { Digest } from '../../oci/digest.ts';
import { type FileParts, openRandomFile, type RandomFile } from '../files/random-file.ts';
import { readRange, writeAll } from '../files/ranges.ts';
import { findFileParts } from '../files/split-open.ts';
import { blobDigest } from '../format/layout.ts';
import { indexTar } from '../format/tar-index.ts';
import { Journal } from './journal.ts';
import { detectWrittenPrefix } from './written-prefix.ts';

/** Reusable files of an interrupted run of another plan. */
export interface ResumeState {
  /** Path of the file, or common prefix of its parts. */
  readonly path: string;
  readonly fileParts: FileParts;
  /** Offset and written bytes of each blob. Not trusted: must be hashed again. */
  readonly blobs: ReadonlyMap<Digest, { readonly offset: number; readonly bytes: number }>;
  /** Allocated disk space in bytes. */
  readonly allocatedBytes: number;
}

/**
 * Reads the resume state of a partial file of any plan. Its headers, which are written before any blob, give the
 * offsets of blobs; its journal gives the written bytes.
 * @returns undefined if there is no usable file
 */
export async function findResumeState(path: string): Promise<ResumeState | undefined> {
  const written = (await new Journal(journalPath(path)).read())?.written;
  const fileParts = written === undefined ? undefined : await findFileParts(path);
  if (written === undefined || fileParts === undefined) return undefined;
  let file: RandomFile | undefined;
  try {
    const usages = await Promise.all(fileParts.paths.map(diskUsage));
    file = await openRandomFile(fileParts, (name) => openOwnFile(name, 'r'));
    const blobs = new Map<Digest, { offset: number; bytes: number }>();
    const { files } = await indexTar(file, path, await file.size());
    for (const [name, { offset, size }] of files) {
      const digest = blobDigest(name);
      if (digest === undefined) continue;
      const bytes = await detectWrittenPrefix(file, offset, Math.min(written.get(digest) ?? 0, size), size);
      if (bytes > 0) blobs.set(digest, { offset, bytes });
    }
    if (blobs.size === 0) return undefined;
    return { path, fileParts, blobs, allocatedBytes: usages.reduce((sum, usage) => sum + usage.allocatedBytes, 0) };
  } catch {
    // A truncated, damaged or unreadable file cannot be reused.
    return undefined;
  } finally {
    await file?.close();
  }
}

/** Renames the files. The journal is copied first, so that they always have one. */
export async function renameResumeState(resumeState: ResumeState, to: string): Promise<ResumeState> {
  const { path, fileParts } = resumeState;
  await new Journal(journalPath(path)).copy(journalPath(to));
  const paths = fileParts.paths.map((name) => `${to}${name.slice(path.length)}`);
  for (const [index, name] of fileParts.paths.entries()) await rename(name, paths[index] as string);
  return { ...resumeState, path: to, fileParts: { ...fileParts, paths } };
}

export interface MoveBlobsOptions {
  /** Offset, size and already written bytes of each needed blob in the target file. */
  readonly needed: ReadonlyMap<
    Digest,
    { readonly offset: number; readonly size: number; readonly writtenBytes: number }
  >;
  readonly target: RandomFile;
  /** Called when `bytes` bytes of a blob have been moved. */
  readonly checkpoint: (digest: Digest, bytes: number) => Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Moves blobs into another file, last one first, and truncates the old file after each, so that at most one blob is on
 * disk twice. Node has no API for sharing ranges between files (copy_file_range, FICLONERANGE), so bytes are copied.
 * Blobs that cannot be read or do not fit are skipped and fetched again.
 * @throws AirgapError `interrupted`, `file`; blobs moved before stay moved
 */
export async function moveResumedBlobs({ fileParts, blobs }: ResumeState, options: MoveBlobsOptions): Promise<void> {
  const { needed, checkpoint, signal } = options;
  const oldFile = await openRandomFile(fileParts, (name) => openOwnFile(name, 'r+'));
  try {
    for (const [digest, { offset, bytes }] of [...blobs].sort(([, a], [, b]) => b.offset - a.offset)) {
      const destination = needed.get(digest);
      const end = Math.min(bytes, destination?.size ?? 0);
      if (destination === undefined || end <= destination.writtenBytes) continue;
      const { writtenBytes } = destination;
      try {
        await copyRange(
          oldFile,
          offset + writtenBytes,
          options.target,
          destination.offset + writtenBytes,
          end - writtenBytes,
          signal,
        );
        await checkpoint(digest, end);
      } catch (error) {
        if (!(error instanceof AirgapError) || !SKIPPED_CODES.has(error.code)) throw error;
      }
      // Keeps the old file a valid archive: it ends with two empty blocks.
      await writeAll(oldFile, [Buffer.alloc(2 * TAR_BLOCK)], offset - TAR_BLOCK);
      await oldFile.truncate(offset + TAR_BLOCK);
    }
  } finally {
    await oldFile.close();
  }
}

/** Errors after which a blob is skipped: it is unreadable, or the disk is full until the old file is truncated. */
const SKIPPED_CODES: ReadonlySet<string> = new Set(['file', 'no-space']);

const RERUN_HINT = 'run the same command again to continue';

/** Copies a range of a file to a position of another one. @throws AirgapError `interrupted`, `file`, `no-space` */
export async function copyRange(
  from: RandomFile,
  start: number,
  to: RandomFile,
  position: number,
  size: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  let writePosition = position;
  for await (const chunk of readRange(from, start, size)) {
    if (signal?.aborted) {
      throw new AirgapError('interrupted', 'interrupted', { hint: RERUN_HINT, cause: signal.reason });
    }
    await writeAll(to, [chunk], writePosition);
    writePosition += chunk.length;
    releaseBuffer(chunk);
  }
}

/** Deletes the files and their journal. */
export async function removeResumeState({ path, fileParts }: ResumeState): Promise<void> {
  for (const name of fileParts.paths) await rm(name, { force: true });
  await removeJournal(path);
}

/** Deletes a journal whose file is gone. */
export async function removeJournal(path: string): Promise<void> {
  await rm(journalPath(path), { force: true });
}

/** Returns the path of the journal of a partial file. */
export function journalPath(path: string): string {
  return `${path}.journal`;
}

/** Size of a file, and the disk space that it takes. */
export interface DiskUsage {
  /** Size in bytes; undefined if it is not a regular file. */
  readonly size: number | undefined;
  /** Allocated disk space in bytes. */
  readonly allocatedBytes: number;
}

/** Returns the usage of a path, which need not exist. */
export async function diskUsage(path: string): Promise<DiskUsage> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) return { size: undefined, allocatedBytes: 0 };
  // st_blocks is in units of 512 bytes, whatever the block size of the file system.
  return { size: found.size, allocatedBytes: found.blocks * 512 };
}
