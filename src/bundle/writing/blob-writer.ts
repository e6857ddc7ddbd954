import { createHash, type Hash } from 'node:crypto';
import { releaseBuffer } from '../../oci/buffer-pool.ts';
import { algorithmOf, type Digest } from '../../oci/digest.ts';
import { asWriteError } from '../files/errors.ts';
import type { RandomFile } from '../files/random-file.ts';
import { readRange } from '../files/ranges.ts';

/** Bytes between two checkpoints of a blob. */
const CHECKPOINT_INTERVAL = 16 * 1024 * 1024;

/**
 * Writes a blob to its offset in the file, in any order, and hashes it from the start. Bytes that arrive in order are
 * hashed directly; others are read back later, usually from the page cache.
 */
export class BlobWriter {
  readonly #file: RandomFile;
  readonly #offset: number;
  readonly #digest: Digest;
  readonly #checkpoint: (digest: Digest, bytes: number) => Promise<void>;
  readonly #hash: Hash;
  /** Runs written ahead of the hash: end by start. */
  readonly #unhashedRuns = new Map<number, number>();
  #hashed = 0;
  #lastCheckpoint = 0;
  #catchingUp: Promise<void> | undefined;

  /** @param offset offset of the blob in the file */
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

  /** Length of the prefix that is written and hashed. */
  get hashed(): number {
    return this.#hashed;
  }

  /** Hashes the first `bytes` bytes, written by an earlier run. @throws AirgapError `file` */
  async rehash(bytes: number): Promise<void> {
    await this.#hashUpTo(bytes);
    this.#lastCheckpoint = bytes;
  }

  /**
   * Writes a chunk at a position of the blob and releases it (oci/buffer-pool.ts).
   * @param runStart position of the first byte of the contiguous run that ends with this chunk
   * @returns a promise that delays the next chunk
   * @throws AirgapError `no-space`, `file`
   */
  write(chunk: Uint8Array, position: number, runStart: number): Promise<void> | undefined {
    try {
      this.#file.writeSync(chunk, this.#offset + position);
    } catch (error) {
      throw asWriteError(error);
    }
    const end = position + chunk.length;
    if (position === this.#hashed && this.#catchingUp === undefined) {
      this.#hash.update(chunk);
      this.#hashed = end;
    } else this.#unhashedRuns.set(runStart, end);
    releaseBuffer(chunk);
    if (this.#catchingUp === undefined && this.#nextRunEnd() !== undefined) {
      this.#catchingUp = this.#catchUp().finally(() => {
        this.#catchingUp = undefined;
      });
      // `hashRemaining` reports the error.
      this.#catchingUp.catch(() => {});
    }
    if (this.#hashed - this.#lastCheckpoint < CHECKPOINT_INTERVAL) return undefined;
    this.#lastCheckpoint = this.#hashed;
    return this.#checkpoint(this.#digest, this.#hashed);
  }

  /** Records the progress of a download that failed. */
  async saveCheckpoint(): Promise<void> {
    if (this.#hashed > this.#lastCheckpoint) await this.#checkpoint(this.#digest, this.#hashed);
  }

  /** Hashes all contiguous bytes that were written ahead. @throws AirgapError `file` */
  async hashRemaining(): Promise<void> {
    await this.#catchingUp;
    await this.#catchUp();
  }

  /** Returns the digest of the hashed bytes. */
  digest(): string {
    return `${algorithmOf(this.#digest)}:${this.#hash.digest('hex')}`;
  }

  async #catchUp(): Promise<void> {
    for (let end = this.#nextRunEnd(); end !== undefined; end = this.#nextRunEnd()) await this.#hashUpTo(end);
  }

  /** Returns the end of the run that continues the hashed prefix. */
  #nextRunEnd(): number | undefined {
    for (const [from, end] of this.#unhashedRuns) {
      if (end <= this.#hashed) this.#unhashedRuns.delete(from);
      else if (from <= this.#hashed) return end;
    }
    return undefined;
  }

  async #hashUpTo(end: number): Promise<void> {
    for await (const chunk of readRange(this.#file, this.#offset + this.#hashed, end - this.#hashed)) {
      this.#hash.update(chunk);
      this.#hashed += chunk.length;
      releaseBuffer(chunk);
    }
  }
}
