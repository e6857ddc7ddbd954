import { count } from '../../../base/count.ts';
import { AirgapError, asAirgapError, combine } from '../../../base/errors.ts';
import { settle } from '../../../base/pool.ts';
import { runStep } from '../../../base/step.ts';
import { formatRepository, parseReference, type Repository } from '../../../oci/reference.ts';
import type { RegistryClient } from '../../../registry/client.ts';
import type { Context } from '../../../session/context.ts';
import { lookupOf, sortedNames } from './references.ts';
import { selectRepositories } from './repositories.ts';
import type { ListOptions, RepositoryImages, TagRules } from './selection.ts';
import { isInShard } from './shard.ts';
import { TagSelector } from './tags.ts';

/** What is wanted of one repository, from all sources. */
interface Wanted {
  readonly repository: Repository;
  readonly lookups: Set<string>;
  readonly rules: Set<TagRules>;
  /** True if it must exist: it was named, and not found in a list. */
  isNamed: boolean;
}

/**
 * Lists the images of lists, registries and files of `skopeo sync`, each repository once. Nothing but lists is read, and for
 * `newerThan` manifests and configs.
 * @throws AirgapError `usage` for a pattern that matches nothing, `reference-invalid`; those of the registry
 */
export async function listImages(
  context: Context,
  client: Pick<RegistryClient, 'catalog' | 'tags' | 'head' | 'manifest' | 'blob'>,
  options: ListOptions,
): Promise<readonly RepositoryImages[]> {
  const wanted = new Map<string, Wanted>();
  const want = (repository: Repository, isNamed: boolean): Wanted => {
    const name = formatRepository(repository);
    const entry = wanted.get(name) ?? { repository, lookups: new Set(), rules: new Set(), isNamed };
    entry.isNamed ||= isNamed;
    wanted.set(name, entry);
    return entry;
  };
  for (const text of options.images) {
    const reference = parseReference(text);
    const { registry, path } = reference;
    want({ registry, path }, true).lookups.add(lookupOf(reference));
  }
  for (const { repository, lookups, rules } of options.repositories) {
    const entry = want(repository, true);
    for (const lookup of lookups) entry.lookups.add(lookup);
    if (rules !== undefined) entry.rules.add(rules);
  }
  for (const selection of options.registries) {
    for (const { repository, isNamed } of await selectRepositories(context, client, selection)) {
      want(repository, isNamed).rules.add(selection);
    }
  }
  const { shard, concurrency } = options;
  const entries = [...wanted.values()].filter(({ repository }) => shard === undefined || isInShard(repository, shard));
  const selector = new TagSelector(context, client, concurrency);
  const listed = entries.filter(({ rules }) => rules.size > 0);
  const outcomes = await runStep(
    context.emit,
    `listing tags of ${count(listed.length, 'repository', 'repositories')}`,
    (advance) =>
      settle(entries, concurrency, async (entry): Promise<RepositoryImages> => {
        const { repository, lookups, rules, isNamed } = entry;
        if (rules.size === 0) return { repository, lookups: sortedNames(lookups) };
        const allTags = await listTags(client, repository, isNamed);
        for (const rule of rules) for (const tag of await selector.select(repository, allTags, rule)) lookups.add(tag);
        advance();
        return { repository, lookups: sortedNames(lookups), allTags };
      }),
    listed.length,
  );
  const errors = outcomes.flatMap((outcome) => ('value' in outcome ? [] : [asAirgapError(outcome.error)]));
  if (errors.length > 0)
    throw combine(errors, `the tags of ${count(errors.length, 'repository', 'repositories')} could not be listed`);
  if (shard === undefined || shard.count === 1) selector.checkPatterns();
  selector.report();
  return outcomes
    .flatMap((outcome) => ('value' in outcome && outcome.value.lookups.length > 0 ? [outcome.value] : []))
    .sort((a, b) => (formatRepository(a.repository) < formatRepository(b.repository) ? -1 : 1));
}

/** Lists the tags of a repository; none of one that the catalogue still has although its content was deleted. */
async function listTags(
  client: Pick<RegistryClient, 'tags'>,
  repository: Repository,
  isNamed: boolean,
): Promise<ReadonlySet<string>> {
  try {
    return await client.tags(repository);
  } catch (error) {
    if (!isNamed && error instanceof AirgapError && error.code === 'image-not-found') return new Set();
    throw error;
  }
}
