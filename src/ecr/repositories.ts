import type { ECRClient, Repository } from '@aws-sdk/client-ecr';
import { AirgapError } from '../base/errors.ts';
import { settle } from '../base/pool.ts';
import { ecrClient, registryOf } from './connection.ts';
import { creationTemplates } from './creation-templates.ts';
import { CONCURRENCY, describeRepositories } from './describe.ts';
import { awsError, isDenied, nameOf } from './failures.ts';
import type { EcrHost } from './hosts.ts';
import { checkRepositoryNames } from './names.ts';
import type { EcrOptions } from './options.ts';
import { setPolicies } from './policies.ts';
import { type Reconciled, reconcile } from './reconcile.ts';
import { creationOf, hasSettings, type RepositorySettings } from './settings.ts';

export interface EnsureOptions extends EcrOptions {
  readonly settings?: RepositorySettings;
  /** True to update existing repositories to the settings. */
  readonly reconcile?: boolean;
}

/** Status of the requested repositories, each list in the order of the given names. */
export interface Standing {
  readonly existing: readonly string[];
  /** Missing, and not created by ECR. */
  readonly missing: readonly string[];
  /** Missing, and created by ECR on push, by a creation template. */
  readonly onPush: readonly string[];
}

export interface Ensured extends Omit<Standing, 'missing'> {
  readonly created: readonly string[];
  /** Existing repositories that were updated. */
  readonly reconciled: readonly Reconciled[];
}

/**
 * Returns the status of repositories without changing anything.
 * @throws AirgapError `reference-invalid` for names ECR does not allow, `unauthorized`, `forbidden`, `network`,
 * `registry`, `interrupted`
 */
export function findRepositories(host: EcrHost, names: readonly string[], options: EcrOptions): Promise<Standing> {
  return withClient(
    host,
    names,
    options,
    async (client, wanted) => (await look(client, host, wanted, options)).standing,
  );
}

/**
 * Ensures that every repository exists or will be created on push.
 * @throws AirgapError as `findRepositories`; `forbidden` with the missing repositories when they may not be created
 */
export function ensureRepositories(host: EcrHost, names: readonly string[], options: EnsureOptions): Promise<Ensured> {
  const { settings = {}, emit } = options;
  return withClient(host, names, options, async (client, wanted) => {
    const { standing, described } = await look(client, host, wanted, options);
    const { existing, onPush, missing } = standing;
    if (onPush.length > 0 && hasSettings(settings)) {
      const message = `a creation template of ${host.host} creates ${onPush.join(', ')} with its own settings; those of this command do not apply`;
      emit?.({ type: 'warning', message });
    }
    const created = await createAll(client, host, missing, options);
    const found = existing.map((name) => described.get(name) as Repository);
    const reconciled = options.reconcile ? await reconcile(client, host, found, settings, emit) : [];
    const others = missing.filter((name) => !created.includes(name));
    return { existing: [...existing, ...others], onPush, created, reconciled };
  });
}

async function withClient<R extends object>(
  host: EcrHost,
  names: readonly string[],
  options: EcrOptions,
  work: (client: ECRClient, wanted: readonly string[]) => Promise<R>,
): Promise<R> {
  const wanted = [...new Set(names)];
  checkRepositoryNames(host.host, wanted);
  const client = await ecrClient(host, options);
  try {
    return await work(client, wanted);
  } catch (error) {
    // On an interrupt, the SDK throws the error that it would have retried.
    if (!options.signal?.aborted) throw error;
    throw new AirgapError('interrupted', 'interrupted', { cause: options.signal.reason });
  } finally {
    client.destroy();
  }
}

async function look(
  client: ECRClient,
  host: EcrHost,
  wanted: readonly string[],
  { emit }: EcrOptions,
): Promise<{ readonly standing: Standing; readonly described: ReadonlyMap<string, Repository> }> {
  const described =
    wanted.length === 0 ? new Map<string, Repository>() : await describeRepositories(client, host, wanted);
  const existing = wanted.filter((name) => described.has(name));
  const absent = wanted.filter((name) => !described.has(name));
  const templateOf = absent.length === 0 ? () => undefined : await creationTemplates(client, host, emit);
  const onPush = absent.filter((name) => templateOf(name) !== undefined);
  return { described, standing: { existing, onPush, missing: absent.filter((name) => !onPush.includes(name)) } };
}

/** Creates repositories and returns the new ones. One created by someone else meanwhile may already have content. */
async function createAll(
  client: ECRClient,
  host: EcrHost,
  names: readonly string[],
  { settings = {}, signal }: EnsureOptions,
): Promise<readonly string[]> {
  const outcomes = await settle(names, CONCURRENCY, async (name) => {
    signal?.throwIfAborted();
    return create(client, host, name, settings);
  });
  const isNew = outcomes.map((outcome) => 'value' in outcome && outcome.value);
  const missing = names.filter((_, index) => outcomes[index]?.error !== undefined);
  const failure = outcomes.find(({ error }) => error !== undefined)?.error;
  if (failure === undefined) return names.filter((_, at) => isNew[at]);
  const list = missing.join(', ');
  if (isDenied(failure)) {
    throw new AirgapError('forbidden', `${host.host}: the credentials may not create missing repositories: ${list}`, {
      cause: failure,
      hint: 'grant the permissions listed in docs/aws.md, or have them created: --create-repositories=never -o terraform prints their definitions',
    });
  }
  throw awsError(`creating ${list} at ${host.host}`, failure);
}

/** Creates a repository. @returns false when it already exists */
async function create(client: ECRClient, host: EcrHost, name: string, settings: RepositorySettings): Promise<boolean> {
  const { CreateRepositoryCommand } = await import('@aws-sdk/client-ecr');
  try {
    await client.send(new CreateRepositoryCommand({ ...registryOf(host), ...creationOf(name, settings) }));
  } catch (error) {
    // Created by someone else meanwhile.
    if (nameOf(error) === 'RepositoryAlreadyExistsException') return false;
    throw error;
  }
  try {
    await setPolicies(client, host, name, settings);
    return true;
  } catch (cause) {
    const { message } = awsError(`${name} was created, but its policies were not set`, cause);
    throw new AirgapError('registry', message, {
      cause,
      hint: 'run the same command again with --reconcile to set them',
    });
  }
}
