import { rename, rm, stat } from 'node:fs/promises';
import { AirgapError } from '../../base/errors.ts';
import { openOwn } from '../../base/own-file.ts';
import type { Digest } from '../../oci/digest.ts';
import { giveBack } from '../../oci/loan.ts';
import { readRange, writeAll } from '../files/file.ts';
import { type FilePlaces, openRandomFile, type RandomFile } from '../files/random-file.ts';
import { BLOCK, blobDigest } from '../layout.ts';
import { indexTar } from '../reading/tar-index.ts';
import { filledBytes } from './filled.ts';
import { Journal } from './journal.ts';
import { placesLike } from './output.ts';

/** Reusable files of an interrupted run of another plan. */
export interface Leftover {
  /** Path of the file, or common prefix of its parts. */
  readonly path: string;
  readonly places: FilePlaces;
  /** Offset and written bytes of each blob. Not trusted: must be hashed again. */
  readonly blobs: ReadonlyMap<Digest, { readonly offset: number; readonly bytes: number }>;
  /** Allocated disk space in bytes. */
  readonly taken: number;
}

/**
 * Reads the resume state of a partial file of any plan. Its headers, which are written before any blob, give the
 * offsets of blobs; its journal gives the written bytes.
 * @returns undefined if there is no usable file
 */
export async function findLeftover(path: string): Promise<Leftover | undefined> {
  const done = (await new Journal(journalOf(path)).read())?.done;
  const places = done === undefined ? undefined : await placesLike(path);
  if (done === undefined || places === undefined) return undefined;
  let file: RandomFile | undefined;
  try {
    const stats = await Promise.all(places.paths.map((name) => stat(name)));
    file = await openRandomFile(places, (name) => openOwn(name, 'r'));
    const blobs = new Map<Digest, { offset: number; bytes: number }>();
    const { files } = await indexTar(file, path, await file.size());
    for (const [name, { offset, size }] of files) {
      const digest = blobDigest(name);
      if (digest === undefined) continue;
      const bytes = await filledBytes(file, offset, Math.min(done.get(digest) ?? 0, size), size);
      if (bytes > 0) blobs.set(digest, { offset, bytes });
    }
    if (blobs.size === 0) return undefined;
    return { path, places, blobs, taken: stats.reduce((sum, { blocks }) => sum + blocks * 512, 0) };
  } catch {
    // A truncated, damaged or unreadable file cannot be reused.
    return undefined;
  } finally {
    await file?.close();
  }
}

/** Renames the files. The journal is copied first, so that they always have one. */
export async function renameLeftover(leftover: Leftover, to: string): Promise<Leftover> {
  const { path, places } = leftover;
  await new Journal(journalOf(path)).copy(journalOf(to));
  const paths = places.paths.map((name) => `${to}${name.slice(path.length)}`);
  for (const [at, name] of places.paths.entries()) await rename(name, paths[at] as string);
  return { ...leftover, path: to, places: { ...places, paths } };
}

export interface MoveOptions {
  /** Offset, size and already written bytes of each needed blob in the target file. */
  readonly wanted: ReadonlyMap<Digest, { readonly offset: number; readonly size: number; readonly have: number }>;
  readonly into: RandomFile;
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
export async function moveLeftover({ places, blobs }: Leftover, options: MoveOptions): Promise<void> {
  const { wanted, checkpoint, signal } = options;
  const old = await openRandomFile(places, (name) => openOwn(name, 'r+'));
  try {
    for (const [digest, { offset, bytes }] of [...blobs].sort(([, a], [, b]) => b.offset - a.offset)) {
      const place = wanted.get(digest);
      const end = Math.min(bytes, place?.size ?? 0);
      if (place === undefined || end <= place.have) continue;
      const { have } = place;
      try {
        await copyRange(old, offset + have, options.into, place.offset + have, end - have, signal);
        await checkpoint(digest, end);
      } catch (error) {
        if (!(error instanceof AirgapError) || !LEFT_OUT.has(error.code)) throw error;
      }
      // Keeps the old file a valid archive: it ends with two empty blocks.
      await writeAll(old, [Buffer.alloc(2 * BLOCK)], offset - BLOCK);
      await old.truncate(offset + BLOCK);
    }
  } finally {
    await old.close();
  }
}

/** Errors after which a blob is skipped: it is unreadable, or the disk is full until the old file is truncated. */
const LEFT_OUT: ReadonlySet<string> = new Set(['file', 'no-space']);

const AGAIN = 'run the same command again to continue';

async function copyRange(
  from: RandomFile,
  start: number,
  to: RandomFile,
  position: number,
  size: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  let at = position;
  for await (const chunk of readRange(from, start, size)) {
    if (signal?.aborted) {
      throw new AirgapError('interrupted', 'interrupted', { hint: AGAIN, cause: signal.reason });
    }
    await writeAll(to, [chunk], at);
    at += chunk.length;
    giveBack(chunk);
  }
}

/** Deletes the files and their journal. */
export async function removeLeftover({ path, places }: Leftover): Promise<void> {
  for (const name of places.paths) await rm(name, { force: true });
  await removeJournal(path);
}

/** Deletes a journal whose file is gone. */
export async function removeJournal(path: string): Promise<void> {
  await rm(journalOf(path), { force: true });
}

/** Returns the path of the journal of a partial file. */
export function journalOf(path: string): string {
  return `${path}.journal`;
}
