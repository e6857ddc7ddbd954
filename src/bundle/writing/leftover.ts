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

/** What an interrupted run of another plan has left. */
export interface Leftover {
  /** Name of the file, or that its parts begin with. */
  readonly path: string;
  readonly places: FilePlaces;
  /** Where each blob lies, and how many bytes of it are in place. To be hashed before they are believed. */
  readonly blobs: ReadonlyMap<Digest, { readonly offset: number; readonly bytes: number }>;
  /** Bytes that it takes of the disk. */
  readonly taken: number;
}

/**
 * Looks at a partial file of whatever plan. Its headers were all written before its first blob, so they say where each
 * blob lies, and the journal how much of it is there.
 * @returns undefined when there is none that is of any use
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
    // Cut off, damaged, not to be read: as good as none.
    return undefined;
  } finally {
    await file?.close();
  }
}

/** Gives it another name. At no moment it is without a journal. */
export async function renameLeftover(leftover: Leftover, to: string): Promise<Leftover> {
  const { path, places } = leftover;
  await new Journal(journalOf(path)).copy(journalOf(to));
  const paths = places.paths.map((name) => `${to}${name.slice(path.length)}`);
  for (const [at, name] of places.paths.entries()) await rename(name, paths[at] as string);
  return { ...leftover, path: to, places: { ...places, paths } };
}

export interface MoveOptions {
  /** Where each wanted blob goes, its size, and how much of it is there already. */
  readonly wanted: ReadonlyMap<Digest, { readonly offset: number; readonly size: number; readonly have: number }>;
  readonly into: RandomFile;
  /** Called when so many bytes of a blob are in their new place. */
  readonly checkpoint: (digest: Digest, bytes: number) => Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Moves blobs into another file, the last one first, and cuts the old file off before each that has been moved: so the
 * disk holds hardly a byte twice. Node has no call that would share ranges between files (copy_file_range, FICLONERANGE),
 * so the bytes are copied. What cannot be read or finds no room is left out: it is fetched again.
 * @throws AirgapError `interrupted`, `file`; what has been moved by then stays moved
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
      // An archive ends with two empty blocks.
      await writeAll(old, [Buffer.alloc(2 * BLOCK)], offset - BLOCK);
      await old.truncate(offset + BLOCK);
    }
  } finally {
    await old.close();
  }
}

/** What only costs fetching the blob: the medium does not give it, or the disk is full until the rest is cut off. */
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

/** Takes what is left of it away. */
export async function removeLeftover({ path, places }: Leftover): Promise<void> {
  for (const name of places.paths) await rm(name, { force: true });
  await removeJournal(path);
}

/** Takes a journal away, its file being gone. */
export async function removeJournal(path: string): Promise<void> {
  await rm(journalOf(path), { force: true });
}

/** Of a partial file by its name, or that of its parts. */
export function journalOf(path: string): string {
  return `${path}.journal`;
}
