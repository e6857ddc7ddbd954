import { AirgapError } from '../../base/errors.ts';
import { silent } from '../../base/events.ts';
import type { ChartArtifact } from '../../bundle/chart-artifact.ts';
import { emptyBlob } from '../../bundle/inline.ts';
import { openBundle } from '../../bundle/read.ts';
import type { Lock, RequiredBlob } from '../../lock/lock.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Graph } from '../../oci/graph.ts';
import { formatRepository } from '../../oci/reference.ts';
import { walk } from '../../transfer/walk.ts';

/** An older bundle, which whoever gets a delta has pushed already. */
export interface Older {
  /** Of its lock's manifest. */
  readonly lockDigest: Digest;
  /** Blobs of its images. Those that it leaves out itself count too: who could push it had them. */
  readonly blobs: ReadonlyMap<Digest, RequiredBlob>;
}

/**
 * Reads what an older bundle holds.
 * @throws AirgapError `file`; `bundle-invalid` when it is damaged, or another tool's archive
 */
export async function readOlder(file: string, concurrency: number, signal?: AbortSignal): Promise<Older> {
  const bundle = await openBundle(file).catch((error: unknown) => {
    if (!(error instanceof AirgapError) || error.code !== 'bundle-invalid') throw error;
    throw new AirgapError('bundle-invalid', `--since: ${error.message}`, {
      hint: 'give the older bundle itself: a lock file does not say which blobs its images are made of',
      cause: error,
    });
  });
  try {
    const { lockDigest } = bundle;
    if (lockDigest === undefined) {
      throw new AirgapError('bundle-invalid', `${file} has no lock, so nothing can refer to it`, {
        hint: '--since needs a bundle that helm airgap bundle wrote',
      });
    }
    const references = bundle.images().map(({ reference }) => reference);
    const { graph, failures } = await walk(bundle, references, { platforms: [], concurrency, emit: silent, signal });
    const [failure] = failures;
    if (failure !== undefined) {
      throw new AirgapError('bundle-invalid', `${file} is damaged: ${failure.error.message}`, {
        hint: 'check it with helm airgap verify; a delta needs the older bundle whole',
        cause: failure.error,
      });
    }
    const leftOut = new Set(bundle.lock()?.requires?.map(({ digest }) => digest));
    const blobs = new Map<Digest, RequiredBlob>();
    for (const [digest, { descriptor, repositories }] of graph.blobs) {
      const { size } = descriptor;
      if (bundle.entries.get(digest)?.size !== size && !leftOut.has(digest)) continue;
      blobs.set(digest, { digest, size, repositories: repositories.map(formatRepository).sort() });
    }
    return { lockDigest, blobs };
  } finally {
    await bundle.close();
  }
}

/**
 * What the lock of a delta says: every blob of the images that the older bundle has is left out. Manifests and charts
 * all travel: they are small, and `push`, `verify` and `values` read them offline, out of this file alone.
 */
export function requiresOf(
  { lockDigest, blobs }: Older,
  graph: Graph,
  charts: readonly ChartArtifact[],
): Pick<Lock, 'since' | 'requires'> {
  // The lock itself is made with the empty config.
  const kept = new Set([emptyBlob.descriptor.digest, ...charts.flatMap(({ content }) => [...content.blobs.keys()])]);
  const requires = [...graph.blobs].flatMap(([digest, { descriptor }]) => {
    const there = blobs.get(digest);
    return there?.size !== descriptor.size || kept.has(digest) || graph.manifests.has(digest) ? [] : [there];
  });
  return { since: lockDigest, requires: requires.sort((a, b) => (a.digest < b.digest ? -1 : 1)) };
}
