import type { ECRClient, Repository, RepositoryCreationTemplate } from '@aws-sdk/client-ecr';
import { count } from '../base/count.ts';
import { type Emit, ignoreEvents } from '../base/events.ts';
import { runStep } from '../base/step.ts';
import { ecrClient, registryIdInput, withClient } from './connection.ts';
import { type CreateRequests, createRepositories } from './create.ts';
import { type DescribeRequest, describeRepositories } from './describe.ts';
import { awsError, isDenied } from './failures.ts';
import type { EcrHost } from './hosts.ts';
import { checkRepositoryNames } from './names.ts';
import type { EcrOptions } from './options.ts';
import { type ReconciledRepository, reconcileRepositories, setPolicies } from './reconcile.ts';
import { createRepositoryInput, hasSettings, overlaid, type RepositorySettings } from './settings.ts';

export interface EnsureOptions extends EcrOptions {
  readonly settings?: RepositorySettings;
  /** Further settings of single new repositories, by name; `settings` take precedence. */
  readonly creation?: ReadonlyMap<string, RepositorySettings>;
  /** True to update existing repositories to the settings. */
  readonly reconcile?: boolean;
}

/** Status of the requested repositories, each list in the order of the given names. */
export interface RepositoryStatus {
  readonly existing: readonly string[];
  /** Missing, and not created by ECR. */
  readonly missing: readonly string[];
  /** Missing, and created by ECR on push, by a creation template. */
  readonly onPush: readonly string[];
}

export interface EnsuredRepositories extends Omit<RepositoryStatus, 'missing'> {
  readonly created: readonly string[];
  /** Existing repositories that were updated. */
  readonly reconciled: readonly ReconciledRepository[];
}

/**
 * Returns the status of repositories without changing anything.
 * @throws AirgapError `reference-invalid` for names ECR does not allow, `unauthorized`, `forbidden`, `network`,
 * `registry`, `interrupted`
 */
export function findRepositories(
  host: EcrHost,
  names: readonly string[],
  options: EcrOptions,
): Promise<RepositoryStatus> {
  return withRepositories(
    host,
    names,
    options,
    async (client, uniqueNames) => (await checkRepositories(client, host, uniqueNames, options)).status,
  );
}

/**
 * Ensures that every repository exists or will be created on push.
 * @throws AirgapError as `findRepositories`; `forbidden` with the missing repositories when they may not be created
 */
export function ensureRepositories(
  host: EcrHost,
  names: readonly string[],
  options: EnsureOptions,
): Promise<EnsuredRepositories> {
  const { settings = {}, creation, emit } = options;
  const settingsOf = (name: string): RepositorySettings => overlaid(creation?.get(name), settings);
  return withRepositories(host, names, options, async (client, uniqueNames) => {
    const { status, described } = await checkRepositories(client, host, uniqueNames, options);
    const { existing, onPush, missing } = status;
    if (onPush.some((name) => hasSettings(settingsOf(name)))) {
      const message = `a creation template of ${host.host} creates ${onPush.join(', ')} with its own settings; those of this command do not apply`;
      emit?.({ type: 'warning', message });
    }
    const created = await createRepositories(host.host, missing, createRequests(client, host, settingsOf), options);
    const found = existing.map((name) => described.get(name) as Repository);
    const reconciled = options.reconcile ? await reconcileRepositories(client, host, found, settings, emit) : [];
    const others = missing.filter((name) => !created.includes(name));
    return { existing: [...existing, ...others], onPush, created, reconciled };
  });
}

async function withRepositories<R>(
  host: EcrHost,
  names: readonly string[],
  options: EcrOptions,
  work: (client: ECRClient, uniqueNames: readonly string[]) => Promise<R>,
): Promise<R> {
  const uniqueNames = [...new Set(names)];
  checkRepositoryNames(host.host, uniqueNames);
  return withClient(ecrClient(host, options), options, (client) => work(client, uniqueNames));
}

async function checkRepositories(
  client: ECRClient,
  host: EcrHost,
  uniqueNames: readonly string[],
  { emit = ignoreEvents }: EcrOptions,
): Promise<{ readonly status: RepositoryStatus; readonly described: ReadonlyMap<string, Repository> }> {
  const title = `checking ${count(uniqueNames.length, 'repository', 'repositories')} in ${host.host}`;
  return runStep(emit, title, async () => {
    const described =
      uniqueNames.length === 0
        ? new Map<string, Repository>()
        : await describeRepositories(host.host, describeRequest(client, host), uniqueNames);
    const existing = uniqueNames.filter((name) => described.has(name));
    const absent = uniqueNames.filter((name) => !described.has(name));
    const templateOf = absent.length === 0 ? () => undefined : await creationTemplates(client, host, emit);
    const onPush = absent.filter((name) => templateOf(name) !== undefined);
    return { described, status: { existing, onPush, missing: absent.filter((name) => !onPush.includes(name)) } };
  });
}

function describeRequest(client: ECRClient, host: EcrHost): DescribeRequest<Repository> {
  return async (input) => {
    const { DescribeRepositoriesCommand } = await import('@aws-sdk/client-ecr');
    return client.send(new DescribeRepositoriesCommand({ ...registryIdInput(host), ...input }));
  };
}

function createRequests(
  client: ECRClient,
  host: EcrHost,
  settingsOf: (name: string) => RepositorySettings,
): CreateRequests {
  return {
    async create(name) {
      const { CreateRepositoryCommand } = await import('@aws-sdk/client-ecr');
      const input = { ...registryIdInput(host), ...createRepositoryInput(name, settingsOf(name)) };
      return client.send(new CreateRepositoryCommand(input));
    },
    setPolicies: (name) => setPolicies(client, host, name, settingsOf(name)),
  };
}

/** Prefix of the template for repositories without another one (API reference, CreateRepositoryCreationTemplate). */
const ROOT_PREFIX = 'ROOT';

/**
 * Creates a lookup of the creation template by which ECR creates a repository on push: the one with the longest prefix
 * (followed by a slash), if it applies to pushes. If it does not, the fallback to a shorter prefix is undocumented, so
 * no template is returned and the caller creates the repository, which always works. The same applies when templates
 * cannot be read.
 * @returns a function from repository name to the template's prefix, or undefined
 */
async function creationTemplates(
  client: ECRClient,
  host: EcrHost,
  emit: Emit,
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
      const response = await client.send(new DescribeRepositoryCreationTemplatesCommand({ nextToken }));
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
