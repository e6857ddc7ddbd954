import type { RandomFile } from '../files/random-file.ts';

/** An aligned run of zeros of this length is treated as not written. */
const ZERO_RUN = 4096;
const WINDOW = 64 * ZERO_RUN;
const ZEROS = Buffer.alloc(ZERO_RUN);

/**
 * Detects how many bytes of a blob were written to a file that was all zeros, if each blob is written from its start.
 * The journal therefore need not record every write, and writes after its last entry are not lost in a crash. The
 * result never exceeds what was written, but may be too short for content with long runs of zeros.
 * @param knownBytes bytes that are known to be written
 * @returns bytes, at most `size`
 */
export async function detectWrittenPrefix(
  file: RandomFile,
  offset: number,
  knownBytes: number,
  size: number,
): Promise<number> {
  let prefix = knownBytes;
  // Most blobs are not written at all, which a small first read shows.
  for (let position = knownBytes, readSize = ZERO_RUN; position < size; readSize = WINDOW) {
    const buffer = Buffer.allocUnsafe(Math.min(readSize, size - position));
    const window = buffer.subarray(0, await file.read(buffer, offset + position));
    const written = prefixLength(window);
    if (written > 0) prefix = position + written;
    if (window.length < buffer.length || written <= window.length - ZERO_RUN) break;
    position += window.length;
  }
  return prefix;
}

/** Returns the bytes before the first zero run, up to the last byte that is not zero. */
function prefixLength(window: Buffer): number {
  let end = 0;
  while (end < window.length && !isZero(window.subarray(end, end + ZERO_RUN))) end += ZERO_RUN;
  let length = Math.min(end, window.length);
  while (length > 0 && window[length - 1] === 0) length--;
  return length;
}

function isZero(bytes: Buffer): boolean {
  return bytes.equals(ZEROS.subarray(0, bytes.length));
}
