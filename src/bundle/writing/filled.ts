import type { RandomFile } from '../files/random-file.ts';

/** A run of zeros of that length is taken for a place that nothing was written to. */
const GRAIN = 4096;
const WINDOW = 64 * GRAIN;
const ZEROS = Buffer.alloc(GRAIN);

/**
 * How far a blob's place is filled, in a file that was zero everywhere and is filled from the front of each place: so a
 * journal need not note every write, and what was written after its last line is not lost with the process. It is never
 * more than what was written; content that has zeros itself may be found short.
 * @param known bytes that are filled in any case
 * @returns bytes of `size`
 */
export async function filledBytes(file: RandomFile, offset: number, known: number, size: number): Promise<number> {
  let filled = known;
  // Most places have nothing in them, and a small look is enough for those.
  for (let at = known, step = GRAIN; at < size; step = WINDOW) {
    const buffer = Buffer.allocUnsafe(Math.min(step, size - at));
    const window = buffer.subarray(0, await file.read(buffer, offset + at));
    const written = untilZeros(window);
    if (written > 0) filled = at + written;
    if (window.length < buffer.length || written <= window.length - GRAIN) break;
    at += window.length;
  }
  return filled;
}

/** Bytes up to the last one that is not zero, before the first run of zeros that is a grain. */
function untilZeros(window: Buffer): number {
  let end = 0;
  while (end < window.length && !isZero(window.subarray(end, end + GRAIN))) end += GRAIN;
  let length = Math.min(end, window.length);
  while (length > 0 && window[length - 1] === 0) length--;
  return length;
}

function isZero(bytes: Buffer): boolean {
  return bytes.equals(ZEROS.subarray(0, bytes.length));
}
