import { AirgapError } from '../../base/errors.ts';
import { wildcard } from '../../base/wildcard.ts';
import { formatTarget, isUnderTarget, type Target, usesWrittenNames } from '../../naming/naming.ts';
import { formatReference, formatRepository, type Repository } from '../../oci/reference.ts';
import { referenceMatcher } from '../../oci/reference-matcher.ts';
import type { Pattern } from '../../search/selection.ts';
import { destinationOf } from '../push/destination.ts';
import { type RegistrySelection, type RepositoryImages, referenceOf } from './listing/index.ts';

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
 * Checks that no copy has a name that a selection of the same registry matches, because the next run would copy the copies.
 * @throws AirgapError `usage`
 */
export function assertNotSelected(
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
