import { pool } from '../base/pool.ts';
import { awsError, errorName, isDenied } from './failures.ts';

/** Maximum names per DescribeRepositories request (API references of ECR and ECR Public). */
const MAX_NAMES = 100;
/** Maximum page size of DescribeRepositories. */
const PAGE_SIZE = 1000;
/** Concurrent requests. ECR throttles, so more would only wait longer. */
export const ECR_CONCURRENCY = 4;

/** Sends DescribeRepositories, with names or with a page. Throws the SDK's errors. */
export type DescribeRequest<R> = (input: {
  readonly repositoryNames?: string[];
  readonly maxResults?: number;
  readonly nextToken?: string;
}) => Promise<{ readonly repositories?: readonly R[]; readonly nextToken?: string }>;

interface Described {
  readonly repositoryName?: string;
}

/**
 * Returns the existing repositories by name. They are described by name first. One missing repository fails the whole
 * request, so the fallback is to list the registry; if that is denied, the names are bisected.
 * @param where registry, for errors
 * @throws AirgapError `unauthorized`, `forbidden`, `network`, `registry`
 */
export async function describeRepositories<R extends Described>(
  where: string,
  request: DescribeRequest<R>,
  names: readonly string[],
): Promise<ReadonlyMap<string, R>> {
  const batches: (readonly string[])[] = [];
  for (let start = 0; start < names.length; start += MAX_NAMES) batches.push(names.slice(start, start + MAX_NAMES));
  try {
    return byName(await pool(batches, ECR_CONCURRENCY, (batch) => describeByName(request, batch)));
  } catch (error) {
    if (!isMissing(error)) throw awsError(`repositories of ${where}`, error);
  }
  try {
    const requested = new Set(names);
    const all = (await listRepositories(request)).filter(({ repositoryName = '' }) => requested.has(repositoryName));
    return byName([all]);
  } catch (error) {
    if (!isDenied(error)) throw awsError(`repositories of ${where}`, error);
  }
  try {
    return byName(await pool(batches, ECR_CONCURRENCY, (batch) => describeByHalves(request, batch)));
  } catch (error) {
    throw awsError(`repositories of ${where}`, error);
  }
}

async function describeByName<R>(request: DescribeRequest<R>, names: readonly string[]): Promise<readonly R[]> {
  return (await request({ repositoryNames: [...names] })).repositories ?? [];
}

async function listRepositories<R>(request: DescribeRequest<R>): Promise<readonly R[]> {
  const all: R[] = [];
  for (let nextToken: string | undefined; ; ) {
    const response = await request({ maxResults: PAGE_SIZE, nextToken });
    all.push(...(response.repositories ?? []));
    nextToken = response.nextToken;
    if (!nextToken) return all;
  }
}

async function describeByHalves<R>(request: DescribeRequest<R>, names: readonly string[]): Promise<readonly R[]> {
  try {
    return await describeByName(request, names);
  } catch (error) {
    if (!isMissing(error)) throw error;
    if (names.length === 1) return [];
    const middle = Math.ceil(names.length / 2);
    const first = await describeByHalves(request, names.slice(0, middle));
    return [...first, ...(await describeByHalves(request, names.slice(middle)))];
  }
}

function isMissing(error: unknown): boolean {
  return errorName(error) === 'RepositoryNotFoundException';
}

function byName<R extends Described>(lists: readonly (readonly R[])[]): ReadonlyMap<string, R> {
  return new Map(lists.flat().map((repository) => [repository.repositoryName ?? '', repository]));
}
