import type { CreateRepositoryCommandInput, ECRClient } from '@aws-sdk/client-ecr';
import { AirgapError } from '../base/errors.ts';
import { pool, settle } from '../base/pool.ts';
import { ecrClient } from './connection.ts';
import { awsError, isDenied, nameOf } from './failures.ts';
import type { EcrHost } from './hosts.ts';
import { checkRepositoryNames } from './names.ts';
import type { EcrOptions } from './options.ts';

/** How a repository is created that is not there yet. Existing ones are left as they are. */
export interface RepositorySettings {
  /** Default: ECR's, or that of the registry. */
  readonly tagMutability?: 'MUTABLE' | 'IMMUTABLE';
  /** ARN, id or alias of a KMS key; `aws/ecr` for the one that AWS manages. Default: AES-256 without KMS. */
  readonly kmsKey?: string;
  readonly scanOnPush?: boolean;
  readonly tags?: Readonly<Record<string, string>>;
}

export interface EnsureOptions extends EcrOptions {
  readonly settings?: RepositorySettings;
}

export interface Ensured {
  /** In the order of the names given. */
  readonly existing: readonly string[];
  readonly created: readonly string[];
}

/** DescribeRepositories takes no more names at once (API reference). */
const BATCH = 100;
/** Requests under way. ECR throttles; the SDK waits, and more at once would only wait more. */
const CONCURRENCY = 4;

/**
 * Makes sure that every repository is there before anything is pushed to it.
 * @throws AirgapError `reference-invalid` for names ECR does not allow, `forbidden` with the repositories that are
 * missing when they may not be created, `unauthorized`, `network`, `registry`
 */
export async function ensureRepositories(
  host: EcrHost,
  names: readonly string[],
  options: EnsureOptions,
): Promise<Ensured> {
  const wanted = [...new Set(names)];
  checkRepositoryNames(host.host, wanted);
  if (wanted.length === 0) return { existing: [], created: [] };
  const client = await ecrClient(host, options);
  try {
    const missing = new Set(await findMissing(client, host, wanted));
    const created = await createAll(client, host, [...missing], options.settings ?? {});
    return { existing: wanted.filter((name) => !missing.has(name)), created };
  } finally {
    client.destroy();
  }
}

/** The names without a repository, in order. */
async function findMissing(client: ECRClient, host: EcrHost, names: readonly string[]): Promise<readonly string[]> {
  const { DescribeRepositoriesCommand } = await import('@aws-sdk/client-ecr');
  // One missing name fails the whole request without saying which others are there: halve until each is known.
  const find = async (batch: readonly string[]): Promise<readonly string[]> => {
    try {
      const { repositories = [] } = await client.send(
        new DescribeRepositoriesCommand({ ...registryOf(host), repositoryNames: [...batch] }),
      );
      const there = new Set(repositories.map(({ repositoryName }) => repositoryName));
      return batch.filter((name) => !there.has(name));
    } catch (error) {
      if (nameOf(error) !== 'RepositoryNotFoundException') throw awsError(`repositories of ${host.host}`, error);
      if (batch.length === 1) return batch;
      const middle = Math.ceil(batch.length / 2);
      return [...(await find(batch.slice(0, middle))), ...(await find(batch.slice(middle)))];
    }
  };
  const batches: (readonly string[])[] = [];
  for (let at = 0; at < names.length; at += BATCH) batches.push(names.slice(at, at + BATCH));
  return (await pool(batches, CONCURRENCY, find)).flat();
}

async function createAll(
  client: ECRClient,
  host: EcrHost,
  names: readonly string[],
  settings: RepositorySettings,
): Promise<readonly string[]> {
  const { CreateRepositoryCommand } = await import('@aws-sdk/client-ecr');
  const outcomes = await settle(names, CONCURRENCY, async (name) => {
    try {
      await client.send(new CreateRepositoryCommand(creation(host, name, settings)));
    } catch (error) {
      // Somebody else was faster, which is as good.
      if (nameOf(error) !== 'RepositoryAlreadyExistsException') throw error;
    }
  });
  const missing = names.filter((_, index) => outcomes[index]?.error !== undefined);
  const failure = outcomes.find(({ error }) => error !== undefined)?.error;
  if (failure === undefined) return names;
  const list = missing.join(', ');
  if (isDenied(failure)) {
    throw new AirgapError('forbidden', `${host.host}: the credentials may not create what is missing: ${list}`, {
      cause: failure,
      hint: 'have these repositories created, or be allowed ecr:CreateRepository (and ecr:TagResource for tags)',
    });
  }
  throw awsError(`creating ${list} at ${host.host}`, failure);
}

function creation(host: EcrHost, name: string, settings: RepositorySettings): CreateRepositoryCommandInput {
  const { tagMutability, kmsKey, scanOnPush, tags } = settings;
  return {
    ...registryOf(host),
    repositoryName: name,
    ...(tagMutability === undefined ? {} : { imageTagMutability: tagMutability }),
    ...(scanOnPush === undefined ? {} : { imageScanningConfiguration: { scanOnPush } }),
    ...(kmsKey === undefined ? {} : { encryptionConfiguration: { encryptionType: 'KMS', kmsKey } }),
    ...(tags === undefined ? {} : { tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) }),
  };
}

/** The account in the host's name, which need not be the caller's own. */
function registryOf({ account }: EcrHost): { registryId?: string } {
  return account === undefined ? {} : { registryId: account };
}
