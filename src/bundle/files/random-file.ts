import { readSync, writeSync } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';

/**
 * Paths of a file or of the consecutive parts that it is split into. Plain data, so that a worker thread can receive it
 * and open the same file.
 */
export interface FileParts {
  readonly paths: readonly string[];
  /** Bytes of every part except the last; `Infinity` for a single file. */
  readonly partSize: number;
}

/** A file with random access, stored as one file or in parts. */
export interface RandomFile {
  readonly fileParts: FileParts;
  /**
   * Fills the buffer from a position.
   * @returns bytes read; fewer than the buffer's length only at end of file
   */
  read(buffer: Uint8Array, position: number): Promise<number>;
  /** Like `read`, but synchronous. */
  readSync(buffer: Uint8Array, position: number): number;
  /**
   * Writes at most 1024 chunks (IOV_MAX) consecutively at a position.
   * @returns bytes written, which may be fewer, such as at the end of a part
   */
  writev(chunks: readonly Uint8Array[], position: number): Promise<number>;
  /**
   * Writes a whole chunk synchronously. A chunk that was just received and hashed is in the processor's cache; another
   * thread would have to load it again.
   */
  writeSync(chunk: Uint8Array, position: number): void;
  /** Sets the total size; every part gets its share. */
  truncate(size: number): Promise<void>;
  /** Returns the current total size of all parts in bytes. */
  size(): Promise<number>;
  /** Flushes all parts to disk. */
  sync(): Promise<void>;
  /** Reports whether the paths still refer to the open files. */
  isInPlace(): Promise<boolean>;
  close(): Promise<void>;
}

/** Returns the parts of a single file. */
export function singleFile(path: string): FileParts {
  return { paths: [path], partSize: Number.POSITIVE_INFINITY };
}

/**
 * Opens all parts, or none.
 * @param mode flags as for `fs.open`, or a function that opens a part
 * @throws the error of the first part that cannot be opened
 */
export async function openRandomFile(
  fileParts: FileParts,
  mode: string | number | ((path: string) => Promise<FileHandle>),
): Promise<RandomFile> {
  const handles: FileHandle[] = [];
  try {
    for (const path of fileParts.paths)
      handles.push(await (typeof mode === 'function' ? mode(path) : open(path, mode)));
  } catch (error) {
    await Promise.all(handles.map((handle) => handle.close()));
    throw error;
  }
  return new PartedFile(fileParts, handles);
}

class PartedFile implements RandomFile {
  readonly fileParts: FileParts;
  readonly #handles: readonly FileHandle[];

  constructor(fileParts: FileParts, handles: readonly FileHandle[]) {
    this.fileParts = fileParts;
    this.#handles = handles;
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    let done = 0;
    while (done < buffer.length) {
      const { handle, partOffset, remaining } = this.#locate(position + done);
      if (handle === undefined) break;
      const { bytesRead } = await handle.read(buffer, done, Math.min(buffer.length - done, remaining), partOffset);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return done;
  }

  readSync(buffer: Uint8Array, position: number): number {
    let done = 0;
    while (done < buffer.length) {
      const { handle, partOffset, remaining } = this.#locate(position + done);
      if (handle === undefined) break;
      const read = readSync(handle.fd, buffer, done, Math.min(buffer.length - done, remaining), partOffset);
      if (read === 0) break;
      done += read;
    }
    return done;
  }

  async writev(chunks: readonly Uint8Array[], position: number): Promise<number> {
    const { handle, partOffset, remaining } = this.#locate(position);
    if (handle === undefined) throw new RangeError(`no part contains byte ${position}`);
    const { bytesWritten } = await handle.writev(
      remaining === Number.POSITIVE_INFINITY ? chunks : firstBytes(chunks, remaining),
      partOffset,
    );
    return bytesWritten;
  }

  writeSync(chunk: Uint8Array, position: number): void {
    for (let done = 0; done < chunk.length; ) {
      const { handle, partOffset, remaining } = this.#locate(position + done);
      if (handle === undefined) throw new RangeError(`no part contains byte ${position + done}`);
      done += writeSync(handle.fd, chunk, done, Math.min(chunk.length - done, remaining), partOffset);
    }
  }

  async truncate(size: number): Promise<void> {
    const { partSize } = this.fileParts;
    for (const [index, handle] of this.#handles.entries()) {
      await handle.truncate(
        index === 0 ? Math.min(size, partSize) : Math.max(0, Math.min(size - index * partSize, partSize)),
      );
    }
  }

  async size(): Promise<number> {
    const stats = await Promise.all(this.#handles.map((handle) => handle.stat()));
    return stats.reduce((sum, { size }) => sum + size, 0);
  }

  async sync(): Promise<void> {
    for (const handle of this.#handles) await handle.sync();
  }

  async isInPlace(): Promise<boolean> {
    for (const [index, handle] of this.#handles.entries()) {
      const [openStats, pathStats] = [
        await handle.stat(),
        await lstat(this.fileParts.paths[index] as string).catch(() => undefined),
      ];
      if (pathStats === undefined || pathStats.ino !== openStats.ino || pathStats.dev !== openStats.dev) return false;
    }
    return true;
  }

  async close(): Promise<void> {
    await Promise.all(this.#handles.map((handle) => handle.close()));
  }

  /** Returns the part that contains a position, the offset in it, and the bytes from there to its end. */
  #locate(position: number): {
    readonly handle: FileHandle | undefined;
    readonly partOffset: number;
    readonly remaining: number;
  } {
    const { partSize } = this.fileParts;
    const number = Math.floor(position / partSize);
    const partOffset = number === 0 ? position : position - number * partSize;
    return { handle: this.#handles[number], partOffset, remaining: partSize - partOffset };
  }
}

/** Returns the first `bytes` bytes of the chunks. */
function firstBytes(chunks: readonly Uint8Array[], bytes: number): Uint8Array[] {
  const result: Uint8Array[] = [];
  for (let remaining = bytes, index = 0; remaining > 0 && index < chunks.length; index++) {
    const chunk = chunks[index] as Uint8Array;
    result.push(chunk.length > remaining ? chunk.subarray(0, remaining) : chunk);
    remaining -= chunk.length;
  }
  return result;
}
