import { type Bundle, openBundle } from '../bundle/read.ts';
import { type Problem, verifyBundle } from '../bundle/verify.ts';
import { type Delta, deltaOf } from '../lock/delta.ts';
import type { Lock } from '../lock/lock.ts';
import type { Digest } from '../oci/digest.ts';
import { formatReference } from '../oci/reference.ts';
import type { Context } from './context.ts';

export interface Inspection {
  readonly file: string;
  /** Bytes of the file. */
  readonly size: number;
  readonly blobs: number;
  readonly charts: readonly { readonly name: string; readonly version: string; readonly digest: Digest }[];
  readonly images: readonly { readonly reference: string; readonly digest: Digest }[];
  /** Of the lock's manifest: the name by which a delta calls this bundle. */
  readonly lockDigest?: Digest;
  /** Of a bundle that leaves out what an older one has. */
  readonly delta?: Delta;
  /** What it holds and why; undefined when another tool wrote the archive. */
  readonly lock: Lock | undefined;
}

/** What is in a bundle. */
export async function inspect(file: string): Promise<Inspection> {
  const source = await openBundle(file);
  try {
    return { ...summaryOf(source), lock: source.lock() };
  } finally {
    await source.close();
  }
}

function summaryOf(source: Bundle): Omit<Inspection, 'lock'> {
  const lock = source.lock();
  const { lockDigest } = source;
  const delta = lock && deltaOf(lock);
  return {
    file: source.path,
    size: source.size,
    blobs: source.entries.size,
    charts: source.charts().map(({ name, version, descriptor }) => ({ name, version, digest: descriptor.digest })),
    images: source.images().map(({ reference, descriptor }) => ({
      reference: formatReference(reference),
      digest: descriptor.digest,
    })),
    ...(lockDigest === undefined ? {} : { lockDigest }),
    ...(delta === undefined ? {} : { delta }),
  };
}

export interface Verification extends Omit<Inspection, 'lock'> {
  readonly problems: readonly Problem[];
}

/** Re-checks every byte of a bundle, offline. */
export async function verify({ emit, signal }: Context, file: string, concurrency: number): Promise<Verification> {
  const source = await openBundle(file);
  try {
    return { ...summaryOf(source), problems: await verifyBundle(source, { concurrency, emit, signal }) };
  } finally {
    await source.close();
  }
}
