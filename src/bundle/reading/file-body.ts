import { Readable } from 'node:stream';
import { AirgapError, messageOf } from '../../base/errors.ts';
import { lend } from '../../oci/loan.ts';
import { CHUNK } from '../files/file.ts';
import type { RandomFile } from '../files/random-file.ts';

/** Memory that readers gave back, up to so many pieces. */
const SPARE = 32;
const spare: Buffer[] = [];

/**
 * Content of a file from a position, as a stream whose chunks are lent.
 *
 * Reading does not leave the thread: what is not in the system's memory yet has been asked for by its read-ahead, and
 * handing 512 KiB to another thread and back costs more than copying them. Measured for 0.94 GB: 0.4 s of processor time.
 * The event loop gets its turn before each read.
 */
export class FileBody extends Readable {
  readonly #file: RandomFile;
  readonly #end: number;
  #at: number;

  constructor(file: RandomFile, position: number, size: number, signal: AbortSignal | undefined) {
    super({ highWaterMark: CHUNK, ...(signal === undefined ? {} : { signal }) });
    this.#file = file;
    this.#at = position;
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
    const wanted = Math.min(CHUNK, this.#end - this.#at);
    if (wanted <= 0) return null;
    const memory = spare.pop() ?? Buffer.allocUnsafeSlow(CHUNK);
    const chunk = memory.subarray(0, wanted);
    const read = this.#read(chunk);
    if (read === 0) throw new AirgapError('file', `the file ends at byte ${this.#at}, before its content does`);
    this.#at += read;
    lend(chunk, () => {
      if (spare.length < SPARE) spare.push(memory);
    });
    return chunk.subarray(0, read);
  }

  #read(chunk: Uint8Array): number {
    try {
      return this.#file.readNow(chunk, this.#at);
    } catch (cause) {
      throw new AirgapError('file', `cannot read at byte ${this.#at}: ${messageOf(cause)}`, { cause });
    }
  }
}
