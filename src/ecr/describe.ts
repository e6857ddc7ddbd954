import type { ECRClient, Repository } from '@aws-sdk/client-ecr';
import { pool } from '../base/pool.ts';
import { registryOf } from './connection.ts';
import { awsError, isDenied, nameOf } from './failures.ts';
import type { EcrHost } from './hosts.ts';

/** Maximum names per DescribeRepositories request (API reference). */
const BATCH = 100;
/** Maximum page size of DescribeRepositories. */
const PAGE = 1000;
/** Concurrent requests. ECR throttles, so more would only wait longer. */
export const CONCURRENCY = 4;

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
  for (let at = 0; at < names.length; at += BATCH) batches.push(names.slice(at, at + BATCH));
  try {
    return byName(await pool(batches, CONCURRENCY, (batch) => named(client, host, batch)));
  } catch (error) {
    if (!isMissing(error)) throw awsError(`repositories of ${host.host}`, error);
  }
  try {
    const wanted = new Set(names);
    const all = (await list(client, host)).filter(({ repositoryName = '' }) => wanted.has(repositoryName));
    return byName([all]);
  } catch (error) {
    if (!isDenied(error)) throw awsError(`repositories of ${host.host}`, error);
  }
  try {
    return byName(await pool(batches, CONCURRENCY, (batch) => halved(client, host, batch)));
  } catch (error) {
    throw awsError(`repositories of ${host.host}`, error);
  }
}

async function named(client: ECRClient, host: EcrHost, names: readonly string[]): Promise<readonly Repository[]> {
  const { DescribeRepositoriesCommand } = await import('@aws-sdk/client-ecr');
  const command = new DescribeRepositoriesCommand({ ...registryOf(host), repositoryNames: [...names] });
  return (await client.send(command)).repositories ?? [];
}

async function list(client: ECRClient, host: EcrHost): Promise<readonly Repository[]> {
  const { DescribeRepositoriesCommand } = await import('@aws-sdk/client-ecr');
  const all: Repository[] = [];
  for (let nextToken: string | undefined; ; ) {
    const page = { maxResults: PAGE, ...(nextToken === undefined ? {} : { nextToken }) };
    const answer = await client.send(new DescribeRepositoriesCommand({ ...registryOf(host), ...page }));
    all.push(...(answer.repositories ?? []));
    nextToken = answer.nextToken;
    if (!nextToken) return all;
  }
}

async function halved(client: ECRClient, host: EcrHost, names: readonly string[]): Promise<readonly Repository[]> {
  try {
    return await named(client, host, names);
  } catch (error) {
    if (!isMissing(error)) throw error;
    if (names.length === 1) return [];
    const middle = Math.ceil(names.length / 2);
    const first = await halved(client, host, names.slice(0, middle));
    return [...first, ...(await halved(client, host, names.slice(middle)))];
  }
}

function isMissing(error: unknown): boolean {
  return nameOf(error) === 'RepositoryNotFoundException';
}

function byName(lists: readonly (readonly Repository[])[]): ReadonlyMap<string, Repository> {
  return new Map(lists.flat().map((repository) => [repository.repositoryName ?? '', repository]));
}
