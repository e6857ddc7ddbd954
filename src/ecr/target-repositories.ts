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

interface EnsureSettings {
  readonly settings: TargetSettings;
  readonly creation?: ReadonlyMap<string, TargetSettings> | undefined;
  readonly reconcile: boolean;
}

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
   * @param options.creation further settings of single new repositories, by path
   * @throws AirgapError as `find`; `forbidden` with the missing repositories when they may not be created
   */
  ensure(paths: readonly string[], options: EnsureSettings): Promise<EnsuredRepositories>;
}

/** Returns the repositories of a registry; undefined if it creates them on push. */
export function targetRepositories(registry: string, options: EcrOptions): TargetRepositories | undefined {
  if (isEcrPublic(registry)) {
    return {
      host: registry,
      find: (paths) => findPublicRepositories(paths, options),
      ensure: (paths, settings) => ensurePublicRepositories(paths, { ...options, ...settings }),
    };
  }
  const host = ecrHost(registry, options.ecrHosts);
  if (host === undefined) return undefined;
  return {
    host: host.host,
    find: (paths) => findRepositories(host, paths, options),
    ensure: (paths, { settings: { catalogData: _, ...settings }, ...rest }) =>
      ensureRepositories(host, paths, { ...options, settings, ...rest }),
  };
}
