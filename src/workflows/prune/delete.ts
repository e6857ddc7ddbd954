import type { AirgapError } from '../../base/errors.ts';
import { pool } from '../../base/pool.ts';
import { runStep } from '../../base/step.ts';
import type { PruneEntry, PruneList, PruneOutcome, PruneReceipt } from '../../inventory/prune-list.ts';
import { pruneReceipt } from '../../inventory/prune-list.ts';
import type { PodContext } from '../../kubernetes/pods.ts';
import type { Target } from '../../naming/naming.ts';
import type { Repository } from '../../oci/reference.ts';
import { tryParseRepository } from '../../oci/reference.ts';
import type { RegistryUse } from '../../session/connect.ts';
import type { Context } from '../../session/context.ts';
import { type DeletedEntries, type DeletionRun, deleteInRepository } from './delete-repository.ts';
import { type KeepOptions, readKept } from './plan.ts';
import { EcrRemover, RegistryRemover } from './remover.ts';
import { openRegistry } from './repositories.ts';

export interface DeleteOptions extends KeepOptions, RegistryUse {
  readonly list: PruneList;
  /** Name of the list, for the receipt. */
  readonly listName: string;
  /** Target of the list, with the naming by which `keep` is mapped. */
  readonly target: Target;
  /** Asks everything and deletes nothing. */
  readonly isDryRun: boolean;
  readonly now: () => Date;
}

/** What became of a list. */
export interface PruneDeletion {
  /** `REGISTRY[/PREFIX]`. */
  readonly target: string;
  readonly isDryRun: boolean;
  /** In the order of the list. */
  readonly outcomes: readonly PruneOutcome[];
  readonly receipt: PruneReceipt;
  /** What could not be deleted, and why the run stopped. */
  readonly errors: readonly AirgapError[];
}

/** Repositories in which is deleted at the same time. */
const REPOSITORIES = 4;

/**
 * Deletes what a list names, after asking the registry for each entry again. What is not listed stays, with everything that it
 * needs; what `keep` and `pods` name stays too.
 * @returns what became of each entry, also if the registry refused or the run was interrupted
 * @throws AirgapError of reading what to keep, before anything is deleted
 */
export async function deletePruned(context: Context & PodContext, options: DeleteOptions): Promise<PruneDeletion> {
  const { list, listName, target, access, concurrency, isDryRun, now } = options;
  const started = now();
  const kept = await readKept(context, options, target);
  const registry = openRegistry(context, target.registry, access);
  const { client, images } = registry;
  const run: DeletionRun = { signal: context.signal, now };
  const source = {
    client,
    ...(images && { images }),
    signal: context.signal,
    concurrency: Math.max(1, Math.ceil(concurrency / REPOSITORIES)),
  };
  const work = ([name, entries]: readonly [string, readonly PruneEntry[]]): Promise<DeletedEntries> => {
    const repository = tryParseRepository(name) as Repository;
    const remover = images === undefined ? new RegistryRemover(client, repository) : new EcrRemover(images, repository);
    const keeping = { kept: kept.rootsIn(repository), probes: kept.probesIn(repository) };
    return deleteInRepository(run, name, entries, { source, remover, ...keeping, isDryRun });
  };
  try {
    const [first, ...others] = Map.groupBy(list.entries, ({ repository }) => repository);
    const total = list.entries.length;
    const title = `${isDryRun ? 'checking' : 'deleting'} what ${listName} names`;
    const deleted = await runStep(
      context.emit,
      title,
      async (advance) => {
        const counted = async (group: readonly [string, readonly PruneEntry[]]): Promise<DeletedEntries> => {
          const result = await work(group);
          for (const _ of group[1]) advance();
          return result;
        };
        // A registry that refuses everything is asked once.
        return first === undefined ? [] : [await counted(first), ...(await pool(others, REPOSITORIES, counted))];
      },
      total,
    );
    const outcomes = sortAs(
      list.entries,
      deleted.flatMap((one) => one.outcomes),
    );
    const errors = deleted.flatMap((one) => one.errors);
    const { stoppedBy } = run;
    return {
      target: list.target,
      isDryRun,
      outcomes,
      receipt: pruneReceipt({
        target: list.target,
        list: listName,
        started: started.toISOString(),
        finished: now().toISOString(),
        entries: outcomes,
      }),
      errors: stoppedBy === undefined || errors.includes(stoppedBy) ? errors : [...errors, stoppedBy],
    };
  } finally {
    await registry.close();
  }
}

function sortAs(entries: readonly PruneEntry[], outcomes: readonly PruneOutcome[]): readonly PruneOutcome[] {
  const key = ({ repository, tag, digest }: Pick<PruneEntry, 'repository' | 'tag' | 'digest'>): string =>
    `${repository} ${tag ?? digest}`;
  const byKey = new Map(outcomes.map((outcome) => [key(outcome), outcome]));
  return entries.flatMap((entry) => byKey.get(key(entry)) ?? []);
}
