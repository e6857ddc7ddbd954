import { write } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

/** Standard output (1) and standard error (2). */
export type Descriptor = 1 | 2;

/**
 * Writes text to standard output and standard error without ever blocking the run: a terminal that was stopped, or a slow
 * connection to it, would otherwise halt all transfers, because Node writes to terminals synchronously. Texts are
 * written in the order in which they were given, whichever descriptor they are for.
 *
 * A closed pipe (`| head`) is not a failure: the rest is discarded. Other failures, such as a full disk, are kept.
 */
export class Output {
  /** The first failure of each descriptor, closed pipes apart. */
  readonly #failures = new Map<Descriptor, NodeJS.ErrnoException>();
  readonly #ended = new Set<Descriptor>();
  readonly #queue: { readonly descriptor: Descriptor; readonly bytes: Buffer }[] = [];
  #running: Promise<void> | undefined;
  readonly #write: WriteTo;

  constructor(writeTo: WriteTo = writeToDescriptor) {
    this.#write = writeTo;
  }

  /** True if all texts have been written. What can be left out should wait for this. */
  get isIdle(): boolean {
    return this.#running === undefined;
  }

  failure(descriptor: Descriptor): NodeJS.ErrnoException | undefined {
    return this.#failures.get(descriptor);
  }

  write(descriptor: Descriptor, text: string): void {
    if (text === '' || this.#ended.has(descriptor)) return;
    this.#queue.push({ descriptor, bytes: Buffer.from(text) });
    this.#running ??= this.#writeAll().finally(() => {
      this.#running = undefined;
    });
  }

  /** Waits until all texts are written. Never throws. */
  async flush(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #writeAll(): Promise<void> {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      const { descriptor, bytes } = next;
      let offset = 0;
      while (offset < bytes.length && !this.#ended.has(descriptor)) {
        offset += await this.#writeSome(descriptor, bytes.subarray(offset));
      }
    }
  }

  async #writeSome(descriptor: Descriptor, bytes: Buffer): Promise<number> {
    try {
      return await this.#write(descriptor, bytes);
    } catch (error) {
      // Another process may have made the terminal or pipe non-blocking.
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') await sleep(RETRY_DELAY);
      else this.#end(descriptor, error as NodeJS.ErrnoException);
      return 0;
    }
  }

  #end(descriptor: Descriptor, error: NodeJS.ErrnoException): void {
    this.#ended.add(descriptor);
    if (error.code !== 'EPIPE') this.#failures.set(descriptor, error);
  }
}

/** Writes bytes, or some of them, and returns their number. @throws system errors */
export type WriteTo = (descriptor: Descriptor, bytes: Buffer) => Promise<number>;

const writeAsync = promisify(write);

const writeToDescriptor: WriteTo = async (descriptor, bytes) => (await writeAsync(descriptor, bytes)).bytesWritten;

/** Milliseconds until a full, non-blocking pipe is tried again. */
const RETRY_DELAY = 20;
