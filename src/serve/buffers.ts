/** Bytes of a buffer: few system calls for each blob. */
const LARGE = 256 * 1024;
/** Bytes of a buffer when many blobs are sent at the same time. */
const SMALL = 16 * 1024;
/** Number of large buffers in use at the same time, 32 MB in total. Further blobs get small ones. */
const MAX_LARGE = 128;

/**
 * Buffers for blobs. They are used again, because the garbage collector frees memory outside its heap late: with hundreds of
 * megabytes each second, the process would grow by as much.
 */
export class Buffers {
  readonly #spare: Buffer[] = [];
  #large = 0;

  acquire(): Buffer {
    if (this.#large >= MAX_LARGE) return Buffer.allocUnsafeSlow(SMALL);
    this.#large++;
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(LARGE);
  }

  /** @param isFree false if a write of the buffer may not have ended: it is left to the garbage collector */
  release(buffer: Buffer, isFree: boolean): void {
    if (buffer.length < LARGE) return;
    this.#large--;
    if (isFree) this.#spare.push(buffer);
  }
}
