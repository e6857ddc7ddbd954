import { AirgapError } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import type { Digest } from '../oci/digest.ts';
import type { BundleProblem } from './bundle-problem.ts';
import { type BlobHasher, damagedBlobs } from './hashing/hashing.ts';
import type { Bundle } from './read.ts';
import { checkDockerSave } from './reading/docker-save-check.ts';
import { checkAgainstInventory } from './reading/inventory-check.ts';
import { checkOrphans, checkTrees, type ManifestTrees } from './reading/trees.ts';

export interface VerifyOptions {
  /** Additional hashers, such as worker threads; default none. */
  readonly hashers?: readonly BlobHasher[];
  readonly emit: Emit;
  readonly signal?: AbortSignal;
}

export type { BundleProblem } from './bundle-problem.ts';

/**
 * Checks every byte of a bundle offline: blobs against their digests, descriptors in manifests, the index, inventory,
 * charts and `manifest.json` against each other, and, unless another tool packed the archive, all bytes between the
 * contents.
 * @returns all problems; empty if the bundle is intact
 * @throws AirgapError `interrupted`
 */
export async function verifyBundle(bundle: Bundle, options: VerifyOptions): Promise<BundleProblem[]> {
  const { hashers = [], emit, signal } = options;
  const sizes = [...bundle.entries.values()].map(({ size }) => size);
  emit({ type: 'plan', blobs: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) });
  const damaged = await damagedBlobs(bundle, { hashers, emit, signal }).catch((error: unknown) => {
    if (signal?.aborted) throw new AirgapError('interrupted', 'interrupted', { cause: error });
    throw error;
  });
  const trees = await checkTrees(bundle, damaged);
  const hashes = [...damaged].sort().map((digest) => ({
    message: `the content of ${digest} is damaged`,
    affects: trees.users.get(digest) ?? [],
  }));
  const { differences } = await bundle.checkPacking();
  const bytes = differences.map(({ position }) => position);
  const parts = await checkParts(bundle, damaged, bytes, trees.users);
  const packing = differences.map(({ message }) => ({ message, affects: [] }));
  // The blobs of damaged manifests are not known.
  const isWhole = damaged.size + trees.problems.length === 0;
  const orphans = isWhole ? await checkOrphans(bundle, trees.users) : [];
  const agreement = [...checkAgainstInventory(bundle), ...checkDockerSave(bundle, isWhole ? trees : undefined)];
  return [...parts, ...hashes, ...trees.problems, ...orphans, ...agreement, ...packing];
}

/** Returns the damaged parts. Only parts with damaged content are read again. */
async function checkParts(
  bundle: Bundle,
  damaged: ReadonlySet<Digest>,
  bytes: readonly number[],
  users: ManifestTrees['users'],
): Promise<BundleProblem[]> {
  if (damaged.size + bytes.length === 0) {
    if (await bundle.hasMatchingIndex()) return [];
    return [{ message: 'the split index belongs to another bundle or does not match these parts', affects: [] }];
  }
  return (await bundle.damagedParts(damaged, bytes)).map(({ message, digests }) => ({
    message,
    affects: [...new Set(digests.flatMap((digest) => users.get(digest) ?? []))],
  }));
}
