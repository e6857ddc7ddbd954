import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { AirgapError } from '../../base/errors.ts';
import { reasonOf } from '../../base/file-failure.ts';
import { acquireBuffer, releaseBuffer } from '../../oci/buffer-pool.ts';
import { algorithmOf, type Digest, encodedOf } from '../../oci/digest.ts';
import { asWriteError } from './errors.ts';
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
      throw new AirgapError('file', `cannot read at byte ${position + done}: ${reasonOf(cause)}`, { cause });
    });
    if (bytesRead === 0) throw new AirgapError('file', `unexpected end of file at byte ${position + done}`);
    done += bytesRead;
    acquireBuffer(buffer, () => spare.push(buffer));
    yield buffer.subarray(0, bytesRead);
  }
}

/** Maximum number of released buffers that are kept. */
const MAX_SPARE_BUFFERS = 32;
const spareBuffers: Buffer[] = [];

/**
 * Streams a range of a file in pooled buffers.
 *
 * Reads are synchronous: the kernel's read-ahead has usually cached the data. With asynchronous reads a `push` of 560 small
 * blobs took 6 % more processor time (9 paired rounds, 2026-11-22). Each read waits for a turn of the event loop.
 */
export class FileBody extends Readable {
  readonly #file: RandomFile;
  readonly #end: number;
  #position: number;

  constructor(file: RandomFile, position: number, size: number, signal: AbortSignal | undefined) {
    super({ highWaterMark: CHUNK_SIZE, signal });
    this.#file = file;
    this.#position = position;
    this.#end = position + size;
  }

  override _read(): void {
    setImmediate(() => {
      if (this.destroyed) return;
      try {
        this.push(this.#next());
      } catch (error) {
        this.destroy(error as Error);
      }
    });
  }

  #next(): Uint8Array | null {
    const size = Math.min(CHUNK_SIZE, this.#end - this.#position);
    if (size <= 0) return null;
    const buffer = spareBuffers.pop() ?? Buffer.allocUnsafeSlow(CHUNK_SIZE);
    const chunk = buffer.subarray(0, size);
    const read = this.#read(chunk);
    if (read === 0) throw new AirgapError('file', `unexpected end of file at byte ${this.#position}`);
    this.#position += read;
    acquireBuffer(chunk, () => {
      if (spareBuffers.length < MAX_SPARE_BUFFERS) spareBuffers.push(buffer);
    });
    return chunk.subarray(0, read);
  }

  #read(chunk: Uint8Array): number {
    try {
      return this.#file.readSync(chunk, this.#position);
    } catch (cause) {
      throw new AirgapError('file', `cannot read at byte ${this.#position}: ${reasonOf(cause)}`, { cause });
    }
  }
}

/** Reads at most this far apart are merged: reading the gap costs no more than a second call. */
const MAX_GAP = 32 * 1024;
const WINDOW = 256 * 1024;

/** Reads small ranges of a file in sequence. Ten thousand headers close together take a few dozen reads. */
export class ReadAhead {
  readonly #file: RandomFile;
  #window: Buffer = Buffer.alloc(0);
  #start = 0;
  /** End of the previous read. */
  #end = Number.NEGATIVE_INFINITY;

  constructor(file: RandomFile) {
    this.#file = file;
  }

  /**
   * Reads up to `size` bytes at `position`; returns fewer at end of file. The buffer is read-only and valid until the
   * next call.
   */
  async read(position: number, size: number): Promise<Buffer> {
    const within = position - this.#start;
    const isNear = position >= this.#end && position - this.#end <= MAX_GAP;
    this.#end = position + size;
    if (within >= 0 && within + size <= this.#window.length) return this.#window.subarray(within, within + size);
    const buffer = Buffer.allocUnsafe(isNear ? Math.max(size, WINDOW) : size);
    this.#start = position;
    this.#window = buffer.subarray(0, await this.#file.read(buffer, position));
    return this.#window.subarray(0, size);
  }
}

/**
 * Reads content to its end, releases its buffers (oci/buffer-pool.ts) and returns its hash in hexadecimal.
 * @param algorithm name for `crypto.createHash`
 * @param onBytes called with the number of bytes of each chunk
 * @throws errors of reading
 */
export async function hashContent(
  content: AsyncIterable<Uint8Array>,
  algorithm: string,
  onBytes?: (bytes: number) => void,
): Promise<string> {
  const hash = createHash(algorithm);
  for await (const chunk of content) {
    hash.update(chunk);
    const { length } = chunk;
    releaseBuffer(chunk);
    onBytes?.(length);
  }
  return hash.digest('hex');
}

/** Reads content to its end and reports whether it has the digest. @throws errors of reading */
export async function hasDigest(
  content: AsyncIterable<Uint8Array>,
  digest: Digest,
  onBytes?: (bytes: number) => void,
): Promise<boolean> {
  return (await hashContent(content, algorithmOf(digest), onBytes)) === encodedOf(digest);
}
