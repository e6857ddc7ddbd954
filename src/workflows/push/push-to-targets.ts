import { AirgapError, asAirgapError, combine } from '../../base/errors.ts';
import { settle } from '../../base/pool.ts';
import { formatTarget, type Target } from '../../naming/naming.ts';
import type { Source } from '../../oci/content.ts';
import { type SharedReader, SharedSource } from '../../transfer/shared-source.ts';

/**
 * Runs `push` for all targets at the same time, so that each blob of the source is read once for all of them. A failing
 * target does not stop the others.
 * @param push gets the source as this target has to read it
 * @returns results in the order of the targets
 * @throws AirgapError of the failed targets
 */
export async function pushToTargets<R>(
  targets: readonly Target[],
  source: Source,
  push: (target: Target, reader: SharedReader | undefined) => Promise<R>,
): Promise<readonly R[]> {
  const readers = readersFor(source, targets.length);
  const outcomes = await settle(targets, targets.length, async (target, index) => {
    const reader = readers[index];
    try {
      return await push(target, reader);
    } finally {
      reader?.close();
    }
  });
  const errors = outcomes.flatMap((outcome, index) =>
    'error' in outcome ? [targetError(targets, index, asAirgapError(outcome.error))] : [],
  );
  const interrupted = errors.find(({ code }) => code === 'interrupted');
  if (interrupted !== undefined) throw interrupted;
  if (errors.length > 0) throw combine(errors, `${errors.length} of ${targets.length} targets failed`);
  return outcomes.flatMap((outcome) => ('error' in outcome ? [] : [outcome.value]));
}

/** Returns the error of a target as a batch that names the target, unless it is the only one. */
function targetError(targets: readonly Target[], index: number, error: AirgapError): AirgapError {
  if (targets.length === 1 || error.code === 'interrupted') return error;
  const target = formatTarget(targets[index] as Target);
  if (error.causes.length > 0) return error.with({ target });
  return new AirgapError('several', 'the push failed', { target, causes: [error], cause: error });
}

/** Returns a shared reader for each target; none for a single target. */
export function readersFor(source: Source, targets: number): readonly SharedReader[] {
  if (targets < 2) return [];
  const shared = new SharedSource(source);
  return Array.from({ length: targets }, () => shared.reader());
}
