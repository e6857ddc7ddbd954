import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { Parser, type ReadEntry } from 'tar';
import { messageOf } from '../base/errors.ts';

/** A tar larger than this is no chart: Helm itself refuses one whose files have more (100 MiB). */
export const UNPACKED_LIMIT = 100 * 1024 * 1024;

/** Files and folders in one archive. The largest charts known have some hundred. */
const ENTRIES_LIMIT = 10_000;

/** What may still be unpacked. Archives within an archive share the one of the outermost. */
export interface Budget {
  /** Bytes of tar. */
  bytes: number;
  entries: number;
}

export function newBudget(): Budget {
  return { bytes: UNPACKED_LIMIT, entries: ENTRIES_LIMIT };
}

/** Asks for the content of an entry while it is visited; it comes when all of it was read. */
export type Keep = (take: (content: Buffer) => void) => void;

/** What ends the reading of an archive. */
class Refused extends Error {}

/**
 * Visits each entry of a gzipped tar but folders, as Helm reads it: up to the end mark, and compressed once. Reading
 * ends at once when the budget is used up, so memory holds what was kept and one piece more.
 * @param visit gives a reason to stop, in words, or nothing
 * @throws Error with the reason why it is no chart archive
 */
export async function readEntries(
  compressed: Readable,
  budget: Budget,
  visit: (entry: ReadEntry, keep: Keep) => string | undefined,
): Promise<void> {
  let problem: string | undefined;
  let isOver = false;
  const parser = new Parser({
    strict: true,
    brotli: false,
    zstd: false,
    onReadEntry: (entry) => {
      budget.entries -= 1;
      if (budget.entries < 0) problem ??= `it holds more than ${ENTRIES_LIMIT} files`;
      if (problem === undefined && !isOver && entry.type !== 'Directory') {
        problem ??= visit(entry, (take) => {
          const chunks: Buffer[] = [];
          entry.on('data', (chunk: Buffer) => chunks.push(chunk));
          entry.on('end', () => take(Buffer.concat(chunks)));
        });
      }
      entry.resume();
    },
  });
  parser.on('error', (error: unknown) => {
    problem ??= messageOf(error);
  });
  // What stands behind the end mark is nothing to Go's reader.
  parser.on('nullBlock', () => {
    isOver = true;
  });
  let isFirst = true;
  await pipeline(compressed, createGunzip(), async (unpacked: AsyncIterable<Buffer>) => {
    for await (const chunk of unpacked) {
      // The tar library would unpack once more; Helm does not.
      if (isFirst && chunk[0] === 0x1f) throw new Refused('it is compressed twice');
      isFirst = false;
      budget.bytes -= chunk.length;
      if (budget.bytes < 0) throw new Refused(`it unpacks to more than ${UNPACKED_LIMIT / 1024 / 1024} MiB`);
      if (!isOver) parser.write(chunk);
      if (problem !== undefined) throw new Refused(problem);
    }
  });
  parser.end();
  if (problem !== undefined) throw new Refused(problem);
}
