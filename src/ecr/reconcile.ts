import type { ECRClient, Repository } from '@aws-sdk/client-ecr';
import { count } from '../base/count.ts';
import { type Emit, ignoreEvents } from '../base/events.ts';
import { pool } from '../base/pool.ts';
import { runStep } from '../base/step.ts';
import { registryIdInput } from './connection.ts';
import { ECR_CONCURRENCY } from './describe.ts';
import { awsError } from './failures.ts';
import type { EcrHost } from './hosts.ts';
import { mutabilityOf, type RepositorySettings, tagList } from './settings.ts';

/** Existing repository, and the settings that were changed. */
export interface ReconciledRepository {
  readonly name: string;
  readonly changes: readonly ('mutability' | 'scan' | 'tags' | 'policies' | 'catalog')[];
}

/**
 * Updates repositories to the given settings; other settings are kept. Encryption cannot be changed after creation, so
 * a difference is a warning.
 * @throws AirgapError `forbidden`, `unauthorized`, `network`, `registry`
 */
export async function reconcileRepositories(
  client: ECRClient,
  host: EcrHost,
  repositories: readonly Repository[],
  settings: RepositorySettings,
  emit: Emit = ignoreEvents,
): Promise<readonly ReconciledRepository[]> {
  const title = `updating the settings of ${count(repositories.length, 'repository', 'repositories')} in ${host.host}`;
  const reconcile = async (repository: Repository): Promise<ReconciledRepository> => {
    const { repositoryName: name = '', encryptionConfiguration } = repository;
    if (settings.kmsKey !== undefined && encryptionConfiguration?.encryptionType !== 'KMS') {
      const message = `${name} is not encrypted with KMS; encryption cannot be changed after creation, so the repository would have to be recreated`;
      emit({ type: 'warning', message });
    }
    try {
      return { name, changes: await applySettings(client, host, repository, settings) };
    } catch (error) {
      throw awsError(`updating ${name} at ${host.host}`, error);
    }
  };
  const all = await runStep(
    emit,
    title,
    (advance) => pool(repositories, ECR_CONCURRENCY, (repository) => reconcile(repository).finally(advance)),
    repositories.length,
  );
  return all.filter(({ changes }) => changes.length > 0);
}

async function applySettings(
  client: ECRClient,
  host: EcrHost,
  repository: Repository,
  settings: RepositorySettings,
): Promise<ReconciledRepository['changes']> {
  const { PutImageScanningConfigurationCommand, PutImageTagMutabilityCommand, TagResourceCommand } = await import(
    '@aws-sdk/client-ecr'
  );
  const { repositoryName = '', repositoryArn } = repository;
  const repositoryInput = { ...registryIdInput(host), repositoryName };
  const changes: ReconciledRepository['changes'][number][] = [];
  const mutability = mutabilityOf(settings);
  if (mutability !== undefined && !hasMutability(repository, mutability)) {
    const { imageTagMutability, imageTagMutabilityExclusionFilters } = mutability;
    await client.send(
      new PutImageTagMutabilityCommand({
        ...repositoryInput,
        imageTagMutability,
        imageTagMutabilityExclusionFilters,
      }),
    );
    changes.push('mutability');
  }
  const { scanOnPush, tags } = settings;
  if (scanOnPush !== undefined && repository.imageScanningConfiguration?.scanOnPush !== scanOnPush) {
    await client.send(
      new PutImageScanningConfigurationCommand({ ...repositoryInput, imageScanningConfiguration: { scanOnPush } }),
    );
    changes.push('scan');
  }
  if (tags !== undefined && repositoryArn !== undefined) {
    await client.send(new TagResourceCommand({ resourceArn: repositoryArn, tags: tagList(tags) }));
    changes.push('tags');
  }
  if (settings.lifecyclePolicy !== undefined || settings.repositoryPolicy !== undefined) {
    await setPolicies(client, host, repositoryName, settings);
    changes.push('policies');
  }
  return changes;
}

function hasMutability(repository: Repository, expected: NonNullable<ReturnType<typeof mutabilityOf>>): boolean {
  const filters = (list: Repository['imageTagMutabilityExclusionFilters'] = []): string =>
    JSON.stringify(list.map(({ filter }) => filter).sort());
  return (
    repository.imageTagMutability === expected.imageTagMutability &&
    filters(repository.imageTagMutabilityExclusionFilters) === filters(expected.imageTagMutabilityExclusionFilters)
  );
}

/** Sets the configured policies, replacing existing ones. Throws the SDK's errors. */
export async function setPolicies(
  client: ECRClient,
  host: EcrHost,
  repositoryName: string,
  { lifecyclePolicy, repositoryPolicy }: RepositorySettings,
): Promise<void> {
  const { PutLifecyclePolicyCommand, SetRepositoryPolicyCommand } = await import('@aws-sdk/client-ecr');
  const repositoryInput = { ...registryIdInput(host), repositoryName };
  if (lifecyclePolicy !== undefined) {
    await client.send(new PutLifecyclePolicyCommand({ ...repositoryInput, lifecyclePolicyText: lifecyclePolicy }));
  }
  if (repositoryPolicy !== undefined) {
    await client.send(new SetRepositoryPolicyCommand({ ...repositoryInput, policyText: repositoryPolicy }));
  }
}
