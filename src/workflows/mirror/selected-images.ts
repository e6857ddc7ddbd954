import { existsSync } from 'node:fs';
import { AirgapError } from '../../base/errors.ts';
import { wildcard } from '../../base/wildcard.ts';
import { formatTarget, isUnderTarget, type Target, targetRepository, usesWrittenNames } from '../../naming/naming.ts';
import { formatReference, formatRepository, type Repository } from '../../oci/reference.ts';
import { referenceMatcher } from '../../oci/reference-matcher.ts';
import type { RegistryClient } from '../../registry/client.ts';
import { directRoute, type Mirror, mirrorRoutes } from '../../registry/routes.ts';
import type { Pattern } from '../../search/selection.ts';
import type { Context } from '../../session/context.ts';
import { destinationOf } from '../push/destination.ts';
import {
  isInShard,
  listImages,
  type RegistrySelection,
  type RepositoryImages,
  referenceOf,
  type Shard,
} from './listing/index.ts';
import type { ListedSources } from './options.ts';

/**
 * Returns the images of the plan if it exists; otherwise lists them, and writes the plan.
 * @throws AirgapError `usage` if there are none, or if sources and targets overlap
 */
export async function selectImages(
  context: Context,
  client: RegistryClient,
  { plan, isPlanWritten = true, exclude, ...lists }: ListedSources,
  targets: readonly Target[],
): Promise<readonly RepositoryImages[]> {
  const { images, registries, repositories: selected, shard } = lists;
  const isPlanned = plan !== undefined && existsSync(plan);
  const isSelected = images.length + registries.length + selected.length > 0;
  if (isPlanned) {
    if (isSelected)
      context.emit({ type: 'note', message: `${plan} exists: its tags are copied, and nothing is selected` });
  } else if (plan !== undefined && shard !== undefined) {
    throw new AirgapError('usage', `--plan ${plan} does not exist, and the runs of several shards would all write it`, {
      hint: 'write it first with --list and without --shard',
    });
  } else if (!isSelected) {
    throw new AirgapError('usage', `--plan ${plan} does not exist, and nothing says what to select for it`, {
      hint: 'check the path, or give --image, --images, --skopeo-sync or --from',
    });
  }
  const repositories = isPlanned
    ? withoutExcluded(context, await plannedImages(plan, shard), exclude, false)
    : withoutExcluded(context, await listImages(context, client, lists), exclude, shard === undefined);
  assertApart(
    targets,
    repositories.map(({ repository }) => repository),
  );
  if (!isPlanned) assertNotSelected(targets, repositories, registries, exclude);
  if (plan !== undefined && !isPlanned && isPlanWritten) {
    const { writeMirrorPlan } = await import('../../inventory/mirror-plan.ts');
    await writeMirrorPlan(plan, repositories);
  }
  return repositories;
}

/**
 * Leaves out references that match a pattern.
 * @param isComplete warns of patterns that match nothing: neither another shard nor the selection for a plan has used them
 * @throws AirgapError `usage` if nothing is left
 */
function withoutExcluded(
  { emit }: Context,
  repositories: readonly RepositoryImages[],
  exclude: readonly Pattern[],
  isComplete: boolean,
): readonly RepositoryImages[] {
  const patterns = exclude.map(({ pattern }) => ({ pattern, matches: referenceMatcher(pattern), isUsed: false }));
  const isKept = (reference: string): boolean => {
    const found = patterns.filter(({ matches }) => matches(reference));
    for (const pattern of found) pattern.isUsed = true;
    return found.length === 0;
  };
  const kept = repositories.map(({ repository, lookups, ...rest }) => ({
    ...rest,
    repository,
    lookups: lookups.filter((lookup) => isKept(formatReference(referenceOf(repository, lookup)))),
  }));
  const left = kept.filter(({ lookups }) => lookups.length > 0);
  if (!isComplete) return left;
  for (const { pattern, isUsed } of patterns) {
    if (!isUsed) emit({ type: 'warning', message: `--exclude ${pattern} matches nothing that was found` });
  }
  if (left.length > 0 || repositories.length === 0) return left;
  throw new AirgapError('usage', '--exclude leaves out everything', { hint: 'check the patterns; * matches any text' });
}

async function plannedImages(plan: string, shard: Shard | undefined): Promise<readonly RepositoryImages[]> {
  const { readMirrorPlan } = await import('../../inventory/mirror-plan.ts');
  const planned = await readMirrorPlan(plan);
  return shard === undefined ? planned : planned.filter(({ repository }) => isInShard(repository, shard));
}

/** Checks that nothing is copied onto itself, and that no copy is a source of the next run. @throws AirgapError `usage` */
export function assertApart(targets: readonly Target[], sources: readonly Repository[]): void {
  for (const target of targets) {
    const source = sources.find((repository) => isUnderTarget(target, repository));
    if (source === undefined) continue;
    throw new AirgapError(
      'usage',
      `${formatRepository(source)} is a source, and lies under the target ${formatTarget(target)}`,
      {
        hint: 'choose another target or prefix, or leave out these repositories',
      },
    );
  }
}

/**
 * Checks that no copy is read in place of its source: it would always be up to date.
 * @throws AirgapError `usage`
 */
export function assertNotMirrors(
  targets: readonly Target[],
  sources: readonly Repository[],
  mirrors: readonly Mirror[],
): void {
  for (const source of mirrors.length === 0 ? [] : sources) {
    const read = mirrorRoutes(mirrors, directRoute(source)).map(({ actual }) => formatRepository(actual));
    const copy = targets
      .map((target) => formatRepository(targetRepository(target, source)))
      .find((name) => read.includes(name));
    if (copy === undefined) continue;
    throw new AirgapError('usage', `${formatRepository(source)} is read from ${copy}, which would be its copy`, {
      hint: 'leave out this --mirror, or choose another target',
    });
  }
}

/**
 * Checks that no copy has a name that a selection of the same registry matches, because the next run would copy the copies.
 * @throws AirgapError `usage`
 */
function assertNotSelected(
  targets: readonly Target[],
  repositories: readonly RepositoryImages[],
  selections: readonly RegistrySelection[],
  exclude: readonly Pattern[],
): void {
  const excluders = exclude.map(({ pattern }) => referenceMatcher(pattern));
  for (const { registry, repositories: patterns, repositoryList } of selections) {
    if (repositoryList !== undefined) continue;
    const matchers = (patterns.length === 0 ? ['*'] : patterns).map(wildcard);
    for (const target of targets.filter((target) => target.registry === registry && !usesWrittenNames(target))) {
      const copies = repositories.flatMap(({ repository, lookups }) =>
        lookups.slice(0, 1).map((lookup) => destinationOf(target, referenceOf(repository, lookup))),
      );
      const copy = copies.find(
        (copy) =>
          matchers.some(({ test }) => test(copy.path)) && !excluders.some((matches) => matches(formatReference(copy))),
      );
      if (copy === undefined) continue;
      throw new AirgapError('usage', `${formatRepository(copy)} would be a copy, and a source of the next run`, {
        hint: 'choose a target that --repository does not select, or leave out the copies with --exclude',
      });
    }
  }
}
