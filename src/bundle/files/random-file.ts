import { readSync, writeSync } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';

/**
 * Where the bytes of one long file lie: in a file, or in parts that follow each other. Plain data, so that a worker
 * thread can be given it and open the same file for itself.
 */
export interface FilePlaces {
  readonly paths: readonly string[];
  /** Bytes of every part but the last, which has the rest; `Infinity` for a single file. */
  readonly partSize: number;
}

/** A file that is read and written at positions, whether it is one or several parts. */
export interface RandomFile {
  readonly places: FilePlaces;
  /**
   * Fills the buffer from a position on.
   * @returns bytes that were read: fewer than the buffer has only where the file ends
   */
  read(buffer: Uint8Array, position: number): Promise<number>;
  /** The same, and returns when it is done. */
  readNow(buffer: Uint8Array, position: number): number;
  /**
   * Writes chunks one after the other at a position, 1024 of them at most (IOV_MAX).
   * @returns bytes that were written, which may be fewer: at the end of a part, and wherever the system stops
   */
  writev(chunks: readonly Uint8Array[], position: number): Promise<number>;
  /**
   * Writes all of a chunk, and returns when it is done: what has just been read and hashed is still in the processor's
   * cache then, and another thread would have to fetch it from there.
   */
  writeNow(chunk: Uint8Array, position: number): void;
  /** Gives every part its size, for so many bytes in all. */
  truncate(size: number): Promise<void>;
  /** Bytes in all parts together, as they are now. */
  size(): Promise<number>;
  /** Waits until everything is on the disk. */
  sync(): Promise<void>;
  /** Whether the paths still lead to these very files. */
  isInPlace(): Promise<boolean>;
  close(): Promise<void>;
}

/** One file. */
export function singleFile(path: string): FilePlaces {
  return { paths: [path], partSize: Number.POSITIVE_INFINITY };
}

/**
 * Opens all parts, or none.
 * @param how flags of open(2), as `node:fs` takes them, or what opens each part
 * @throws what the system says, or what that throws, for the first part that cannot be opened
 */
export async function openRandomFile(
  places: FilePlaces,
  how: string | number | ((path: string) => Promise<FileHandle>),
): Promise<RandomFile> {
  const handles: FileHandle[] = [];
  try {
    for (const path of places.paths) handles.push(await (typeof how === 'function' ? how(path) : open(path, how)));
  } catch (error) {
    await Promise.all(handles.map((handle) => handle.close()));
    throw error;
  }
  return new Parts(places, handles);
}

class Parts implements RandomFile {
  readonly places: FilePlaces;
  readonly #handles: readonly FileHandle[];

  constructor(places: FilePlaces, handles: readonly FileHandle[]) {
    this.places = places;
    this.#handles = handles;
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    let done = 0;
    while (done < buffer.length) {
      const { handle, within, room } = this.#at(position + done);
      if (handle === undefined) break;
      const { bytesRead } = await handle.read(buffer, done, Math.min(buffer.length - done, room), within);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return done;
  }

  readNow(buffer: Uint8Array, position: number): number {
    let done = 0;
    while (done < buffer.length) {
      const { handle, within, room } = this.#at(position + done);
      if (handle === undefined) break;
      const read = readSync(handle.fd, buffer, done, Math.min(buffer.length - done, room), within);
      if (read === 0) break;
      done += read;
    }
    return done;
  }

  async writev(chunks: readonly Uint8Array[], position: number): Promise<number> {
    const { handle, within, room } = this.#at(position);
    if (handle === undefined) throw new RangeError(`no part holds byte ${position}`);
    const { bytesWritten } = await handle.writev(
      room === Number.POSITIVE_INFINITY ? chunks : first(chunks, room),
      within,
    );
    return bytesWritten;
  }

  writeNow(chunk: Uint8Array, position: number): void {
    for (let done = 0; done < chunk.length; ) {
      const { handle, within, room } = this.#at(position + done);
      if (handle === undefined) throw new RangeError(`no part holds byte ${position + done}`);
      done += writeSync(handle.fd, chunk, done, Math.min(chunk.length - done, room), within);
    }
  }

  async truncate(size: number): Promise<void> {
    const { partSize } = this.places;
    for (const [at, handle] of this.#handles.entries()) {
      await handle.truncate(
        at === 0 ? Math.min(size, partSize) : Math.max(0, Math.min(size - at * partSize, partSize)),
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
    for (const [at, handle] of this.#handles.entries()) {
      const [mine, named] = [await handle.stat(), await lstat(this.places.paths[at] as string).catch(() => undefined)];
      if (named === undefined || named.ino !== mine.ino || named.dev !== mine.dev) return false;
    }
    return true;
  }

  async close(): Promise<void> {
    await Promise.all(this.#handles.map((handle) => handle.close()));
  }

  /** The part that holds a position, where in it, and the bytes from there to its end. */
  #at(position: number): { readonly handle: FileHandle | undefined; readonly within: number; readonly room: number } {
    const { partSize } = this.places;
    const number = Math.floor(position / partSize);
    const within = number === 0 ? position : position - number * partSize;
    return { handle: this.#handles[number], within, room: partSize - within };
  }
}

/** The first so many bytes of the chunks. */
function first(chunks: readonly Uint8Array[], bytes: number): Uint8Array[] {
  const taken: Uint8Array[] = [];
  for (let room = bytes, at = 0; room > 0 && at < chunks.length; at++) {
    const chunk = chunks[at] as Uint8Array;
    taken.push(chunk.length > room ? chunk.subarray(0, room) : chunk);
    room -= chunk.length;
  }
  return taken;
}
