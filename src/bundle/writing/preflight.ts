import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { openOwnFile, refuseForeignFile } from '../../base/own-file.ts';
import { pool } from '../../base/pool.ts';
import type { Digest } from '../../oci/digest.ts';
import { asWriteError } from '../files/errors.ts';
import { openRandomFile } from '../files/random-file.ts';
import { partSizeAt } from '../files/split-index.ts';
import { filesNamed } from '../files/split-open.ts';
import type { Layout } from '../format/layout.ts';
import { Journal } from './journal.ts';
import type { BundleOutput } from './output.ts';
import { type DiskUsage, diskUsage, findResumeState, journalPath, type ResumeState } from './resume-state.ts';
import { detectWrittenPrefix } from './written-prefix.ts';

/** Result of the preflight: existing files and disk space that a run starts with. */
export interface Preflight {
  /** Written bytes by digest of an interrupted run of the same plan; undefined if there is none to resume. */
  readonly written: ReadonlyMap<Digest, number> | undefined;
  /** Files of an interrupted run of another plan, whose blobs are moved into this one. */
  readonly resumeState: ResumeState | undefined;
  /** Bytes by digest that need not be fetched, from either run. */
  readonly reusable: ReadonlyMap<Digest, number>;
  /** Indexes of the parts that the interrupted run had renamed to their final names. */
  readonly renamedParts: readonly number[];
  /** Files of interrupted runs that cannot be reused. */
  readonly staleFiles: readonly string[];
  /** Disk space in bytes that the bundle needs in addition to its existing parts. */
  readonly neededBytes: number;
  /** Free disk space in bytes, including files that will be deleted or moved. */
  readonly freeBytes: number;
}

/** Checks existing files and disk space; changes nothing. @throws AirgapError `file`, also for files of other users */
export async function runPreflight(output: BundleOutput, layout: Layout): Promise<Preflight> {
  const { path, partial, asidePath } = output;
  const partialFiles = await filesNamed(`${path}.partial`);
  const setAsideFiles = await filesNamed(asidePath);
  for (const name of [...partialFiles, ...setAsideFiles, output.journal, journalPath(asidePath)])
    await refuseForeignFile(name);
  const found = await partsOnDisk(output);
  const renamedParts = [...found.keys()].filter((part) => found[part]?.isRenamed);
  const hasPlannedSizes = found.every(({ size }, part) => size === partSizeAt(layout.size, partial.partSize, part));
  const written = hasPlannedSizes ? await writtenBytesOf(output, found, layout) : undefined;
  const { bavail, bsize } = await statfs(dirname(path)).catch((error) => {
    throw asWriteError(error);
  });
  const leftoverFiles = [...(written === undefined ? partialFiles : []), ...setAsideFiles];
  // Files set aside are from a run that was interrupted while moving blobs.
  const resumeState =
    (written === undefined ? await findResumeState(`${path}.partial`) : undefined) ??
    (await findResumeState(asidePath));
  const staleFiles = leftoverFiles.filter((file) => !resumeState?.fileParts.paths.includes(file));
  const takenByStale = await Promise.all(staleFiles.map(async (file) => (await diskUsage(file)).allocatedBytes));
  const takenByParts = written === undefined ? 0 : sum(found.map(({ allocatedBytes: taken }) => taken));
  return {
    written,
    resumeState,
    reusable: reusableBytes(layout, written, resumeState),
    renamedParts: written === undefined ? [] : renamedParts,
    staleFiles,
    neededBytes: Math.max(0, layout.size - takenByParts),
    freeBytes: bavail * bsize + sum(takenByStale) + (resumeState?.allocatedBytes ?? 0),
  };
}

/** Returns the written bytes by digest: from the journal, and written after its last entry. */
async function writtenBytesOf(
  { partial, final, journal }: BundleOutput,
  found: readonly { readonly isRenamed: boolean }[],
  { identity, entries }: Layout,
): Promise<ReadonlyMap<Digest, number> | undefined> {
  const content = await new Journal(journal).read();
  if (content?.identity !== identity) return undefined;
  const paths = partial.paths.map((path, part) => (found[part]?.isRenamed ? (final.paths[part] as string) : path));
  const file = await openRandomFile({ ...partial, paths }, (path) => openOwnFile(path, 'r')).catch((error) => {
    throw asWriteError(error);
  });
  const written = new Map<Digest, number>();
  try {
    await pool(entries, CONCURRENT_READS, async ({ node, offset }) => {
      if (node === undefined) return;
      const { digest, size } = node.descriptor;
      const prefix = await detectWrittenPrefix(file, offset, Math.min(content.written.get(digest) ?? 0, size), size);
      if (prefix > 0) written.set(digest, prefix);
    });
  } catch (error) {
    throw asWriteError(error);
  } finally {
    await file.close();
  }
  return written;
}

/** Number of concurrent reads. */
const CONCURRENT_READS = 8;

function reusableBytes(
  { entries }: Layout,
  written: ReadonlyMap<Digest, number> | undefined,
  resumeState: ResumeState | undefined,
): ReadonlyMap<Digest, number> {
  const reusable = new Map<Digest, number>();
  for (const { digest, size } of entries) {
    if (digest === undefined) continue;
    const bytes = Math.min(size, Math.max(written?.get(digest) ?? 0, resumeState?.blobs.get(digest)?.bytes ?? 0));
    if (bytes > 0) reusable.set(digest, bytes);
  }
  return reusable;
}

/** Creates the error for too little disk space. */
export function noSpace(path: string, neededBytes: number, freeBytes: number): AirgapError {
  return new AirgapError(
    'no-space',
    `the bundle needs ${neededBytes} bytes, but ${dirname(path)} has ${freeBytes} bytes of free space`,
    {
      hint: 'free some space, choose another folder with --out, or select fewer platforms with --platform',
    },
  );
}

/** Returns the state of each part. Without an index, some may have their final names already: it is written last. */
async function partsOnDisk({
  partial,
  final,
  index,
}: BundleOutput): Promise<(DiskUsage & { readonly isRenamed: boolean })[]> {
  const isFinished = index === undefined || (await diskUsage(index)).size !== undefined;
  return Promise.all(
    partial.paths.map(async (path, part) => {
      const usage = await diskUsage(path);
      if (usage.size !== undefined || isFinished) return { ...usage, isRenamed: false };
      return { ...(await diskUsage(final.paths[part] as string)), isRenamed: true };
    }),
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, number) => all + number, 0);
}
