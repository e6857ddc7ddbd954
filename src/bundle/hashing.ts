import { createHash } from 'node:crypto';
import type { Emit } from '../base/events.ts';
import { algorithmOf, type Digest } from '../oci/digest.ts';
import { giveBack } from '../oci/loan.ts';
import type { Bundle } from './read.ts';

/** A blob and where it lies in the bundle. */
export interface BlobPlace {
  readonly digest: Digest;
  readonly offset: number;
  readonly size: number;
}

/** Hashes blobs of a bundle somewhere else, such as on a thread; some at a time, and it is asked for more when it is done. */
export interface BlobHasher {
  /**
   * @param told how many bytes have been read since it was told last
   * @returns those that are not what their digest says, or cannot be read; undefined when the hasher is gone, and others
   *   have to do it
   */
  damaged(blobs: readonly BlobPlace[], told: (bytes: number) => void): Promise<readonly Digest[] | undefined>;
}

export interface HashOptions {
  /** Beside what is hashed here. */
  readonly hashers: readonly BlobHasher[];
  readonly emit: Emit;
  readonly signal?: AbortSignal | undefined;
}

/** Bytes of small blobs that are handed over together: a message for each would cost more than the hash. */
const BATCH = 4 * 1024 * 1024;

/**
 * Hashes every blob of a bundle, the large ones first, so that at the end nobody waits for one of them.
 * @returns those that are not what their digest says, or cannot be read
 * @throws what the signal was aborted with
 */
export async function damagedBlobs(
  bundle: Bundle,
  { hashers, emit, signal }: HashOptions,
): Promise<ReadonlySet<Digest>> {
  const damaged = new Set<Digest>();
  const left = batchesOf(bundle);
  const told = (bytes: number): void => emit({ type: 'bytes', bytes });
  const done = (batch: readonly BlobPlace[], found: readonly Digest[]): void => {
    for (const digest of found) damaged.add(digest);
    for (const { digest, size } of batch) {
      if (!found.includes(digest)) emit({ type: 'blob', digest, bytes: size, skipped: false });
    }
  };
  const here = async (): Promise<void> => {
    for (let batch = left.shift(); batch !== undefined; batch = left.shift()) {
      const found: Digest[] = [];
      for (const blob of batch) if (!(await isIntact(bundle, blob, told, signal))) found.push(blob.digest);
      done(batch, found);
    }
  };
  const elsewhere = async (hasher: BlobHasher): Promise<void> => {
    for (let batch = left.shift(); batch !== undefined; batch = left.shift()) {
      const found = await hasher.damaged(batch, told);
      signal?.throwIfAborted();
      if (found === undefined) {
        left.push(batch);
        return here();
      }
      done(batch, found);
    }
  };
  await Promise.all([here(), ...hashers.map(elsewhere)]);
  return damaged;
}

/** Large blobs one by one, the largest first; small ones together, in the order in which they lie in the file. */
function batchesOf({ entries }: Bundle): (readonly BlobPlace[])[] {
  const all = [...entries].map(([digest, { offset, size }]): BlobPlace => ({ digest, offset, size }));
  const large = all.filter(({ size }) => size >= BATCH).sort((a, b) => b.size - a.size);
  const batches: BlobPlace[][] = large.map((blob) => [blob]);
  let room = 0;
  for (const blob of all.filter(({ size }) => size < BATCH)) {
    if (blob.size > room) {
      batches.push([]);
      room = BATCH;
    }
    batches.at(-1)?.push(blob);
    room -= blob.size;
  }
  return batches;
}

/** Whether a blob's content is what its digest says. What the medium does not give is not. */
async function isIntact(
  bundle: Pick<Bundle, 'blob'>,
  { digest, size }: BlobPlace,
  told: (bytes: number) => void,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  try {
    const body = bundle.blob({ registry: '', path: '' }, { mediaType: '', digest, size });
    return await hasDigest(await body.open(0, signal), digest, told);
  } catch {
    signal?.throwIfAborted();
    return false;
  }
}

/** Reads content to its end and says whether it has the digest. @throws what reading throws */
export async function hasDigest(
  content: AsyncIterable<Uint8Array>,
  digest: Digest,
  told: (bytes: number) => void,
): Promise<boolean> {
  const hash = createHash(algorithmOf(digest));
  for await (const chunk of content) {
    hash.update(chunk);
    const { length } = chunk;
    giveBack(chunk);
    told(length);
  }
  return `${algorithmOf(digest)}:${hash.digest('hex')}` === digest;
}
