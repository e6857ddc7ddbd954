import type { ECRPUBLICClient, RegistryAlias } from '@aws-sdk/client-ecr-public';
import { AirgapError } from '../../base/errors.ts';
import { awsError } from '../failures.ts';
import { ECR_PUBLIC_HOST, ECR_PUBLIC_REGION } from '../hosts.ts';

/** Path of a repository at public.ecr.aws: the alias of a registry, and the name that the API uses. */
interface PublicPath {
  readonly alias: string;
  /** Empty if the path is the alias alone. */
  readonly name: string;
}

/** Divides a path at its first slash. */
export function splitPublicPath(path: string): PublicPath {
  const slash = path.indexOf('/');
  return slash < 0 ? { alias: path, name: '' } : { alias: path.slice(0, slash), name: path.slice(slash + 1) };
}

/**
 * Checks that all paths are in the caller's registry: the API takes names without alias, so it would create them there,
 * and the push would go elsewhere.
 * @throws AirgapError `usage` with the caller's aliases; `unauthorized`, `forbidden`, `network`, `registry`
 */
export async function checkAliases(client: ECRPUBLICClient, paths: readonly string[]): Promise<void> {
  const own = await listAliases(client).catch((error: unknown) => {
    throw awsError(`registry aliases of ${ECR_PUBLIC_HOST}`, error);
  });
  const foreign = [...new Set(paths.map((path) => splitPublicPath(path).alias))].filter(
    (alias) => !own.some(({ name }) => name === alias),
  );
  if (foreign.length === 0) return;
  const names = own.map(({ name, primaryRegistryAlias }) => `${name}${primaryRegistryAlias ? ' (primary)' : ''}`);
  const problem = `paths begin with ${foreign.join(', ')}, not with a registry alias of the account of these AWS credentials`;
  throw new AirgapError('usage', `${ECR_PUBLIC_HOST}: ${problem}`, {
    hint:
      own.length === 0
        ? `the account has none yet; it gets one with its first repository: aws ecr-public create-repository --region ${ECR_PUBLIC_REGION} --repository-name NAME`
        : `push to --to ${ECR_PUBLIC_HOST}/ALIAS[/PREFIX]; the account has ${names.join(', ')}`,
  });
}

/** Lists the active aliases of the caller's registry. Throws the SDK's errors. */
export async function listAliases(client: ECRPUBLICClient): Promise<readonly RegistryAlias[]> {
  const { DescribeRegistriesCommand } = await import('@aws-sdk/client-ecr-public');
  const all: RegistryAlias[] = [];
  for (let nextToken: string | undefined; ; ) {
    const response = await client.send(new DescribeRegistriesCommand({ nextToken }));
    all.push(...(response.registries ?? []).flatMap(({ aliases = [] }) => aliases));
    nextToken = response.nextToken;
    if (!nextToken) return all.filter(({ status }) => status === 'ACTIVE');
  }
}
