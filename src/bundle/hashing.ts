import { createHash } from 'node:crypto';
import type { Emit } from '../base/events.ts';
import { algorithmOf, type Digest } from '../oci/digest.ts';
import { giveBack } from '../oci/loan.ts';
import type { Bundle } from './read.ts';

/** Offset and size of a blob in the bundle. */
export interface BlobPlace {
  readonly digest: Digest;
  readonly offset: number;
  readonly size: number;
}

/** Hashes batches of blobs elsewhere, such as on a worker thread. */
export interface BlobHasher {
  /**
   * Hashes the blobs and returns the damaged or unreadable ones.
   * @param onBytes called with the number of bytes read since the last call
   * @returns undefined if the hasher is no longer available and the batch must be hashed by another one
   */
  damaged(blobs: readonly BlobPlace[], told: (bytes: number) => void): Promise<readonly Digest[] | undefined>;
}

export interface HashOptions {
  /** Additional hashers; this thread hashes as well. */
  readonly hashers: readonly BlobHasher[];
  readonly emit: Emit;
  readonly signal?: AbortSignal | undefined;
}

/** Bytes per batch of small blobs: one message per blob would cost more than the hash. */
const BATCH = 4 * 1024 * 1024;

/**
 * Hashes every blob of a bundle, large ones first, so that no large blob is left for the end.
 * @returns digests of damaged or unreadable blobs
 * @throws the reason of the signal if it is aborted
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

/** Returns batches of one large blob each, largest first, then batches of small blobs in file order. */
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

/** Reports whether a blob matches its digest. Unreadable blobs do not. */
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

/** Reads content to its end and reports whether it has the digest. @throws errors of reading */
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
