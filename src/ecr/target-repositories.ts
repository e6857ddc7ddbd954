import { ecrHost, isEcrPublic } from './hosts.ts';
import type { EcrOptions } from './options.ts';
import { ensurePublicRepositories, findPublicRepositories } from './public/repositories.ts';
import {
  type EnsuredRepositories,
  ensureRepositories,
  findRepositories,
  type RepositoryStatus,
} from './repositories.ts';
import type { TargetSettings } from './settings.ts';

/** Repositories of a target in which they must be created before a push. Both methods take paths in the registry. */
export interface TargetRepositories {
  /** Host, for messages. */
  readonly host: string;
  /**
   * Returns the status of repositories without changing anything.
   * @throws AirgapError `reference-invalid`, `usage`, `unauthorized`, `forbidden`, `network`, `registry`, `interrupted`
   */
  find(paths: readonly string[]): Promise<RepositoryStatus>;
  /**
   * Ensures that every repository exists or will be created on push; with `reconcile`, that it has the settings.
   * @throws AirgapError as `find`; `forbidden` with the missing repositories when they may not be created
   */
  ensure(paths: readonly string[], settings: TargetSettings, reconcile: boolean): Promise<EnsuredRepositories>;
}

/** Returns the repositories of a registry; undefined if it creates them on push. */
export function targetRepositories(registry: string, options: EcrOptions): TargetRepositories | undefined {
  if (isEcrPublic(registry)) {
    return {
      host: registry,
      find: (paths) => findPublicRepositories(paths, options),
      ensure: (paths, settings, reconcile) => ensurePublicRepositories(paths, { ...options, settings, reconcile }),
    };
  }
  const host = ecrHost(registry, options.ecrHosts);
  if (host === undefined) return undefined;
  return {
    host: host.host,
    find: (paths) => findRepositories(host, paths, options),
    ensure: (paths, { catalogData: _, ...settings }, reconcile) =>
      ensureRepositories(host, paths, { ...options, settings, reconcile }),
  };
}
