import type { ECRPUBLICClient, Repository, RepositoryCatalogData } from '@aws-sdk/client-ecr-public';
import { count } from '../../base/count.ts';
import { type Emit, ignoreEvents } from '../../base/events.ts';
import { pool } from '../../base/pool.ts';
import { runStep } from '../../base/step.ts';
import { ECR_CONCURRENCY } from '../describe.ts';
import { awsError, errorName } from '../failures.ts';
import { ECR_PUBLIC_HOST } from '../hosts.ts';
import type { ReconciledRepository } from '../reconcile.ts';
import { type PublicRepositorySettings, tagList } from '../settings.ts';
import { changedCatalogData } from './catalog-data-input.ts';

/**
 * Updates repositories of ECR Public, by path, to the given settings; other settings are kept.
 * @throws AirgapError `forbidden`, `unauthorized`, `network`, `registry`
 */
export async function reconcilePublicRepositories(
  client: ECRPUBLICClient,
  repositories: ReadonlyMap<string, Repository>,
  settings: PublicRepositorySettings,
  emit: Emit = ignoreEvents,
): Promise<readonly ReconciledRepository[]> {
  const title = `updating the settings of ${count(repositories.size, 'repository', 'repositories')} in ${ECR_PUBLIC_HOST}`;
  const reconcile = async ([name, repository]: readonly [string, Repository]): Promise<ReconciledRepository> => {
    try {
      return { name, changes: await applySettings(client, repository, settings) };
    } catch (error) {
      throw awsError(`updating ${ECR_PUBLIC_HOST}/${name}`, error);
    }
  };
  const all = await runStep(
    emit,
    title,
    (advance) => pool([...repositories], ECR_CONCURRENCY, (repository) => reconcile(repository).finally(advance)),
    repositories.size,
  );
  return all.filter(({ changes }) => changes.length > 0);
}

async function applySettings(
  client: ECRPUBLICClient,
  { repositoryName = '', repositoryArn }: Repository,
  { catalogData, tags, repositoryPolicy }: PublicRepositorySettings,
): Promise<ReconciledRepository['changes']> {
  const { PutRepositoryCatalogDataCommand, TagResourceCommand } = await import('@aws-sdk/client-ecr-public');
  const changes: ReconciledRepository['changes'][number][] = [];
  if (catalogData !== undefined) {
    const changed = changedCatalogData(await presentCatalogData(client, repositoryName), catalogData);
    if (changed !== undefined) {
      await client.send(new PutRepositoryCatalogDataCommand({ repositoryName, catalogData: changed }));
      changes.push('catalog');
    }
  }
  if (tags !== undefined && repositoryArn !== undefined) {
    await client.send(new TagResourceCommand({ resourceArn: repositoryArn, tags: tagList(tags) }));
    changes.push('tags');
  }
  if (repositoryPolicy !== undefined) {
    await setPublicPolicy(client, repositoryName, repositoryPolicy);
    changes.push('policies');
  }
  return changes;
}

/** Returns the catalog data of a repository, empty if it has none. Throws the SDK's errors. */
export async function presentCatalogData(
  client: ECRPUBLICClient,
  repositoryName: string,
): Promise<RepositoryCatalogData> {
  const { GetRepositoryCatalogDataCommand } = await import('@aws-sdk/client-ecr-public');
  try {
    return (await client.send(new GetRepositoryCatalogDataCommand({ repositoryName }))).catalogData ?? {};
  } catch (error) {
    if (errorName(error) === 'RepositoryCatalogDataNotFoundException') return {};
    throw error;
  }
}

/** Sets the policy of a repository, replacing an existing one. Throws the SDK's errors. */
export async function setPublicPolicy(
  client: ECRPUBLICClient,
  repositoryName: string,
  policyText: string,
): Promise<void> {
  const { SetRepositoryPolicyCommand } = await import('@aws-sdk/client-ecr-public');
  await client.send(new SetRepositoryPolicyCommand({ repositoryName, policyText }));
}
