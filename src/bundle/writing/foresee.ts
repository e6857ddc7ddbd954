import { stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { openOwn, refuseForeign } from '../../base/own-file.ts';
import { pool } from '../../base/pool.ts';
import type { Digest } from '../../oci/digest.ts';
import { writeFailure } from '../files/file.ts';
import { openRandomFile } from '../files/random-file.ts';
import { partBytes } from '../files/split-index.ts';
import type { Layout } from '../layout.ts';
import { filledBytes } from './filled.ts';
import { Journal } from './journal.ts';
import { findLeftover, journalOf, type Leftover } from './leftover.ts';
import { namedLike, type Output } from './output.ts';

/** Result of the preflight: existing files and disk space that a run starts with. */
export interface Foreseen {
  /** Written bytes by digest of an interrupted run of the same plan; undefined if there is none to resume. */
  readonly done: ReadonlyMap<Digest, number> | undefined;
  /** Files of an interrupted run of another plan, whose blobs are moved into this one. */
  readonly leftover: Leftover | undefined;
  /** Bytes by digest that need not be fetched, from either run. */
  readonly kept: ReadonlyMap<Digest, number>;
  /** Indexes of the parts that the interrupted run had renamed to their final names. */
  readonly renamed: readonly number[];
  /** Files of interrupted runs that cannot be reused. */
  readonly stale: readonly string[];
  /** Disk space in bytes that the bundle needs in addition to its existing parts. */
  readonly needed: number;
  /** Free disk space in bytes, including files that will be deleted or moved. */
  readonly free: number;
}

/** Checks existing files and disk space; changes nothing. @throws AirgapError `file`, also for files of other users */
export async function foresee(output: Output, layout: Layout): Promise<Foreseen> {
  const { path, partial, leftover: aside } = output;
  const grown = await namedLike(`${path}.partial`);
  const moving = await namedLike(aside);
  for (const name of [...grown, ...moving, output.journal, journalOf(aside)]) await refuseForeign(name);
  const found = await growing(output);
  const renamed = [...found.keys()].filter((at) => found[at]?.isRenamed);
  const same = found.every(({ size }, at) => size === partBytes(layout.size, partial.partSize, at));
  const done = same ? await doneOf(output, found, layout) : undefined;
  const { bavail, bsize } = await statfs(dirname(path)).catch((error) => {
    throw writeFailure(error);
  });
  const named = [...(done === undefined ? grown : []), ...moving];
  // Files set aside are from a run that was interrupted while moving blobs.
  const leftover =
    (done === undefined ? await findLeftover(`${path}.partial`) : undefined) ?? (await findLeftover(aside));
  const stale = named.filter((file) => !leftover?.places.paths.includes(file));
  const others = await Promise.all(stale.map(async (file) => (await onDisk(file)).taken));
  const own = done === undefined ? 0 : sum(found.map(({ taken }) => taken));
  return {
    done,
    leftover,
    kept: keptOf(layout, done, leftover),
    renamed: done === undefined ? [] : renamed,
    stale,
    needed: Math.max(0, layout.size - own),
    free: bavail * bsize + sum(others) + (leftover?.taken ?? 0),
  };
}

/** Returns the written bytes by digest: from the journal, and written after its last entry. */
async function doneOf(
  { partial, final, journal }: Output,
  found: readonly { readonly isRenamed: boolean }[],
  { identity, entries }: Layout,
): Promise<ReadonlyMap<Digest, number> | undefined> {
  const content = await new Journal(journal).read();
  if (content?.identity !== identity) return undefined;
  const paths = partial.paths.map((path, at) => (found[at]?.isRenamed ? (final.paths[at] as string) : path));
  const file = await openRandomFile({ ...partial, paths }, (path) => openOwn(path, 'r')).catch((error) => {
    throw writeFailure(error);
  });
  const done = new Map<Digest, number>();
  try {
    await pool(entries, LOOKS, async ({ node, offset }) => {
      if (node === undefined) return;
      const { digest, size } = node.descriptor;
      const filled = await filledBytes(file, offset, Math.min(content.done.get(digest) ?? 0, size), size);
      if (filled > 0) done.set(digest, filled);
    });
  } catch (error) {
    throw writeFailure(error);
  } finally {
    await file.close();
  }
  return done;
}

/** Number of concurrent reads. */
const LOOKS = 8;

function keptOf(
  { entries }: Layout,
  done: ReadonlyMap<Digest, number> | undefined,
  leftover: Leftover | undefined,
): ReadonlyMap<Digest, number> {
  const kept = new Map<Digest, number>();
  for (const { digest, size } of entries) {
    if (digest === undefined) continue;
    const bytes = Math.min(size, Math.max(done?.get(digest) ?? 0, leftover?.blobs.get(digest)?.bytes ?? 0));
    if (bytes > 0) kept.set(digest, bytes);
  }
  return kept;
}

/** Creates the error for too little disk space. */
export function noSpace(path: string, needed: number, free: number): AirgapError {
  return new AirgapError(
    'no-space',
    `the bundle needs ${needed} bytes, but ${dirname(path)} has ${free} bytes of free space`,
    {
      hint: 'free some space, choose another folder with --out, or select fewer platforms with --platform',
    },
  );
}

/** Returns the state of each part. Without an index, some may have their final names already: it is written last. */
async function growing({ partial, final, index }: Output): Promise<(OnDisk & { readonly isRenamed: boolean })[]> {
  const isFinished = index === undefined || (await onDisk(index)).size !== undefined;
  return Promise.all(
    partial.paths.map(async (path, at) => {
      const own = await onDisk(path);
      if (own.size !== undefined || isFinished) return { ...own, isRenamed: false };
      return { ...(await onDisk(final.paths[at] as string)), isRenamed: true };
    }),
  );
}

interface OnDisk {
  /** Size in bytes; undefined if it is not a regular file. */
  readonly size: number | undefined;
  /** Allocated disk space in bytes. */
  readonly taken: number;
}

async function onDisk(path: string): Promise<OnDisk> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) return { size: undefined, taken: 0 };
  // st_blocks is in units of 512 bytes, whatever the block size of the file system.
  return { size: found.size, taken: found.blocks * 512 };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, number) => all + number, 0);
}
