import { createHash, type Hash } from 'node:crypto';
import { algorithmOf, type Digest } from '../../oci/digest.ts';
import { giveBack } from '../../oci/loan.ts';
import { readRange, writeFailure } from '../files/file.ts';
import type { RandomFile } from '../files/random-file.ts';

/** Bytes between two checkpoints of one blob. */
const CHECKPOINT = 16 * 1024 * 1024;

/**
 * A blob on its way to its place in the file: written in any order, hashed from its start on. What comes in order is
 * hashed as it comes; what came before its turn is read back then, out of the system's memory as a rule.
 */
export class Placing {
  readonly #file: RandomFile;
  readonly #offset: number;
  readonly #digest: Digest;
  readonly #checkpoint: (digest: Digest, bytes: number) => Promise<void>;
  readonly #hash: Hash;
  /** Runs that were written ahead of the hash: where each ends, by where it begins. */
  readonly #ahead = new Map<number, number>();
  #hashed = 0;
  #mark = 0;
  #catchingUp: Promise<void> | undefined;

  /** @param offset bytes from the start of the file to the blob */
  constructor(
    file: RandomFile,
    offset: number,
    digest: Digest,
    checkpoint: (digest: Digest, bytes: number) => Promise<void>,
  ) {
    this.#file = file;
    this.#offset = offset;
    this.#digest = digest;
    this.#checkpoint = checkpoint;
    this.#hash = createHash(algorithmOf(digest));
  }

  /** Bytes from the blob's start on that are in place and hashed. */
  get hashed(): number {
    return this.#hashed;
  }

  /** Hashes what an earlier run has put there, up to so many bytes. @throws AirgapError `file` */
  async begin(bytes: number): Promise<void> {
    await this.#read(bytes);
    this.#mark = bytes;
  }

  /**
   * Takes the bytes from a position of the blob on; the chunk is given back (oci/loan.ts). A promise holds back the next.
   * @param run where the bytes began that come one after the other with this chunk
   * @throws AirgapError `no-space`, `file`
   */
  take(chunk: Uint8Array, position: number, run: number): Promise<void> | undefined {
    try {
      this.#file.writeNow(chunk, this.#offset + position);
    } catch (error) {
      throw writeFailure(error);
    }
    const end = position + chunk.length;
    if (position === this.#hashed && this.#catchingUp === undefined) {
      this.#hash.update(chunk);
      this.#hashed = end;
    } else this.#ahead.set(run, end);
    giveBack(chunk);
    if (this.#catchingUp === undefined && this.#nextEnd() !== undefined) {
      this.#catchingUp = this.#catchUp().finally(() => {
        this.#catchingUp = undefined;
      });
      // Whoever waits for it is told.
      this.#catchingUp.catch(() => {});
    }
    if (this.#hashed - this.#mark < CHECKPOINT) return undefined;
    this.#mark = this.#hashed;
    return this.#checkpoint(this.#digest, this.#hashed);
  }

  /** Notes what is in place, for a run that breaks off here. */
  async note(): Promise<void> {
    if (this.#hashed > this.#mark) await this.#checkpoint(this.#digest, this.#hashed);
  }

  /** Hashes the rest of what was written ahead and follows on. @throws AirgapError `file` */
  async settled(): Promise<void> {
    await this.#catchingUp;
    await this.#catchUp();
  }

  /** The digest of all of it. */
  digest(): string {
    return `${algorithmOf(this.#digest)}:${this.#hash.digest('hex')}`;
  }

  async #catchUp(): Promise<void> {
    for (let end = this.#nextEnd(); end !== undefined; end = this.#nextEnd()) await this.#read(end);
  }

  /** Where the run ends whose turn it is, if it has been written farther than it is hashed. */
  #nextEnd(): number | undefined {
    for (const [from, end] of this.#ahead) {
      if (end <= this.#hashed) this.#ahead.delete(from);
      else if (from <= this.#hashed) return end;
    }
    return undefined;
  }

  async #read(end: number): Promise<void> {
    for await (const chunk of readRange(this.#file, this.#offset + this.#hashed, end - this.#hashed)) {
      this.#hash.update(chunk);
      this.#hashed += chunk.length;
      giveBack(chunk);
    }
  }
}
