import { count } from '../../base/count.ts';
import { AirgapError, asAirgapError } from '../../base/errors.ts';
import { pool } from '../../base/pool.ts';
import { runStep } from '../../base/step.ts';
import { ECR_CONCURRENCY } from '../../ecr/describe.ts';
import { ecrHost } from '../../ecr/hosts.ts';
import { REPOSITORY_POLICY_LIMIT, RepositoryPolicies } from '../../ecr/policies.ts';
import { ensureRepositories } from '../../ecr/repositories.ts';
import type { AccessDocument } from '../../inventory/access.ts';
import type { PrincipalMap } from '../../inventory/principal-map.ts';
import { formatTarget, type Target, targetRepository } from '../../naming/naming.ts';
import { connect, type RegistryAccess } from '../../session/connect.ts';
import type { Context } from '../../session/context.ts';
import { stopsRun } from './apply-changes.ts';
import { mappedRights, type RepositoryRights, type UnmappedHolder } from './mapped-rights.ts';
import { changePolicy, type PolicyChange } from './repository-policy.ts';

export interface PolicyOptions {
  readonly document: AccessDocument;
  readonly map: PrincipalMap;
  /** In a private ECR registry. */
  readonly target: Target;
  readonly access: RegistryAccess;
  /** Creates missing repositories for which there are rights. */
  readonly create: 'missing' | 'never';
  /** False for a dry run: nothing is changed then. */
  readonly write: boolean;
}

/**
 * `same`: nothing to do. `planned`: would be changed. `changed`. `missing`: the repository does not exist. `failed`: could not
 * be read, planned or changed.
 */
type PolicyStatus = 'same' | 'planned' | 'changed' | 'missing' | 'failed';

/** A repository, and what happens to its policy. */
export interface PolicyOutcome {
  /** `NAMESPACE/NAME` in the document. */
  readonly source: string;
  /** Path in the target. */
  readonly repository: string;
  readonly status: PolicyStatus;
  /** The repository would be created, or was. */
  readonly isNew?: true;
  readonly change?: PolicyChange;
  readonly error?: AirgapError;
}

export interface PolicyResult {
  readonly target: string;
  readonly isWritten: boolean;
  readonly outcomes: readonly PolicyOutcome[];
  readonly unmapped: readonly UnmappedHolder[];
  /** Mapped accounts that are not active. */
  readonly inactive: readonly string[];
  /** Administrators of the source registry. Their rights to everything are not carried. */
  readonly administrators: readonly string[];
  /** Repositories that everybody may pull at the source. They are not made public. */
  readonly public: readonly string[];
}

/**
 * Gives principals the rights of a document by policies of ECR repositories, or finds what that would change.
 * @throws AirgapError `collision`, `reference-invalid` for names in the target; `interrupted`. Errors of one repository are
 * in its outcome
 */
