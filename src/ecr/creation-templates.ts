import type { ECRClient, RepositoryCreationTemplate } from '@aws-sdk/client-ecr';
import { type Emit, silent } from '../base/events.ts';
import { awsError, isDenied } from './failures.ts';
import type { EcrHost } from './hosts.ts';

/** The prefix of a template for every repository that has no other (API reference, CreateRepositoryCreationTemplate). */
const ROOT = 'ROOT';

/**
 * By which creation template ECR makes a repository when something is pushed to it: the longest prefix, a slash behind it
 * being understood, of those that apply to pushes. What may not be read or does not know of templates has none: then
 * repositories are created, which is right nearly everywhere.
 * @returns the template's prefix for a repository's name; undefined when a push would fail
 */
export async function creationTemplates(
  client: ECRClient,
  host: EcrHost,
  emit: Emit = silent,
): Promise<(name: string) => string | undefined> {
  const prefixes = (await list(client, host, emit))
    .filter(({ appliedFor = [] }) => (appliedFor as readonly string[]).includes('CREATE_ON_PUSH'))
    .map(({ prefix = '' }) => prefix)
    .sort((a, b) => b.length - a.length);
  const [everywhere] = prefixes.filter((prefix) => prefix === ROOT);
  return (name) => prefixes.find((prefix) => prefix !== ROOT && name.startsWith(`${prefix}/`)) ?? everywhere;
}

async function list(client: ECRClient, host: EcrHost, emit: Emit): Promise<readonly RepositoryCreationTemplate[]> {
  const { DescribeRepositoryCreationTemplatesCommand } = await import('@aws-sdk/client-ecr');
  const all: RepositoryCreationTemplate[] = [];
  try {
    for (let nextToken: string | undefined; ; ) {
      const page = nextToken === undefined ? {} : { nextToken };
      const answer = await client.send(new DescribeRepositoryCreationTemplatesCommand(page));
      // Templates are the caller's own registry's; another account's cannot be asked for.
      if (host.account !== undefined && answer.registryId !== undefined && answer.registryId !== host.account)
        return [];
      all.push(...(answer.repositoryCreationTemplates ?? []));
      nextToken = answer.nextToken;
      if (!nextToken) return all;
    }
  } catch (error) {
    const { message } = awsError(`repository creation templates of ${host.host} are not known`, error);
    if (!isDenied(error)) emit({ type: 'warning', message });
    return [];
  }
}
