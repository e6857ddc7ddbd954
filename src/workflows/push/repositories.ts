import { AirgapError } from '../../base/errors.ts';
import type { EcrOptions } from '../../ecr/options.ts';
import type { EnsuredRepositories, RepositoryStatus } from '../../ecr/repositories.ts';
import type { TargetSettings } from '../../ecr/settings.ts';
import { targetRepositories } from '../../ecr/target-repositories.ts';
import type { Target } from '../../naming/naming.ts';
import type { Context } from '../../session/context.ts';

/** Handling of repositories in ECR and ECR Public; other registries create repositories on push. */
export interface RepositoryOptions {
  /** Handling of missing repositories: created, or an error. */
  readonly create: 'missing' | 'never';
  /** Changes existing repositories to match the settings. */
  readonly reconcile: boolean;
  readonly settings: TargetSettings;
  /** Further settings of single new repositories, by path. */
  readonly creation?: ReadonlyMap<string, TargetSettings>;
}

const NO_REPOSITORIES: EnsuredRepositories = { existing: [], onPush: [], created: [], reconciled: [] };

/**
 * Ensures that the target's repositories exist, as far as the options allow. Without permission to create repositories, the
 * permission to list them is optional too: a missing one is then reported when content is pushed to it.
 * @throws AirgapError `repository-missing` with all missing repositories if they must not be created; errors of ECR
 */
export async function prepareRepositories(
  { emit }: Context,
  target: Target,
  ecr: EcrOptions,
  names: readonly string[],
  { create, reconcile, settings, creation }: RepositoryOptions,
): Promise<EnsuredRepositories> {
  const repositories = targetRepositories(target.registry, ecr);
  if (repositories === undefined) return NO_REPOSITORIES;
  if (create === 'never') {
    const status = await repositories.find(names).catch((error: unknown) => {
      if (reconcile || !isNotPermitted(error)) throw error;
      emit({ type: 'warning', message: `${error.message}; missing repositories are unknown` });
    });
    if (status === undefined) return NO_REPOSITORIES;
    const { existing, onPush, missing } = status;
    if (missing.length > 0) {
      throw new AirgapError('repository-missing', `${repositories.host} lacks repositories: ${missing.join(', ')}`, {
        hint: 'print their definitions with -o terraform or -o cloudformation, or omit --create-repositories=never to create them',
      });
    }
    if (!reconcile) return { existing, onPush, created: [], reconciled: [] };
  }
  return repositories.ensure(names, { settings, creation, reconcile });
}

/**
 * Returns the status of the repositories; undefined for registries that create them on push. Without permission to list
 * them it warns and treats all as missing, or as existing if they must not be created.
 */
export async function lookUpRepositories(
  { emit }: Context,
  target: Target,
  ecr: EcrOptions,
  names: readonly string[],
  create: RepositoryOptions['create'],
): Promise<RepositoryStatus | undefined> {
  const repositories = targetRepositories(target.registry, ecr);
  if (repositories === undefined) return undefined;
  try {
    return await repositories.find(names);
  } catch (error) {
    if (!isNotPermitted(error) || (create === 'missing' && error.code !== 'forbidden')) throw error;
    const all = [...new Set(names)];
    const [found, message] =
      create === 'never'
        ? [{ existing: all, missing: [] }, 'missing repositories are unknown']
        : [{ existing: [], missing: all }, 'all repositories are treated as missing'];
    emit({ type: 'warning', message: `${error.message}; ${message}` });
    return { ...found, onPush: [] };
  }
}

/** Returns paths of the repositories that do not exist yet and need no requests. */
export function absentPaths(status: RepositoryStatus | undefined): ReadonlySet<string> {
  return new Set([...(status?.missing ?? []), ...(status?.onPush ?? [])]);
}

/** Reports whether AWS credentials or permissions are missing; a stored registry login may suffice for the push. */
function isNotPermitted(error: unknown): error is AirgapError {
  return error instanceof AirgapError && (error.code === 'forbidden' || error.code === 'unauthorized');
}
