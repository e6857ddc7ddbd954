import { count } from '../base/count.ts';
import { AirgapError } from '../base/errors.ts';
import { ignoreEvents } from '../base/events.ts';
import { type Outcome, settle } from '../base/pool.ts';
import { type Advance, runStep } from '../base/step.ts';
import { ECR_CONCURRENCY } from './describe.ts';
import { awsError, errorName, isDenied } from './failures.ts';
import type { EcrOptions } from './options.ts';

/** Requests that create one repository. Both throw the SDK's errors. */
export interface CreateRequests {
  create(name: string): Promise<unknown>;
  /** Sets what CreateRepository does not take. */
  setPolicies(name: string): Promise<void>;
}

/**
 * Creates repositories and returns the new ones. Those that another client created meanwhile may have content.
 * @param where registry, for errors
 * @throws AirgapError `forbidden` with the missing repositories when they may not be created; `unauthorized`, `network`,
 * `registry`
 */
export async function createRepositories(
  where: string,
  names: readonly string[],
  requests: CreateRequests,
  { signal, emit = ignoreEvents }: Pick<EcrOptions, 'signal' | 'emit'>,
): Promise<readonly string[]> {
  if (names.length === 0) return [];
  const title = `creating ${count(names.length, 'repository', 'repositories')} in ${where}`;
  const create = (advance: Advance): Promise<Outcome<boolean>[]> =>
    settle(names, ECR_CONCURRENCY, async (name) => {
      signal?.throwIfAborted();
      return createRepository(name, requests).finally(advance);
    });
  const outcomes = await runStep(emit, title, create, names.length);
  const isNew = outcomes.map((outcome) => 'value' in outcome && outcome.value);
  const missing = names.filter((_, index) => outcomes[index]?.error !== undefined);
  const failure = outcomes.find(({ error }) => error !== undefined)?.error;
  if (failure === undefined) return names.filter((_, index) => isNew[index]);
  const list = missing.join(', ');
  if (isDenied(failure)) {
    throw new AirgapError('forbidden', `${where}: the credentials may not create missing repositories: ${list}`, {
      cause: failure,
      hint: 'grant the permissions listed in docs/aws.md, or have them created: --create-repositories=never -o terraform prints their definitions',
    });
  }
  throw awsError(`creating ${list} at ${where}`, failure);
}

/** Creates a repository. @returns false when it already exists */
async function createRepository(name: string, requests: CreateRequests): Promise<boolean> {
  try {
    await requests.create(name);
  } catch (error) {
    // Another client created it meanwhile.
    if (errorName(error) === 'RepositoryAlreadyExistsException') return false;
    throw error;
  }
  try {
    await requests.setPolicies(name);
    return true;
  } catch (cause) {
    const { message } = awsError(`${name} was created, but its policies were not set`, cause);
    throw new AirgapError('registry', message, {
      cause,
      hint: 'run the same command again with --reconcile to set them',
    });
  }
}
