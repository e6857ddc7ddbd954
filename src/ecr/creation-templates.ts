import type { ECRClient, RepositoryCreationTemplate } from '@aws-sdk/client-ecr';
import { type Emit, silent } from '../base/events.ts';
import { awsError, isDenied } from './failures.ts';
import type { EcrHost } from './hosts.ts';

/** The prefix of a template for every repository that has no other (API reference, CreateRepositoryCreationTemplate). */
const ROOT = 'ROOT';

/**
 * By which creation template ECR makes a repository when something is pushed to it: the one with the longest prefix, a
 * slash behind it being understood, if that applies to pushes. Whether a shorter one that does would take its place is
 * not documented; then the repository is created, which is always right. So it is where templates may not be read, or
 * are not known.
 * @returns the template's prefix for a repository's name; undefined when there is none that is sure
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
