import { AirgapError, messageOf } from '../../base/errors.ts';
import { lend } from '../../oci/loan.ts';
import type { RandomFile } from './random-file.ts';

/** Bytes read at once: fewer calls, and still small beside a layer. */
export const CHUNK = 512 * 1024;

/** Writes chunks one after the other at a position. @throws AirgapError `no-space` */
export async function writeAll(file: RandomFile, chunks: readonly Uint8Array[], position: number): Promise<void> {
  let rest = [...chunks];
  let at = position;
  while (rest.length > 0) {
    // writev takes 1024 buffers at most (IOV_MAX).
    const written = await file.writev(rest.slice(0, 1024), at).catch((error) => {
      throw writeFailure(error);
    });
    at += written;
    rest = without(rest, written);
  }
}

/** What is left of the chunks after so many bytes. */
function without(chunks: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skip = bytes;
  for (const [at, chunk] of chunks.entries()) {
    if (skip < chunk.length) return [chunk.subarray(skip), ...chunks.slice(at + 1)];
    skip -= chunk.length;
  }
  return [];
}

/**
 * Content of a file from a position, in chunks that are lent: what the reader gives back is read into again.
 * @throws AirgapError `file` when the medium does not give it
 */
export async function* readRange(file: RandomFile, position: number, size: number): AsyncGenerator<Uint8Array> {
  const spare: Buffer[] = [];
  for (let at = 0; at < size; ) {
    const buffer = spare.pop() ?? Buffer.allocUnsafeSlow(Math.min(CHUNK, size - at));
    const wanted = buffer.length > size - at ? buffer.subarray(0, size - at) : buffer;
    const bytesRead = await file.read(wanted, position + at).catch((cause) => {
      throw new AirgapError('file', `cannot read at byte ${position + at}: ${messageOf(cause)}`, { cause });
    });
    if (bytesRead === 0)
      throw new AirgapError('file', `the file ends at byte ${position + at}, before its content does`);
    at += bytesRead;
    lend(buffer, () => spare.push(buffer));
    yield buffer.subarray(0, bytesRead);
  }
}

/** A failed write as an error of ours. */
export function writeFailure(error: unknown): AirgapError {
  if (error instanceof AirgapError) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') {
    return new AirgapError('no-space', `the bundle does not fit: ${messageOf(error)}`, {
      hint:
        code === 'EFBIG'
          ? 'no file there can be that large; --split-size 4095MiB writes parts that FAT32 holds'
          : 'free some space, or choose another folder with --out; what is there is continued',
      cause: error,
    });
  }
  return new AirgapError('file', `the bundle cannot be written: ${messageOf(error)}`, { cause: error });
}
