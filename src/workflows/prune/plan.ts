import { count } from '../../base/count.ts';
import { AirgapError } from '../../base/errors.ts';
import { pool } from '../../base/pool.ts';
import { runStep } from '../../base/step.ts';
import type { PruneEntry } from '../../inventory/prune-list.ts';
import type { PodContext } from '../../kubernetes/pods.ts';
import { formatTarget, type Target } from '../../naming/naming.ts';
import { formatRepository, type Repository } from '../../oci/reference.ts';
import type { RegistryUse } from '../../session/connect.ts';
import type { Context } from '../../session/context.ts';
import { candidatesOf } from './candidates.ts';
import { type FilledEvidence, filledRepositories } from './filled.ts';
import { type JudgedRepository, judgeRepository } from './judge-repository.ts';
import { Kept } from './kept.ts';
import { type KeepFile, keepFiles } from './kept-files.ts';
import { keepPods } from './kept-pods.ts';
import { openRegistry, type PruneRegistry, repositoriesUnder } from './repositories.ts';
import { Sizes } from './sizes.ts';

/** What must stay. */
export interface KeepOptions {
  /** Bundles and lock files. */
  readonly keep: readonly KeepFile[];
  /** Pods of a cluster, as `kubectl get pods -A -o json` writes them; `-` for standard input. */
  readonly pods?: string;
}

export interface PlanOptions extends KeepOptions, RegistryUse {
  readonly target: Target;
  readonly filled: FilledEvidence;
  /** Names of repositories, for a registry that does not list them. */
  readonly repositories?: string;
  /** Includes repositories that this tool did not fill. */
  readonly includeForeign: boolean;
  readonly now: () => Date;
}

/** What nothing needs at a target. Nothing was deleted. */
export interface PrunePlan {
  /** `REGISTRY[/PREFIX]`. */
  readonly target: string;
  readonly chartPrefix?: string;
  /** When the registry was read, in ISO 8601. */
  readonly created: string;
  readonly entries: readonly PruneEntry[];
  /** What the entries are, each once; bytes that nothing else needs, each blob once. */
  readonly totals: { readonly tags: number; readonly manifests: number; readonly bytes: number };
  /** Repositories that were read, and tags in them that stay. */
  readonly examined: { readonly repositories: number; readonly tags: number };
  /** Repositories that this tool did not fill. They were not read. */
  readonly foreign: readonly string[];
  /** Repositories that could not be read in full. Everything in them stays. */
  readonly unread: readonly { readonly repository: string; readonly error: AirgapError }[];
  /** True if the registry tells which manifests have no tag. */
  readonly listsUntagged: boolean;
}

/** Repositories that are read at the same time. */
const REPOSITORIES = 4;

/**
 * Finds what stands under the prefix of a target and in none of the kept bundles and lock files, nor in a running Pod. Deletes
 * nothing.
 * @throws AirgapError of reading the files; of listing the repositories; `interrupted`
 */
export async function planPrune(context: Context & PodContext, options: PlanOptions): Promise<PrunePlan> {
  const { target, access, concurrency, now } = options;
  const created = now();
  const kept = await readKept(context, options, target);
  const isFilled = await filledRepositories(kept, options.filled, target, context.emit);
  const registry = openRegistry(context, target.registry, access);
  try {
    const all = await runStep(context.emit, `listing the repositories of ${target.registry}`, () =>
      repositoriesUnder(registry, target, options.repositories),
    );
    const isOurs = ({ path }: Repository): boolean => options.includeForeign || isFilled(path);
    const own = all.filter(isOurs);
    const foreign = all.filter((repository) => !isOurs(repository)).map(formatRepository);
    const judged = await judgeAll(context, registry, own, concurrency, kept, created);
    checkKept(context, kept, judged, target);
    return { ...summarize(judged, registry), ...names(target), created: created.toISOString(), foreign };
  } finally {
    await registry.close();
  }
}

