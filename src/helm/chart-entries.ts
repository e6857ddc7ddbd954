import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { Parser, type ReadEntry } from 'tar';
import { messageOf } from '../base/errors.ts';

/** Maximum unpacked bytes of a chart. Helm refuses charts with more than 100 MiB of files. */
export const UNPACKED_LIMIT = 100 * 1024 * 1024;

/** Maximum files and folders in one archive. The largest known charts have some hundred. */
const ENTRIES_LIMIT = 10_000;

/** Remaining allowance for unpacking, shared with nested archives. */
export interface UnpackBudget {
  /** Bytes of tar. */
  bytes: number;
  entries: number;
}

export function newBudget(): UnpackBudget {
  return { bytes: UNPACKED_LIMIT, entries: ENTRIES_LIMIT };
}

/** Requests the content of the visited entry; `onContent` is called when it was read completely. */
export type KeepContent = (onContent: (content: Buffer) => void) => void;

/** Reason to stop reading an archive. */
class ArchiveRefused extends Error {}

/**
 * Visits each entry of a gzipped tar except folders, as Helm reads it: up to the end marker, and compressed once. Stops
 * when the budget is used up, so memory holds the requested contents and one chunk.
 * @param visit returns a reason to stop, or undefined
 * @throws Error with the reason why it is not a chart archive
 */
export async function readEntries(
  compressed: Readable,
  budget: UnpackBudget,
  visit: (entry: ReadEntry, keep: KeepContent) => string | undefined,
): Promise<void> {
  let problem: string | undefined;
  let isAtEnd = false;
  const parser = new Parser({
    strict: true,
    brotli: false,
    zstd: false,
    onReadEntry: (entry) => {
      budget.entries -= 1;
      if (budget.entries < 0) problem ??= `it contains more than ${ENTRIES_LIMIT} files`;
      if (problem === undefined && !isAtEnd && entry.type !== 'Directory') {
        problem ??= visit(entry, (onContent) => {
          const chunks: Buffer[] = [];
          entry.on('data', (chunk: Buffer) => chunks.push(chunk));
          entry.on('end', () => onContent(Buffer.concat(chunks)));
        });
      }
      entry.resume();
    },
  });
  parser.on('error', (error: unknown) => {
    problem ??= messageOf(error);
  });
  // Go's reader ignores everything after the end marker.
  parser.on('nullBlock', () => {
    isAtEnd = true;
  });
  let isFirst = true;
  await pipeline(compressed, createGunzip(), async (unpacked: AsyncIterable<Buffer>) => {
    for await (const chunk of unpacked) {
      // The tar library would decompress a second time; Helm does not.
      if (isFirst && chunk[0] === 0x1f) throw new ArchiveRefused('it is compressed twice');
      isFirst = false;
      budget.bytes -= chunk.length;
      if (budget.bytes < 0) throw new ArchiveRefused(`it unpacks to more than ${UNPACKED_LIMIT / 1024 / 1024} MiB`);
      if (!isAtEnd) parser.write(chunk);
      if (problem !== undefined) throw new ArchiveRefused(problem);
    }
  });
  parser.end();
  if (problem !== undefined) throw new ArchiveRefused(problem);
}
