import type { FileHandle } from 'node:fs/promises';
import { AirgapError, messageOf } from '../base/errors.ts';
import { giveBack, lend } from '../oci/loan.ts';

/** Bytes read at once: fewer calls, and still small beside a layer. */
export const CHUNK = 512 * 1024;

/** Collects chunks and writes them together, one write at a time, while the next ones arrive. */
export class PlacedWriter {
  /** Position up to which everything is in the file. */
  placed: number;
  readonly #file: FileHandle;
  #waiting: Uint8Array[] = [];
  #bytes = 0;
  #running: Promise<void> = Promise.resolve();

  /** `position`: where in the file the first byte goes. */
  constructor(file: FileHandle, position: number) {
    this.#file = file;
    this.placed = position;
  }

  /**
   * Takes a chunk, which must not be used afterwards: if it was lent, it is given back once it is in the file.
   * @returns a promise when the next one had better wait: the disk is behind
   * @throws AirgapError `no-space`, by the promise
   */
  write(chunk: Uint8Array): Promise<void> | undefined {
    this.#waiting.push(chunk);
    this.#bytes += chunk.length;
    return this.#bytes >= CHUNK ? this.#next() : undefined;
  }

  /** Waits until everything is in the file. @throws AirgapError `no-space` */
  async flush(): Promise<void> {
    await this.#next();
    await this.#running;
  }

  async #next(): Promise<void> {
    await this.#running;
    if (this.#bytes === 0) return;
    const chunks = this.#waiting;
    const bytes = this.#bytes;
    this.#waiting = [];
    this.#bytes = 0;
    this.#running = writeAll(this.#file, chunks, this.placed).then(() => {
      this.placed += bytes;
      for (const chunk of chunks) giveBack(chunk);
    });
    // Whoever writes or flushes next gets the failure.
    this.#running.catch(() => {});
  }
}

/** Writes chunks one after the other at a position. @throws AirgapError `no-space` */
export async function writeAll(file: FileHandle, chunks: readonly Uint8Array[], position: number): Promise<void> {
  let rest = [...chunks];
  let at = position;
  while (rest.length > 0) {
    // writev takes 1024 buffers at most (IOV_MAX).
    const { bytesWritten } = await file.writev(rest.slice(0, 1024), at).catch((error) => {
      throw writeFailure(error);
    });
    at += bytesWritten;
    rest = without(rest, bytesWritten);
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
export async function* readRange(file: FileHandle, position: number, size: number): AsyncGenerator<Uint8Array> {
  const spare: Buffer[] = [];
  for (let at = 0; at < size; ) {
    const buffer = spare.pop() ?? Buffer.allocUnsafeSlow(Math.min(CHUNK, size - at));
    const { bytesRead } = await file
      .read(buffer, 0, Math.min(buffer.length, size - at), position + at)
      .catch((cause) => {
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
      hint: 'free some space, or choose another folder with --out; what is there is continued',
      cause: error,
    });
  }
  return new AirgapError('file', `the bundle cannot be written: ${messageOf(error)}`, { cause: error });
}
