import { createHash } from 'node:crypto';
import { AirgapError } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import { pool } from '../base/pool.ts';
import { algorithmOf, type Digest } from '../oci/digest.ts';
import { giveBack } from '../oci/loan.ts';
import type { Problem } from './problem.ts';
import type { Bundle } from './read.ts';
import { checkAgreement } from './reading/agreement.ts';
import { checkDockerSave } from './reading/docker-save-check.ts';
import { checkTrees, type Trees } from './reading/trees.ts';

export interface VerifyOptions {
  /** Blobs read at the same time. */
  readonly concurrency: number;
  readonly emit: Emit;
  readonly signal?: AbortSignal;
}

export type { Problem } from './problem.ts';

/**
 * Checks every byte of a bundle, offline: each blob against its digest, each manifest for what it names, and the index,
 * the lock, the charts and `manifest.json` against each other.
 * @returns everything that is wrong; nothing when the bundle is as it was written
 * @throws AirgapError `interrupted`
 */
export async function verifyBundle(bundle: Bundle, options: VerifyOptions): Promise<Problem[]> {
  const damaged = await hashAll(bundle, options);
  const trees = await checkTrees(bundle, damaged);
  const hashes = [...damaged].sort().map((digest) => ({
    message: `the content of ${digest} is damaged`,
    affects: trees.users.get(digest) ?? [],
  }));
  const parts = await checkParts(bundle, damaged, trees.users);
  return [...parts, ...hashes, ...trees.problems, ...checkAgreement(bundle), ...(await checkDockerSave(bundle))];
}

/** The parts that the damage is in. Those that hold only what is as it should be need no second reading. */
async function checkParts(bundle: Bundle, damaged: ReadonlySet<Digest>, users: Trees['users']): Promise<Problem[]> {
  if (damaged.size === 0) return [];
  return (await bundle.damagedParts(damaged)).map(({ message, digests }) => ({
    message,
    affects: [...new Set(digests.flatMap((digest) => users.get(digest) ?? []))],
  }));
}

async function hashAll(bundle: Bundle, { concurrency, emit, signal }: VerifyOptions): Promise<ReadonlySet<Digest>> {
  const damaged = new Set<Digest>();
  const entries = [...bundle.entries];
  emit({ type: 'plan', blobs: entries.length, bytes: entries.reduce((sum, [, { size }]) => sum + size, 0) });
  const repository = { registry: '', path: '' };
  await pool(entries, concurrency, async ([digest, { size }]) => {
    const hash = createHash(algorithmOf(digest));
    const descriptor = { mediaType: '', digest, size };
    try {
      for await (const chunk of await bundle.blob(repository, descriptor).open(0, signal)) {
        hash.update(chunk);
        emit({ type: 'bytes', bytes: chunk.length });
        giveBack(chunk);
      }
    } catch (error) {
      if (signal?.aborted) throw new AirgapError('interrupted', 'interrupted', { cause: error });
      // A medium that cannot be read there is damage like any other.
      damaged.add(digest);
      return;
    }
    if (`${algorithmOf(digest)}:${hash.digest('hex')}` !== digest) damaged.add(digest);
    emit({ type: 'blob', digest, bytes: size, skipped: false });
  });
  return damaged;
}
