import { AirgapError } from '../../base/errors.ts';
import type { ChartArtifact } from '../../bundle/chart-artifact.ts';
import { emptyBlob } from '../../bundle/inline.ts';
import { openForUse } from '../../bundle/open.ts';
import { type ExportedLock, readExportedLock } from '../../lock/exported.ts';
import type { Lock, RequiredBlob } from '../../lock/lock.ts';
import type { Digest } from '../../oci/digest.ts';
import { closureOf, type Graph } from '../../oci/graph.ts';
import { exportedLock } from './exported-lock.ts';

/** An older bundle, which whoever gets a delta has pushed already. */
export interface Older {
  /** Of its lock's manifest. */
  readonly lockDigest: Digest;
  /** Blobs of its images. Those that it leaves out itself count too: who could push it had them. */
  readonly blobs: ReadonlyMap<Digest, RequiredBlob>;
}

/**
 * Reads what an older bundle holds, from the bundle or from the file that stands for it.
 * @throws AirgapError `file`; `bundle-invalid` when it is damaged, another tool's archive, or another document
 */
export async function readOlder(file: string, concurrency: number, signal?: AbortSignal): Promise<Older> {
  try {
    const { lockDigest, blobs } = (await readExportedLock(file)) ?? (await readLockOf(file, concurrency, signal));
    const ofImages = blobs.flatMap(({ digest, size, repositories }) =>
      repositories === undefined ? [] : [[digest, { digest, size, repositories }] as const],
    );
    return { lockDigest, blobs: new Map(ofImages) };
  } catch (error) {
    if (!(error instanceof AirgapError) || error.code !== 'bundle-invalid') throw error;
    const hint =
      'give the older bundle, or what helm airgap inspect OLD.tar -o lock writes: a lock file of references does not say which blobs its images are made of';
    throw new AirgapError('bundle-invalid', `--since: ${error.message}`, { hint: error.hint ?? hint, cause: error });
  }
}

async function readLockOf(file: string, concurrency: number, signal?: AbortSignal): Promise<ExportedLock> {
  const bundle = await openForUse(file);
  try {
    return await exportedLock(bundle, concurrency, signal);
  } finally {
    await bundle.close();
  }
}

/**
 * What the lock of a delta says: every blob of the images that the older bundle has is left out. Manifests, charts, and
 * what belongs to images all travel: they are small, and `push`, `verify` and `values` read them offline, out of this file alone.
 */
export function requiresOf(
  { lockDigest, blobs }: Older,
  graph: Graph,
  charts: readonly ChartArtifact[],
): Pick<Lock, 'since' | 'requires'> {
  // The lock itself is made with the empty config.
  const kept = new Set([
    emptyBlob.descriptor.digest,
    ...charts.flatMap(({ content }) => [...content.blobs.keys()]),
    ...(graph.referrers ?? []).flatMap(({ descriptor }) => closureOf(graph, descriptor.digest).blobs),
  ]);
  const requires = [...graph.blobs].flatMap(([digest, { descriptor }]) => {
    const there = blobs.get(digest);
    return there?.size !== descriptor.size || kept.has(digest) || graph.manifests.has(digest) ? [] : [there];
  });
  return { since: lockDigest, requires: requires.sort((a, b) => (a.digest < b.digest ? -1 : 1)) };
}
