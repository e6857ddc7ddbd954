import type { ECRClient, RepositoryCreationTemplate } from '@aws-sdk/client-ecr';
import { type Emit, silent } from '../base/events.ts';
import { awsError, isDenied } from './failures.ts';
import type { EcrHost } from './hosts.ts';

/** Prefix of the template for repositories without another one (API reference, CreateRepositoryCreationTemplate). */
const ROOT = 'ROOT';

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
  emit: Emit = silent,
): Promise<(name: string) => string | undefined> {
  const templates = await list(client, host, emit);
  const byLength = [...templates].sort((a, b) => (b.prefix?.length ?? 0) - (a.prefix?.length ?? 0));
  const isFor = (name: string, prefix = ''): boolean => prefix !== ROOT && name.startsWith(`${prefix}/`);
  const everywhere = templates.find(({ prefix }) => prefix === ROOT);
  return (name) => {
    const template = byLength.find(({ prefix }) => isFor(name, prefix)) ?? everywhere;
    const appliesTo: readonly string[] = template?.appliedFor ?? [];
    return appliesTo.includes('CREATE_ON_PUSH') ? template?.prefix : undefined;
  };
}

async function list(client: ECRClient, host: EcrHost, emit: Emit): Promise<readonly RepositoryCreationTemplate[]> {
  const { DescribeRepositoryCreationTemplatesCommand } = await import('@aws-sdk/client-ecr');
  const all: RepositoryCreationTemplate[] = [];
  try {
    for (let nextToken: string | undefined; ; ) {
      const page = nextToken === undefined ? {} : { nextToken };
      const answer = await client.send(new DescribeRepositoryCreationTemplatesCommand(page));
      // The API lists only templates of the caller's own account.
      if (host.account !== undefined && answer.registryId !== undefined && answer.registryId !== host.account)
        return [];
      all.push(...(answer.repositoryCreationTemplates ?? []));
      nextToken = answer.nextToken;
      if (!nextToken) return all;
    }
  } catch (error) {
    const { message } = awsError(`cannot read the repository creation templates of ${host.host}`, error);
    if (!isDenied(error)) emit({ type: 'warning', message });
    return [];
  }
}
