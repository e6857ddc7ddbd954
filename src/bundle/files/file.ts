import { AirgapError, messageOf } from '../../base/errors.ts';
import { lend } from '../../oci/loan.ts';
import type { RandomFile } from './random-file.ts';

/** Bytes per read: few calls, but still small compared to a layer. */
export const CHUNK = 512 * 1024;

/** Writes chunks consecutively at a position. @throws AirgapError `no-space`, `file` */
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

/** Returns the chunks without their first `bytes` bytes. */
function without(chunks: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skip = bytes;
  for (const [at, chunk] of chunks.entries()) {
    if (skip < chunk.length) return [chunk.subarray(skip), ...chunks.slice(at + 1)];
    skip -= chunk.length;
  }
  return [];
}

/**
 * Reads a range of a file in pooled buffers, reusing those that the reader releases.
 * @throws AirgapError `file` on read errors and at an unexpected end of file
 */
export async function* readRange(file: RandomFile, position: number, size: number): AsyncGenerator<Uint8Array> {
  const spare: Buffer[] = [];
  for (let at = 0; at < size; ) {
    const buffer = spare.pop() ?? Buffer.allocUnsafeSlow(Math.min(CHUNK, size - at));
    const wanted = buffer.length > size - at ? buffer.subarray(0, size - at) : buffer;
    const bytesRead = await file.read(wanted, position + at).catch((cause) => {
      throw new AirgapError('file', `cannot read at byte ${position + at}: ${messageOf(cause)}`, { cause });
    });
    if (bytesRead === 0) throw new AirgapError('file', `unexpected end of file at byte ${position + at}`);
    at += bytesRead;
    lend(buffer, () => spare.push(buffer));
    yield buffer.subarray(0, bytesRead);
  }
}

/** Converts a write error to an AirgapError `no-space` or `file`. */
export function writeFailure(error: unknown): AirgapError {
  if (error instanceof AirgapError) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') {
    return new AirgapError('no-space', `not enough space for the bundle: ${messageOf(error)}`, {
      hint:
        code === 'EFBIG'
          ? 'the file system does not allow files of this size; --split-size 4095MiB writes parts that fit on FAT32'
          : 'free some space and run the same command again to resume, or choose another folder with --out',
      cause: error,
    });
  }
  return new AirgapError('file', `cannot write the bundle: ${messageOf(error)}`, { cause: error });
}
