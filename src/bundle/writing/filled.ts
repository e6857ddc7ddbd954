import type { RandomFile } from '../files/random-file.ts';

/** An aligned run of zeros of this length is treated as not written. */
const GRAIN = 4096;
const WINDOW = 64 * GRAIN;
const ZEROS = Buffer.alloc(GRAIN);

/**
 * Detects how many bytes of a blob were written to a file that was all zeros, if each blob is written from its start.
 * The journal therefore need not record every write, and writes after its last entry are not lost in a crash. The
 * result never exceeds what was written, but may be too short for content with long runs of zeros.
 * @param known bytes that are known to be written
 * @returns bytes, at most `size`
 */
export async function filledBytes(file: RandomFile, offset: number, known: number, size: number): Promise<number> {
  let filled = known;
  // Most blobs are not written at all, which a small first read shows.
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

/** Returns the bytes before the first zero run, up to the last byte that is not zero. */
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
