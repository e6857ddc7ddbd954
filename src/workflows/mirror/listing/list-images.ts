import { count } from '../../../base/count.ts';
import { AirgapError, asAirgapError, combine } from '../../../base/errors.ts';
import { settle } from '../../../base/pool.ts';
import { runStep } from '../../../base/step.ts';
import { compareText } from '../../../base/text-order.ts';
import { formatRepository, parseReference, type Repository } from '../../../oci/reference.ts';
import type { RegistryClient } from '../../../registry/client.ts';
import type { Context } from '../../../session/context.ts';
import { throwIfAborted } from '../../../transfer/wrap-error.ts';
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
  const named = entries.filter(({ rules }) => rules.size === 0);
  const ruled = entries.filter(({ rules }) => rules.size > 0);
  const listed = await listEach(context, ruled, concurrency, async ({ repository, lookups, rules, isNamed }) => {
    const allTags = await listTags(client, repository, isNamed);
    for (const rule of rules) for (const tag of await selector.select(repository, allTags, rule)) lookups.add(tag);
    return { repository, lookups: sortedNames(lookups), allTags };
  });
  if (shard === undefined || shard.count === 1) selector.checkMatches();
  selector.report();
  const empty = listed.flatMap(({ repository, allTags }) =>
    allTags?.size === 0 ? [formatRepository(repository)] : [],
  );
  if (empty.length > 0) {
    const listing = `${count(empty.length, 'repository', 'repositories')} in the catalogue without tags for this login`;
    context.emit({ type: 'note', message: `left out ${listing}, such as ${empty[0]}` });
  }
  return [...named.map(({ repository, lookups }) => ({ repository, lookups: sortedNames(lookups) })), ...listed]
    .filter(({ lookups }) => lookups.length > 0)
    .sort((a, b) => compareText(formatRepository(a.repository), formatRepository(b.repository)));
}

/** Lists repositories as one step of the run. @throws AirgapError with all that failed; `interrupted` */
async function listEach(
  { emit, signal }: Context,
  repositories: readonly Wanted[],
  concurrency: number,
  list: (wanted: Wanted) => Promise<RepositoryImages>,
): Promise<readonly RepositoryImages[]> {
  if (repositories.length === 0) return [];
  const countOf = (number: number): string => count(number, 'repository', 'repositories');
  const outcomes = await runStep(
    emit,
    `listing tags of ${countOf(repositories.length)}`,
    (advance) =>
      settle(repositories, concurrency, (wanted) => {
        throwIfAborted(signal);
        return list(wanted).finally(advance);
      }),
    repositories.length,
  );
  throwIfAborted(signal);
  const errors = outcomes.flatMap((outcome) => ('value' in outcome ? [] : [asAirgapError(outcome.error)]));
  // An expression that takes too long, the same for all repositories.
  const wrongUse = errors.find(({ code }) => code === 'usage');
  if (wrongUse !== undefined) throw wrongUse;
  if (errors.length > 0) throw combine(errors, `the tags of ${countOf(errors.length)} could not be listed`);
  return outcomes.flatMap((outcome) => ('value' in outcome ? [outcome.value] : []));
}

/**
 * Lists the tags of a repository; none of one that the catalogue still has although its content was deleted.
 * @throws AirgapError `image-not-found` for a named repository without tags; those of the registry
 */
async function listTags(
  client: Pick<RegistryClient, 'tags'>,
  repository: Repository,
  isNamed: boolean,
): Promise<ReadonlySet<string>> {
  try {
    const tags = await client.tags(repository);
    if (isNamed && tags.size === 0) {
      throw new AirgapError('image-not-found', 'the repository has no tags', { subject: formatRepository(repository) });
    }
    return tags;
  } catch (error) {
    if (!isNamed && error instanceof AirgapError && error.code === 'image-not-found') return new Set();
    throw error;
  }
}
