import { AirgapError } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import type { Digest } from '../oci/digest.ts';
import { type BlobHasher, damagedBlobs } from './hashing.ts';
import type { Problem } from './problem.ts';
import type { Bundle } from './read.ts';
import { checkAgreement } from './reading/agreement.ts';
import { checkDockerSave } from './reading/docker-save-check.ts';
import { checkOrphans, checkTrees, type Trees } from './reading/trees.ts';

export interface VerifyOptions {
  /** What hashes blobs beside the thread that this is called on; nothing does unless told. */
  readonly hashers?: readonly BlobHasher[];
  readonly emit: Emit;
  readonly signal?: AbortSignal;
}

export type { Problem } from './problem.ts';

/**
 * Checks every byte of a bundle, offline: each blob against its digest, each manifest for what it names, the index, the
 * lock, the charts and `manifest.json` against each other, and what is between the contents against what was written,
 * unless another tool packed it.
 * @returns everything that is wrong; nothing when the bundle is as it was written
 * @throws AirgapError `interrupted`
 */
export async function verifyBundle(bundle: Bundle, options: VerifyOptions): Promise<Problem[]> {
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
  const { differences } = await bundle.packing();
  const bytes = differences.map(({ at }) => at);
  const parts = await checkParts(bundle, damaged, bytes, trees.users);
  const packing = differences.map(({ message }) => ({ message, affects: [] }));
  // What damaged manifests name is not known.
  const isWhole = damaged.size + trees.problems.length === 0;
  const orphans = isWhole ? await checkOrphans(bundle, trees.users) : [];
  const agreement = [...checkAgreement(bundle), ...checkDockerSave(bundle, isWhole ? trees : undefined)];
  return [...parts, ...hashes, ...trees.problems, ...orphans, ...agreement, ...packing];
}

/** The parts that the damage is in. Those that hold only what is as it should be need no second reading. */
async function checkParts(
  bundle: Bundle,
  damaged: ReadonlySet<Digest>,
  bytes: readonly number[],
  users: Trees['users'],
): Promise<Problem[]> {
  if (damaged.size + bytes.length === 0) {
    if (await bundle.hasOwnIndex()) return [];
    return [{ message: `the index of the parts is that of another bundle, or does not fit these parts`, affects: [] }];
  }
  return (await bundle.damagedParts(damaged, bytes)).map(({ message, digests }) => ({
    message,
    affects: [...new Set(digests.flatMap((digest) => users.get(digest) ?? []))],
  }));
}
