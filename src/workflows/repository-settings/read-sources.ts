import { count } from '../../base/count.ts';
import { AirgapError, isRefusal } from '../../base/errors.ts';
import { runStep } from '../../base/step.ts';
import { formatRepository, type Repository } from '../../oci/reference.ts';
import type { Context } from '../../session/context.ts';
import type { CommonSettings } from './common-settings.ts';
import { openSettings, type SettingsAccess } from './registries.ts';
import type { SettingsRegistry } from './settings-registry.ts';

/** Settings of source repositories, by `registry/path`. Those that could not be read are left out. */
export type SourceSettings = ReadonlyMap<string, CommonSettings>;

/**
 * Reads the settings of source repositories. Where a registry refuses, or has no settings, there is one warning.
 * @throws AirgapError `network`, `interrupted`
 */
export async function readSourceSettings(
  context: Context,
  { hasMirrors, ...access }: SettingsAccess & { readonly hasMirrors: (repository: Repository) => boolean },
  repositories: readonly Repository[],
): Promise<SourceSettings> {
  const all = new Map<string, CommonSettings>();
  for (const [registry, own] of Map.groupBy(repositories, (repository) => repository.registry)) {
    const paths = own.filter((repository) => !hasMirrors(repository)).map(({ path }) => path);
    if (paths.length < own.length) {
      const message = `settings are not carried from ${count(own.length - paths.length, 'repository', 'repositories')} of ${registry}, which --mirror reads elsewhere`;
      context.emit({ type: 'warning', message });
    }
    if (paths.length === 0) continue;
    const settings = await openSettings(context, registry, access);
    try {
      const found = await readSettings(context, registry, settings, paths);
      for (const [path, value] of found) all.set(formatRepository({ registry, path }), value);
    } finally {
      await settings.close();
    }
  }
  return all;
}

/**
 * Reads the settings of repositories that are expected to exist.
 * @returns those that the registry shows
 * @throws AirgapError `network`, `interrupted`
 */
async function readSettings(
  context: Context,
  registry: string,
  settings: SettingsRegistry,
  paths: readonly string[],
): Promise<ReadonlyMap<string, CommonSettings>> {
  if (settings.kind.settings.length === 0) {
    const message = `${registry} has no settings of repositories that can be read: none are carried from there`;
    context.emit({ type: 'warning', message });
    return new Map();
  }
  const { values, failure } = await readShown(context, registry, settings, paths);
  const missing = paths.length - values.size;
  if (missing > 0) {
    const which = `${missing} of ${count(paths.length, 'repository', 'repositories')} of ${registry}`;
    const reason = failure === undefined ? 'its API does not show them' : failure.message;
    context.emit({ type: 'warning', message: `settings are not carried from ${which}: ${reason}` });
  }
  return values;
}

/** Settings that a registry shows, and the first refusal. */
interface ShownSettings {
  readonly values: ReadonlyMap<string, CommonSettings>;
  /** Repositories that it does not show. */
  readonly refused: ReadonlySet<string>;
  readonly failure: AirgapError | undefined;
}

/** Reads settings as one step of the run. @throws AirgapError `network`, `interrupted` */
export function readShown(
  { emit, signal }: Context,
  registry: string,
  settings: SettingsRegistry,
  paths: readonly string[],
): Promise<ShownSettings> {
  const title = `reading the settings of ${count(paths.length, 'repository', 'repositories')} of ${registry}`;
  return runStep(emit, title, async () => {
    const found = await settings.read(paths).catch((error: unknown) => {
      if (isRefusal(error)) return error;
      throw error;
    });
    signal?.throwIfAborted();
    if (found instanceof AirgapError) return { values: new Map(), refused: new Set(paths), failure: found };
    const errors = [...found].flatMap(([path, value]) =>
      value instanceof AirgapError ? [[path, value] as const] : [],
    );
    const fatal = errors.find(([, error]) => !isRefusal(error));
    if (fatal !== undefined) throw fatal[1];
    return {
      values: new Map([...found].flatMap(([path, value]) => (value instanceof AirgapError ? [] : [[path, value]]))),
      refused: new Set(errors.map(([path]) => path)),
      failure: errors[0]?.[1],
    };
  });
}