export async function applyPolicies(context: Context, options: PolicyOptions): Promise<PolicyResult> {
  const { document, map, target, access, write } = options;
  const host = ecrHost(target.registry, access.ecrHosts);
  if (host === undefined) throw new AirgapError('usage', `${target.registry} is not a private ECR registry`);
  const { repositories, unmapped, inactive } = mappedRights(document, map);
  const { wanted, unnamed } = nameInTarget(repositories, document.registry, target);
  const { client, ecr } = connect(context, { ...access, isPushTarget: true });
  const policies = new RepositoryPolicies(host, ecr);
  const each = <T, R>(doing: string, items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> => {
    const title = `${doing} the policies of ${count(items.length, 'repository', 'repositories')} in ${host.host}`;
    return runStep(
      context.emit,
      title,
      (advance) => pool(items, ECR_CONCURRENCY, (item) => work(item).finally(advance)),
      items.length,
    );
  };
  try {
    const planned = await each('reading', wanted, (rights) => {
      if (context.signal?.aborted) throw new AirgapError('interrupted', 'interrupted');
      return planPolicy(policies, rights, options.create);
    });
    const create = (names: readonly string[], settings: Settings): Promise<unknown> =>
      ensureRepositories(host, names, { ...ecr, settings });
    const ready = write ? await createMissing(planned, wanted, create) : planned;
    const changes = write ? ready.filter(({ status }) => status === 'planned') : [];
    const written = await writePolicies(policies, changes, context, (work) => each('setting', changes, work));
    return {
      target: formatTarget(target),
      isWritten: write,
      outcomes: [...unnamed, ...ready.map((outcome) => written.get(outcome.repository) ?? outcome)],
      unmapped,
      inactive,
      administrators: document.accounts.flatMap(({ name, isAdmin, isActive }) => (isAdmin && isActive ? [name] : [])),
      public: repositories.flatMap(({ repository: { namespace, name, settings } }) =>
        settings.visibility === 'public' ? [`${namespace}/${name}`] : [],
      ),
    };
  } finally {
    await policies.close();
    await client.close();
  }
}

/** Rights to a repository, by its names in the document and in the target. */
interface WantedRights extends Pick<RepositoryRights, 'principals'> {
  readonly source: string;
  readonly repository: string;
  readonly settings: RepositoryRights['repository']['settings'];
}

/**
 * Names repositories as `mirror` does. Those whose names ECR does not allow are failures.
 * @throws AirgapError `collision`: two repositories with one name would get each other's rights
 */
function nameInTarget(
  rights: readonly RepositoryRights[],
  registry: string,
  target: Target,
): { readonly wanted: readonly WantedRights[]; readonly unnamed: readonly PolicyOutcome[] } {
  const wanted: WantedRights[] = [];
  const unnamed: PolicyOutcome[] = [];
  for (const { repository, principals } of rights) {
    const { namespace, name, settings } = repository;
    const source = `${namespace}/${name}`;
    try {
      const { path } = targetRepository(target, { registry, path: source });
      wanted.push({ source, repository: path, principals, settings });
    } catch (error) {
      unnamed.push({ source, repository: source, status: 'failed', error: asAirgapError(error) });
    }
  }
  const byName = Map.groupBy(wanted, ({ repository }) => repository);
  for (const [repository, group] of byName) {
    if (group.length === 1) continue;
    const sources = group.slice(0, 2).map(({ source }) => source);
    throw new AirgapError('collision', `${sources.join(' and ')} would share a repository, and their rights`, {
      subject: repository,
      hint: 'choose a --naming that keeps the whole path, as for mirror',
    });
  }
  return { wanted, unnamed };
}

async function planPolicy(
  policies: RepositoryPolicies,
  { source, repository, principals }: WantedRights,
  create: PolicyOptions['create'],
): Promise<PolicyOutcome> {
  const outcome = { source, repository };
  try {
    const found = await policies.get(repository);
    // A repository to which nobody gets rights need not exist.
    if (found === undefined && principals.size > 0 && create === 'never') return { ...outcome, status: 'missing' };
    const change = changeOf(found?.text, principals);
    if (change === undefined) return { ...outcome, status: 'same' };
    return { ...outcome, status: 'planned', ...(found === undefined && { isNew: true }), change };
  } catch (error) {
    return { ...outcome, status: 'failed', error: ofOneRepository(error).with({ subject: repository }) };
  }
}

/** Returns an error that concerns one repository; throws others, which all repositories would have. */
function ofOneRepository(error: unknown): AirgapError {
  const own = asAirgapError(error);
  if (stopsRun(own)) throw own;
  return own;
}

/** @throws AirgapError `unsupported` if ECR would not take the policy, or has one that cannot be read */
function changeOf(existing: string | undefined, principals: WantedRights['principals']): PolicyChange | undefined {
  const change = changePolicy(existing, principals);
  const size = Buffer.byteLength(change?.text ?? '');
  if (size <= REPOSITORY_POLICY_LIMIT) return change;
  throw new AirgapError(
    'unsupported',
    `its policy would have ${size} bytes, and ECR takes ${REPOSITORY_POLICY_LIMIT}`,
    {
      hint: 'map teams to roles that several people assume, rather than to each person',
    },
  );
}

type Settings = NonNullable<Parameters<typeof ensureRepositories>[2]['settings']>;

/** Creates repositories, with tag immutability and scans as in the document. Those that fail have their error. */
async function createMissing(
  outcomes: readonly PolicyOutcome[],
  wanted: readonly WantedRights[],
  create: (names: readonly string[], settings: Settings) => Promise<unknown>,
): Promise<readonly PolicyOutcome[]> {
  const missing = new Set(outcomes.flatMap(({ isNew, repository }) => (isNew ? [repository] : [])));
  const groups = Map.groupBy(
    wanted.filter(({ repository }) => missing.has(repository)),
    ({ settings: { immutableTags = false, scanOnPush = false } }) => `${immutableTags} ${scanOnPush}`,
  );
  const failures = new Map<string, AirgapError>();
  for (const group of groups.values()) {
    const names = group.map(({ repository }) => repository);
    const { immutableTags: immutable, scanOnPush } = group[0]?.settings ?? ({} as WantedRights['settings']);
    await create(names, { immutable, scanOnPush }).catch((error: unknown) => {
      for (const name of names) failures.set(name, ofOneRepository(error));
    });
  }
  return outcomes.map((outcome) => {
    const error = failures.get(outcome.repository);
    return error === undefined ? outcome : { ...outcome, status: 'failed', error };
  });
}

/**
 * Sets policies. Without an answer or a login, and after an interrupt, nothing more is tried; what was not tried stays `planned`.
 * @returns outcomes by repository, so that what was set is reported whatever happened
 */
async function writePolicies(
  policies: RepositoryPolicies,
  changes: readonly PolicyOutcome[],
  { signal }: Context,
  each: (work: (outcome: PolicyOutcome) => Promise<void>) => Promise<unknown>,
): Promise<ReadonlyMap<string, PolicyOutcome>> {
  const written = new Map<string, PolicyOutcome>();
  if (changes.length === 0) return written;
  let isStopped = false;
  await each(async (outcome) => {
    if (isStopped) return;
    const error = signal?.aborted ? new AirgapError('interrupted', 'interrupted') : undefined;
    const made: PolicyOutcome = error ? { ...outcome, status: 'failed', error } : await writePolicy(policies, outcome);
    isStopped ||= made.error !== undefined && stopsRun(made.error);
    written.set(outcome.repository, made);
  });
  return written;
}

async function writePolicy(policies: RepositoryPolicies, outcome: PolicyOutcome): Promise<PolicyOutcome> {
  const { repository, change } = outcome;
  try {
    if (change?.text === undefined) await policies.delete(repository);
    else await policies.set(repository, change.text);
    return { ...outcome, status: 'changed' };
  } catch (error) {
    return { ...outcome, status: 'failed', error: asAirgapError(error) };
  }
}
