import { type AirgapError, asAirgapError } from '../../base/errors.ts';
import { settle } from '../../base/pool.ts';
import type { CommonSettings, RegistryKind } from './common-settings.ts';

/** Settings of the repositories of one registry, by path. */
export interface SettingsRegistry {
  readonly kind: RegistryKind;
  /**
   * Reads settings. Repositories that do not exist are left out; those that the registry does not show have an error.
   * @throws AirgapError if the registry does not answer at all
   */
  read(paths: readonly string[]): Promise<ReadonlyMap<string, CommonSettings | AirgapError>>;
  /** Creates a repository; absent if the push does it, as in ECR, or the registry. */
  create?(path: string, settings: CommonSettings): Promise<void>;
  /** Changes the given settings. */
  update(path: string, changes: CommonSettings): Promise<void>;
  close(): void | Promise<void>;
}

/** Concurrent requests to an API of settings. */
export const SETTINGS_CONCURRENCY = 8;

/** Reads repositories one by one. */
export async function readEach(
  paths: readonly string[],
  read: (path: string) => Promise<CommonSettings | undefined>,
): Promise<ReadonlyMap<string, CommonSettings | AirgapError>> {
  const outcomes = await settle(paths, SETTINGS_CONCURRENCY, read);
  const found = new Map<string, CommonSettings | AirgapError>();
  for (const [index, path] of paths.entries()) {
    const outcome = outcomes[index];
    const value = outcome === undefined || 'value' in outcome ? outcome?.value : asAirgapError(outcome.error);
    if (value !== undefined) found.set(path, value);
  }
  return found;
}