function names(target: Target): Pick<PrunePlan, 'target' | 'chartPrefix'> {
  const { chartPrefix } = target;
  return { target: formatTarget(target), ...(chartPrefix !== undefined && { chartPrefix }) };
}

/** Reads what must stay. */
export async function readKept(
  context: Context & PodContext,
  { keep, pods }: KeepOptions,
  target: Target,
): Promise<Kept> {
  const kept = new Kept();
  await keepFiles(kept, keep, target, context.emit);
  if (pods !== undefined) await keepPods(kept, context, pods, target);
  return kept;
}

/**
 * Checks that what is kept stands at the target: with another naming or prefix than that of the push, all would seem unneeded.
 * @throws AirgapError `usage` if nothing of it does
 */
function checkKept({ emit }: Context, kept: Kept, judged: readonly JudgedRepository[], target: Target): void {
  const tags = new Map(judged.map(({ relations: { content } }) => [content.repository.path, content.tags]));
  const { files, isAll } = kept.absentFiles((path, tag) => tags.get(path)?.has(tag) ?? false);
  const hasAny = judged.some(({ relations: { content } }) => content.tags.size > 0);
  if (isAll && hasAny) {
    throw new AirgapError('usage', `nothing of ${files.join(', ')} stands at ${formatTarget(target)}`, {
      hint: 'use the prefix, --naming, --naming-rule and --chart-prefix of the push; push what is to be kept before you prune',
    });
  }
  for (const file of files) {
    emit({
      type: 'warning',
      message: `nothing of ${file} stands at ${formatTarget(target)}: was it pushed with another naming?`,
    });
  }
}

async function judgeAll(
  { emit, signal }: Context,
  { client, images }: PruneRegistry,
  repositories: readonly Repository[],
  concurrency: number,
  kept: Kept,
  now: Date,
): Promise<readonly JudgedRepository[]> {
  const source = {
    client,
    ...(images && { images }),
    signal,
    concurrency: Math.max(1, Math.ceil(concurrency / REPOSITORIES)),
  };
  const title = `reading ${count(repositories.length, 'repository', 'repositories')}`;
  return runStep(
    emit,
    title,
    (advance) =>
      pool(repositories, REPOSITORIES, async (repository) => {
        const judged = await judgeRepository(source, repository, kept, now);
        advance();
        return judged;
      }),
    repositories.length,
  );
}

function summarize(
  judged: readonly JudgedRepository[],
  { images }: PruneRegistry,
): Omit<PrunePlan, 'target' | 'created' | 'foreign' | 'chartPrefix'> {
  const readable = judged.filter(({ relations }) => relations.content.problem === undefined);
  const sizes = new Sizes(judged);
  const entries = readable.flatMap(({ relations, staying }): PruneEntry[] => {
    const repository = formatRepository(relations.content.repository);
    return candidatesOf(relations, staying).map((candidate) => ({
      repository,
      ...(candidate.tag !== undefined && { tag: candidate.tag }),
      digest: candidate.digest,
      size: sizes.of(relations, candidate.digest),
      ...(candidate.pushed !== undefined && { pushed: candidate.pushed }),
      reason: candidate.reason,
      ...(candidate.of !== undefined && { of: candidate.of }),
    }));
  });
  const leaving = entries.filter(({ reason }) => reason !== 'tag-only');
  return {
    entries,
    totals: {
      tags: entries.filter(({ tag }) => tag !== undefined).length,
      manifests: new Set(leaving.map(({ repository, digest }) => `${repository}@${digest}`)).size,
      bytes: sizes.total(),
    },
    examined: {
      repositories: judged.length,
      tags: judged.reduce((sum, { staying }) => sum + staying.tags.size, 0),
    },
    unread: judged.flatMap(({ relations: { content } }) =>
      content.problem === undefined
        ? []
        : [{ repository: formatRepository(content.repository), error: content.problem }],
    ),
    listsUntagged: images !== undefined,
  };
}
