import type { RandomFile } from '../files/random-file.ts';

/** Pieces that are no further apart come together: reading that much costs no more than asking twice. */
const NEAR = 32 * 1024;
const WINDOW = 256 * 1024;

/** Reads small pieces of a file one behind the other. Ten thousand headers with little between them are a few dozen reads. */
export class ReadAhead {
  readonly #file: RandomFile;
  #window: Buffer = Buffer.alloc(0);
  #start = 0;
  /** Where the last piece ended. */
  #end = Number.NEGATIVE_INFINITY;

  constructor(file: RandomFile) {
    this.#file = file;
  }

  /** So many bytes from a position on; fewer where the file ends. Not to be changed, and good until the next call. */
  async read(position: number, size: number): Promise<Buffer> {
    const within = position - this.#start;
    const isNear = position >= this.#end && position - this.#end <= NEAR;
    this.#end = position + size;
    if (within >= 0 && within + size <= this.#window.length) return this.#window.subarray(within, within + size);
    const buffer = Buffer.allocUnsafe(isNear ? Math.max(size, WINDOW) : size);
    this.#start = position;
    this.#window = buffer.subarray(0, await this.#file.read(buffer, position));
    return this.#window.subarray(0, size);
  }
}
