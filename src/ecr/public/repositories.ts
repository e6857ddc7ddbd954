import type { ECRPUBLICClient, Repository } from '@aws-sdk/client-ecr-public';
import { count } from '../../base/count.ts';
import { AirgapError } from '../../base/errors.ts';
import { ignoreEvents } from '../../base/events.ts';
import { runStep } from '../../base/step.ts';
import { ecrPublicClient, withClient } from '../connection.ts';
import { createRepositories } from '../create.ts';
import { describeRepositories } from '../describe.ts';
import { ECR_PUBLIC_HOST } from '../hosts.ts';
import { checkRepositoryNames } from '../names.ts';
import type { EcrOptions } from '../options.ts';
import type { EnsuredRepositories, RepositoryStatus } from '../repositories.ts';
import { overlaid, type PublicRepositorySettings, tagList } from '../settings.ts';
import { checkAliases, splitPublicPath } from './aliases.ts';
import { catalogDataInput } from './catalog-data-input.ts';
import { reconcilePublicRepositories, setPublicPolicy } from './reconcile.ts';

/** Maximum characters of a name without alias (API reference, CreateRepository). */
const MAX_LENGTH = 205;

interface PublicEnsureOptions extends EcrOptions {
  readonly settings: PublicRepositorySettings;
  /** Further settings of single new repositories, by path; `settings` take precedence. */
  readonly creation?: ReadonlyMap<string, PublicRepositorySettings>;
  /** True to update existing repositories to the settings. */
  readonly reconcile: boolean;
}

/** Status of the repositories, by path at public.ecr.aws. */
interface Checked extends Pick<RepositoryStatus, 'existing' | 'missing'> {
  readonly described: ReadonlyMap<string, Repository>;
}

/**
 * Returns the status of repositories at public.ecr.aws without changing anything.
 * @param paths with the alias of the registry
 * @throws AirgapError `usage` for paths outside of the caller's registry, `reference-invalid`, `unauthorized`,
 * `forbidden`, `network`, `registry`, `interrupted`
 */
export function findPublicRepositories(paths: readonly string[], options: EcrOptions): Promise<RepositoryStatus> {
  return withRegistry(paths, options, async (_, { existing, missing }) => ({ existing, missing, onPush: [] }));
}

/**
 * Ensures that every repository exists.
 * @throws AirgapError as `findPublicRepositories`; `forbidden` with the missing repositories when they may not be created
 */
export function ensurePublicRepositories(
  paths: readonly string[],
  options: PublicEnsureOptions,
): Promise<EnsuredRepositories> {
  const { settings, creation, reconcile, emit } = options;
  const settingsOf = (path: string): PublicRepositorySettings => overlaid(creation?.get(path), settings);
  return withRegistry(paths, options, async (client, { existing, missing, described }) => {
    const created = await createRepositories(ECR_PUBLIC_HOST, missing, requestsOf(client, settingsOf), options);
    const reconciled = reconcile ? await reconcilePublicRepositories(client, described, settings, emit) : [];
    const others = missing.filter((path) => !created.includes(path));
    return { existing: [...existing, ...others], onPush: [], created, reconciled };
  });
}

/** Checks paths, aliases and repositories in this order, and does work with the result. */
async function withRegistry<R>(
  paths: readonly string[],
  options: EcrOptions,
  work: (client: ECRPUBLICClient, checked: Checked) => Promise<R>,
): Promise<R> {
  const unique = [...new Set(paths)];
  return withClient(ecrPublicClient(options), options, async (client) => {
    const title = `checking ${count(unique.length, 'repository', 'repositories')} in ${ECR_PUBLIC_HOST}`;
    const checked = await runStep(options.emit ?? ignoreEvents, title, async () => {
      await checkAliases(client, unique);
      return checkRepositories(client, unique);
    });
    return work(client, checked);
  });
}

async function checkRepositories(client: ECRPUBLICClient, paths: readonly string[]): Promise<Checked> {
  const aliasAlone = paths.find((path) => splitPublicPath(path).name === '');
  if (aliasAlone !== undefined) {
    throw new AirgapError('usage', `${ECR_PUBLIC_HOST}/${aliasAlone} is a registry, not a repository`, {
      hint: `add the name of a repository: --to ${ECR_PUBLIC_HOST}/${aliasAlone}/NAME`,
    });
  }
  const names = [...new Set(paths.map((path) => splitPublicPath(path).name))];
  checkRepositoryNames(ECR_PUBLIC_HOST, names, MAX_LENGTH);
  const { DescribeRepositoriesCommand } = await import('@aws-sdk/client-ecr-public');
  const described =
    names.length === 0
      ? new Map<string, Repository>()
      : await describeRepositories<Repository>(
          ECR_PUBLIC_HOST,
          (input) => client.send(new DescribeRepositoriesCommand(input)),
          names,
        );
  const byPath = new Map(
    paths.flatMap((path) => {
      const repository = described.get(splitPublicPath(path).name);
      return repository === undefined ? [] : [[path, repository] as const];
    }),
  );
  return { existing: [...byPath.keys()], missing: paths.filter((path) => !byPath.has(path)), described: byPath };
}

function requestsOf(
  client: ECRPUBLICClient,
  settingsOf: (path: string) => PublicRepositorySettings,
): Parameters<typeof createRepositories>[2] {
  return {
    async create(path) {
      const { CreateRepositoryCommand } = await import('@aws-sdk/client-ecr-public');
      const { tags, catalogData } = settingsOf(path);
      const input = {
        repositoryName: splitPublicPath(path).name,
        ...(catalogData && { catalogData: catalogDataInput(catalogData) }),
        ...(tags && { tags: tagList(tags) }),
      };
      return client.send(new CreateRepositoryCommand(input));
    },
    async setPolicies(path) {
      const { repositoryPolicy } = settingsOf(path);
      if (repositoryPolicy !== undefined) await setPublicPolicy(client, splitPublicPath(path).name, repositoryPolicy);
    },
  };
}
