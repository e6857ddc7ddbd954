import type { Emit } from '../../base/events.ts';
import type { Digest } from '../../oci/digest.ts';
import { openRandomFile } from '../files/random-file.ts';
import { FileBody, hasDigest } from '../files/ranges.ts';
import type { Bundle } from '../reading/bundle.ts';

/** Offset and size of a blob in the bundle. */
export interface BlobOffset {
  readonly digest: Digest;
  readonly offset: number;
  readonly size: number;
}

/** Hashes batches of blobs on another thread. */
export interface BlobHasher {
  /**
   * Hashes the blobs and returns the damaged or unreadable ones.
   * @param onBytes called with the number of bytes read since the last call
   * @returns undefined if the hasher is no longer available and the batch must be hashed by another one
   */
  findDamaged(blobs: readonly BlobOffset[], onBytes: (bytes: number) => void): Promise<readonly Digest[] | undefined>;
}

export interface HashOptions {
  /** Additional hashers; this thread hashes as well. */
  readonly hashers: readonly BlobHasher[];
  readonly emit: Emit;
  readonly signal?: AbortSignal | undefined;
}

/** Bytes per batch of small blobs: one message per blob would cost more than the hash. */
const BATCH_SIZE = 4 * 1024 * 1024;

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
  const remaining = batchesOf(bundle);
  /** Starts a batch. Only batches of one large blob tell how far they are. */
  const startBatch = (batch: readonly BlobOffset[]): ((bytes: number) => void) => {
    const [{ digest, size } = {}, second] = batch;
    if (digest === undefined || size === undefined || second !== undefined)
      return (bytes) => emit({ type: 'bytes', bytes });
    emit({ type: 'blob', digest, bytes: size, status: 'started' });
    return (bytes) => emit({ type: 'bytes', bytes, digest });
  };
  const finishBatch = (batch: readonly BlobOffset[], found: readonly Digest[]): void => {
    for (const digest of found) damaged.add(digest);
    for (const { digest, size } of batch) {
      emit({ type: 'blob', digest, bytes: size, status: found.includes(digest) ? 'failed' : 'done' });
    }
  };
  const hashOnThisThread = async (): Promise<void> => {
    for (let batch = remaining.shift(); batch !== undefined; batch = remaining.shift()) {
      const found: Digest[] = [];
      const onBytes = startBatch(batch);
      for (const blob of batch) if (!(await isIntact(bundle, blob, onBytes, signal))) found.push(blob.digest);
      finishBatch(batch, found);
    }
  };
  const hashWith = async (hasher: BlobHasher): Promise<void> => {
    for (let batch = remaining.shift(); batch !== undefined; batch = remaining.shift()) {
      const found = await hasher.findDamaged(batch, startBatch(batch));
      signal?.throwIfAborted();
      if (found === undefined) {
        remaining.push(batch);
        return hashOnThisThread();
      }
      finishBatch(batch, found);
    }
  };
  await Promise.all([hashOnThisThread(), ...hashers.map(hashWith)]);
  return damaged;
}

/**
 * Hashes the tools that have the size of the inventory.
 * @returns names of damaged or unreadable tools
 * @throws the reason of the signal if it is aborted
 */
export async function damagedTools(
  bundle: Pick<Bundle, 'inventory' | 'tools' | 'fileParts'>,
  { emit, signal }: Pick<HashOptions, 'emit' | 'signal'>,
): Promise<readonly string[]> {
  const tools = bundle.inventory()?.tools ?? [];
  if (tools.length === 0) return [];
  const damaged: string[] = [];
  const file = await openRandomFile(bundle.fileParts, 'r');
  try {
    for (const { name, digest, size } of tools) {
      const entry = bundle.tools.get(name);
      // Another size is reported elsewhere.
      if (entry?.size !== size) continue;
      emit({ type: 'blob', digest, bytes: size, status: 'started' });
      const onBytes = (bytes: number): void => emit({ type: 'bytes', bytes, digest });
      const body = new FileBody(file, entry.offset, size, signal);
      const isIntact = await hasDigest(body, digest, onBytes).catch(() => false);
      signal?.throwIfAborted();
      if (!isIntact) damaged.push(name);
      emit({ type: 'blob', digest, bytes: size, status: isIntact ? 'done' : 'failed' });
    }
  } finally {
    await file.close();
  }
  return damaged;
}

/** Returns batches of one large blob each, largest first, then batches of small blobs in file order. */
function batchesOf({ entries }: Bundle): (readonly BlobOffset[])[] {
  const all = [...entries].map(([digest, { offset, size }]): BlobOffset => ({ digest, offset, size }));
  const large = all.filter(({ size }) => size >= BATCH_SIZE).sort((a, b) => b.size - a.size);
  const batches: BlobOffset[][] = large.map((blob) => [blob]);
  let spaceLeft = 0;
  for (const blob of all.filter(({ size }) => size < BATCH_SIZE)) {
    if (blob.size > spaceLeft) {
      batches.push([]);
      spaceLeft = BATCH_SIZE;
    }
    batches.at(-1)?.push(blob);
    spaceLeft -= blob.size;
  }
  return batches;
}

/** Reports whether a blob matches its digest. Unreadable blobs do not. */
async function isIntact(
  bundle: Pick<Bundle, 'blob'>,
  { digest, size }: BlobOffset,
  onBytes: (bytes: number) => void,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  try {
    const body = bundle.blob({ registry: '', path: '' }, { mediaType: '', digest, size });
    return await hasDigest(await body.open(0, signal), digest, onBytes);
  } catch {
    signal?.throwIfAborted();
    return false;
  }
}
