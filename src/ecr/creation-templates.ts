import type { ECRClient, RepositoryCreationTemplate } from '@aws-sdk/client-ecr';
import { type Emit, ignoreEvents } from '../base/events.ts';
import { awsError, isDenied } from './failures.ts';
import type { EcrHost } from './hosts.ts';

/** Prefix of the template for repositories without another one (API reference, CreateRepositoryCreationTemplate). */
const ROOT_PREFIX = 'ROOT';

/**
 * Creates a lookup of the creation template by which ECR creates a repository on push: the one with the longest prefix
 * (followed by a slash), if it applies to pushes. If it does not, the fallback to a shorter prefix is undocumented, so
 * no template is returned and the caller creates the repository, which always works. The same applies when templates
 * cannot be read.
 * @returns a function from repository name to the template's prefix, or undefined
 */
export async function creationTemplates(
  client: ECRClient,
  host: EcrHost,
  emit: Emit = ignoreEvents,
): Promise<(name: string) => string | undefined> {
  const templates = await listTemplates(client, host, emit);
  const byLength = [...templates].sort((a, b) => (b.prefix?.length ?? 0) - (a.prefix?.length ?? 0));
  const appliesTo = (name: string, prefix = ''): boolean => prefix !== ROOT_PREFIX && name.startsWith(`${prefix}/`);
  const rootTemplate = templates.find(({ prefix }) => prefix === ROOT_PREFIX);
  return (name) => {
    const template = byLength.find(({ prefix }) => appliesTo(name, prefix)) ?? rootTemplate;
    const appliedFor: readonly string[] = template?.appliedFor ?? [];
    return appliedFor.includes('CREATE_ON_PUSH') ? template?.prefix : undefined;
  };
}

async function listTemplates(
  client: ECRClient,
  host: EcrHost,
  emit: Emit,
): Promise<readonly RepositoryCreationTemplate[]> {
  const { DescribeRepositoryCreationTemplatesCommand } = await import('@aws-sdk/client-ecr');
  const all: RepositoryCreationTemplate[] = [];
  try {
    for (let nextToken: string | undefined; ; ) {
      const page = nextToken === undefined ? {} : { nextToken };
      const response = await client.send(new DescribeRepositoryCreationTemplatesCommand(page));
      // The API lists only templates of the caller's own account.
      if (host.account !== undefined && response.registryId !== undefined && response.registryId !== host.account)
        return [];
      all.push(...(response.repositoryCreationTemplates ?? []));
      nextToken = response.nextToken;
      if (!nextToken) return all;
    }
  } catch (error) {
    const { message } = awsError(`cannot read the repository creation templates of ${host.host}`, error);
    if (!isDenied(error)) emit({ type: 'warning', message });
    return [];
  }
}
