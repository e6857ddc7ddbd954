import type { ECRClient } from '@aws-sdk/client-ecr';
import { registryIdInput } from './connection.ts';
import type { EcrHost } from './hosts.ts';
import type { RepositorySettings } from './settings.ts';

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
