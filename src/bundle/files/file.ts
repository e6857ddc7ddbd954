import { AirgapError, messageOf } from '../../base/errors.ts';
import { acquireBuffer } from '../../oci/buffer-pool.ts';
import type { RandomFile } from './random-file.ts';

/** Bytes per read: few calls, but still small compared to a layer. */
export const CHUNK_SIZE = 512 * 1024;

/** Writes chunks consecutively at a position. @throws AirgapError `no-space`, `file` */
export async function writeAll(file: RandomFile, chunks: readonly Uint8Array[], position: number): Promise<void> {
  let remaining = [...chunks];
  let offset = position;
  while (remaining.length > 0) {
    // writev takes 1024 buffers at most (IOV_MAX).
    const written = await file.writev(remaining.slice(0, 1024), offset).catch((error) => {
      throw asWriteError(error);
    });
    offset += written;
    remaining = skipBytes(remaining, written);
  }
}

/** Returns the chunks without their first `bytes` bytes. */
function skipBytes(chunks: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skip = bytes;
  for (const [index, chunk] of chunks.entries()) {
    if (skip < chunk.length) return [chunk.subarray(skip), ...chunks.slice(index + 1)];
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
  for (let done = 0; done < size; ) {
    const buffer = spare.pop() ?? Buffer.allocUnsafeSlow(Math.min(CHUNK_SIZE, size - done));
    const target = buffer.length > size - done ? buffer.subarray(0, size - done) : buffer;
    const bytesRead = await file.read(target, position + done).catch((cause) => {
      throw new AirgapError('file', `cannot read at byte ${position + done}: ${messageOf(cause)}`, { cause });
    });
    if (bytesRead === 0) throw new AirgapError('file', `unexpected end of file at byte ${position + done}`);
    done += bytesRead;
    acquireBuffer(buffer, () => spare.push(buffer));
    yield buffer.subarray(0, bytesRead);
  }
}

/** Creates the error for an output that exists and may not be replaced. */
export function differentContentError(path: string): AirgapError {
  return new AirgapError('output-exists', `${path} already exists with different content`, {
    hint: 'use --force to replace it, or choose another name with --out',
  });
}

/** Converts a write error to an AirgapError `no-space` or `file`. */
export function asWriteError(error: unknown): AirgapError {
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
