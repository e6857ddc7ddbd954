import { canonicalHubName } from '../../../base/docker-hub.ts';
import { AirgapError, combine } from '../../../base/errors.ts';
import { quoted } from '../../../base/printable.ts';
import { runStep } from '../../../base/step.ts';
import { wildcard } from '../../../base/wildcard.ts';
import { formatRepository, type Repository, tryParseRepository } from '../../../oci/reference.ts';
import { HIDDEN_CATALOG_HINT } from '../../../registry/catalog.ts';
import type { RegistryClient } from '../../../registry/client.ts';
import type { Context } from '../../../session/context.ts';
import type { RegistrySelection } from './selection.ts';

/** A selected repository. */
interface SelectedRepository {
  readonly repository: Repository;
  /** True if it was named by itself. */
  readonly isNamed: boolean;
}

/**
 * Returns the repositories of a registry that match. The catalogue is read only for patterns with `*`, and only if there is
 * no list in its place.
 * @throws AirgapError `usage` for a pattern that matches nothing, `reference-invalid`; those of the catalogue
 */
export async function selectRepositories(
  { emit }: Context,
  client: Pick<RegistryClient, 'catalog'>,
  { registry: host, repositories, repositoryList }: RegistrySelection,
): Promise<readonly SelectedRepository[]> {
  const registry = canonicalHubName(host);
  const selected = new Map<string, SelectedRepository>();
  const add = (repository: Repository, isNamed: boolean): void => {
    const name = formatRepository(repository);
    if (isNamed || !selected.has(name)) selected.set(name, { repository, isNamed });
  };
  const isPattern = (text: string): boolean => text.includes('*');
  for (const name of repositories) if (!isPattern(name)) add(repositoryOf(registry, name), true);
  const patterns = repositories.length === 0 ? ['*'] : repositories.filter(isPattern);
  if (patterns.length === 0) return [...selected.values()];
  const available =
    repositoryList === undefined
      ? await runStep(emit, `listing repositories of ${registry}`, () => client.catalog(registry))
      : repositoryList;
  const isCatalog = repositoryList === undefined;
  if (available.length === 0) {
    if (!isCatalog) throw new AirgapError('usage', 'the list of --repositories is empty');
    throw new AirgapError('unsupported', `${registry} lists no repositories`, {
      hint: `it may hide them: log in, or ${HIDDEN_CATALOG_HINT}`,
    });
  }
  const paths = available.map((name) => repositoryOf(registry, name));
  const errors = patterns.flatMap((pattern) => {
    const { test } = wildcard(pattern);
    const matching = paths.filter(({ path }) => test(path));
    for (const repository of matching) add(repository, !isCatalog);
    if (matching.length > 0) return [];
    return new AirgapError('usage', `--repository ${quoted(pattern)} matches no repository of ${registry}`, {
      hint: isCatalog
        ? `registries list only what the login may see; ${HIDDEN_CATALOG_HINT}`
        : 'check the pattern, and the names in --repositories',
    });
  });
  if (errors.length > 0) throw combine(errors, `${errors.length} patterns match no repository of ${registry}`);
  return [...selected.values()];
}

/**
 * Returns a repository of a registry. A name may begin with the registry, as in lists that other tools write.
 * @throws AirgapError `reference-invalid`
 */
function repositoryOf(registry: string, name: string): Repository {
  const path = name.startsWith(`${registry}/`) ? name.slice(registry.length + 1) : name;
  const repository = tryParseRepository(`${registry}/${path}`);
  if (repository?.registry === registry) return repository;
  throw new AirgapError('reference-invalid', `${quoted(name)} is not a valid repository of ${registry}`, {
    hint: 'write its path in lower case, without a tag, such as team/app',
  });
}
