import type { ECRClient, Repository } from '@aws-sdk/client-ecr';
import { pool } from '../base/pool.ts';
import { registryIdInput } from './connection.ts';
import { awsError, errorName, isDenied } from './failures.ts';
import type { EcrHost } from './hosts.ts';

/** Maximum names per DescribeRepositories request (API reference). */
const MAX_NAMES = 100;
/** Maximum page size of DescribeRepositories. */
const PAGE_SIZE = 1000;
/** Concurrent requests. ECR throttles, so more would only wait longer. */
export const ECR_CONCURRENCY = 4;

/**
 * Returns the existing repositories by name. They are described by name first. One missing repository fails the whole
 * request, so the fallback is to list the registry; if that is denied, the names are bisected.
 * @throws AirgapError `unauthorized`, `forbidden`, `network`, `registry`
 */
export async function describeRepositories(
  client: ECRClient,
  host: EcrHost,
  names: readonly string[],
): Promise<ReadonlyMap<string, Repository>> {
  const batches: (readonly string[])[] = [];
  for (let start = 0; start < names.length; start += MAX_NAMES) batches.push(names.slice(start, start + MAX_NAMES));
  try {
    return byName(await pool(batches, ECR_CONCURRENCY, (batch) => describeByName(client, host, batch)));
  } catch (error) {
    if (!isMissing(error)) throw awsError(`repositories of ${host.host}`, error);
  }
  try {
    const requested = new Set(names);
    const all = (await listRepositories(client, host)).filter(({ repositoryName = '' }) =>
      requested.has(repositoryName),
    );
    return byName([all]);
  } catch (error) {
    if (!isDenied(error)) throw awsError(`repositories of ${host.host}`, error);
  }
  try {
    return byName(await pool(batches, ECR_CONCURRENCY, (batch) => describeByHalves(client, host, batch)));
  } catch (error) {
    throw awsError(`repositories of ${host.host}`, error);
  }
}

async function describeByName(
  client: ECRClient,
  host: EcrHost,
  names: readonly string[],
): Promise<readonly Repository[]> {
  const { DescribeRepositoriesCommand } = await import('@aws-sdk/client-ecr');
  const command = new DescribeRepositoriesCommand({ ...registryIdInput(host), repositoryNames: [...names] });
  return (await client.send(command)).repositories ?? [];
}

async function listRepositories(client: ECRClient, host: EcrHost): Promise<readonly Repository[]> {
  const { DescribeRepositoriesCommand } = await import('@aws-sdk/client-ecr');
  const all: Repository[] = [];
  for (let nextToken: string | undefined; ; ) {
    const page = { maxResults: PAGE_SIZE, nextToken };
    const response = await client.send(new DescribeRepositoriesCommand({ ...registryIdInput(host), ...page }));
    all.push(...(response.repositories ?? []));
    nextToken = response.nextToken;
    if (!nextToken) return all;
  }
}

async function describeByHalves(
  client: ECRClient,
  host: EcrHost,
  names: readonly string[],
): Promise<readonly Repository[]> {
  try {
    return await describeByName(client, host, names);
  } catch (error) {
    if (!isMissing(error)) throw error;
    if (names.length === 1) return [];
    const middle = Math.ceil(names.length / 2);
    const first = await describeByHalves(client, host, names.slice(0, middle));
    return [...first, ...(await describeByHalves(client, host, names.slice(middle)))];
  }
}

function isMissing(error: unknown): boolean {
  return errorName(error) === 'RepositoryNotFoundException';
}

function byName(lists: readonly (readonly Repository[])[]): ReadonlyMap<string, Repository> {
  return new Map(lists.flat().map((repository) => [repository.repositoryName ?? '', repository]));
}
