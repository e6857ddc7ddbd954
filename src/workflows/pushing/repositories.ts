import { AirgapError } from '../../base/errors.ts';
import { ecrHost } from '../../ecr/hosts.ts';
import type { EcrOptions } from '../../ecr/options.ts';
import { type Ensured, ensureRepositories, findRepositories, type Standing } from '../../ecr/repositories.ts';
import type { RepositorySettings } from '../../ecr/settings.ts';
import type { Target } from '../../oci/naming.ts';
import type { Context } from '../context.ts';

/** What happens about repositories of ECR; other registries make theirs themselves. */
export interface RepositoryChoice {
  /** Whether those that are missing are created. */
  readonly create: 'missing' | 'never';
  /** Whether those that are there are changed to what the settings say. */
  readonly reconcile: boolean;
  readonly settings: RepositorySettings;
}

const NOTHING: Ensured = { existing: [], onPush: [], created: [], reconciled: [] };

/**
 * Makes sure that repositories are there, as far as that is for the pusher to do. Whoever is not to create them need not be
 * allowed to ask for them either: then a missing one is told when something is sent to it.
 * @throws AirgapError `repository-missing` with all that are missing and are not to be created; what ECR says
 */
export async function prepareRepositories(
  { emit }: Context,
  target: Target,
  ecr: EcrOptions,
  names: readonly string[],
  { create, reconcile, settings }: RepositoryChoice,
): Promise<Ensured> {
  const host = ecrHost(target.registry, ecr.hosts);
  if (host === undefined) return NOTHING;
  emit({ type: 'stage', message: `checking ${names.length} repositories` });
  if (create === 'never') {
    const standing = await findRepositories(host, names, ecr).catch((error: unknown) => {
      if (reconcile || !isUnasked(error)) throw error;
      emit({ type: 'warning', message: `${error.message}; so nobody knows which are missing` });
    });
    if (standing === undefined) return NOTHING;
    const { existing, onPush, missing } = standing;
    if (missing.length > 0) {
      throw new AirgapError('repository-missing', `${host.host} lacks repositories: ${missing.join(', ')}`, {
        hint: '-o terraform and -o cloudformation print their definitions; without --create-repositories=never they are created',
      });
    }
    if (!reconcile) return { existing, onPush, created: [], reconciled: [] };
  }
  return ensureRepositories(host, names, { ...ecr, settings, reconcile });
}

/**
 * What of the repositories is there; undefined for a registry that makes them itself. Where nobody may ask, a warning says
 * so; then all count as missing, and all as there where they are not to be created.
 */
export async function lookForRepositories(
  { emit }: Context,
  target: Target,
  ecr: EcrOptions,
  names: readonly string[],
  create: RepositoryChoice['create'],
): Promise<Standing | undefined> {
  const host = ecrHost(target.registry, ecr.hosts);
  if (host === undefined) return undefined;
  try {
    return await findRepositories(host, names, ecr);
  } catch (error) {
    if (!isUnasked(error) || (create === 'missing' && error.code !== 'forbidden')) throw error;
    const all = [...new Set(names)];
    const [found, message] =
      create === 'never'
        ? [{ existing: all, missing: [] }, 'so nobody knows which are missing']
        : [{ existing: [], missing: all }, 'so all repositories are listed'];
    emit({ type: 'warning', message: `${error.message}; ${message}` });
    return { ...found, onPush: [] };
  }
}

/** Paths of what is not there yet, so that nothing needs to be asked of it. */
export function absentOf(standing: Standing | undefined): ReadonlySet<string> {
  return new Set([...(standing?.missing ?? []), ...(standing?.onPush ?? [])]);
}

/** Whether there was no right, or no credential of AWS, to ask with; a stored login may serve for the rest. */
function isUnasked(error: unknown): error is AirgapError {
  return error instanceof AirgapError && (error.code === 'forbidden' || error.code === 'unauthorized');
}
