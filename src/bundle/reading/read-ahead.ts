import type { RandomFile } from '../files/random-file.ts';

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
