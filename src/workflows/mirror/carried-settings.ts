import { AirgapError } from '../../base/errors.ts';
import { chartName } from '../../bundle/format/names.ts';
import { formatTarget, type Target } from '../../naming/naming.ts';
import { formatRepository, type Reference, type Repository } from '../../oci/reference.ts';
import { connect, type RegistryConnection } from '../../session/connect.ts';
import type { Context } from '../../session/context.ts';
import { destinationOf } from '../push/destination.ts';
import {
  type CarryOptions,
  type Destinations,
  readSourceSettings,
  SettingsCarrier,
  type SettingsReport,
  type SourceSettings,
} from '../repository-settings/index.ts';
import type { MirrorOptions } from './options.ts';

/** Settings of the repositories that are copied. */
export interface CopiedSettings {
  readonly repositories: readonly Repository[];
  readonly sources: SourceSettings;
}

/**
 * Reads the settings of the repositories of references, without charts that come from elsewhere; undefined unless they are to
 * be carried.
 * @throws AirgapError `network`, `interrupted`
 */
export async function copiedSettings(
  context: Context,
  reading: RegistryConnection,
  references: Iterable<Reference>,
  { settings, access }: Pick<MirrorOptions, 'settings' | 'access'>,
): Promise<CopiedSettings | undefined> {
  if (settings === undefined) return undefined;
  const repositories = new Map<string, Repository>();
  for (const reference of references) {
    if (chartName(reference) !== undefined) continue;
    const { registry, path } = reference;
    repositories.set(formatRepository({ registry, path }), { registry, path });
  }
  const all = [...repositories.values()];
  const { ecr, client } = reading;
  const hasMirrors = (repository: Repository): boolean => client.hasMirrors(repository);
  return { repositories: all, sources: await readSourceSettings(context, { ecr, access, hasMirrors }, all) };
}

/** Plans what becomes of the settings at a target; undefined unless they are to be carried. Close it at the end. */
export async function planSettings(
  context: Context,
  writing: RegistryConnection,
  target: Target,
  copied: CopiedSettings | undefined,
  { settings, repositories, access }: Pick<MirrorOptions, 'settings' | 'repositories' | 'access'>,
): Promise<SettingsCarrier | undefined> {
  if (copied === undefined || settings === undefined) return undefined;
  const options: CarryOptions = {
    allowsPublic: settings.allowsPublic,
    creates: repositories.create === 'missing',
    reconciles: repositories.reconcile,
    given: repositories.settings,
  };
  const destinations = destinationsOf(target, copied.repositories);
  const { sources } = copied;
  const { registry } = target;
  const ofTarget = { ecr: writing.ecr, access: { ...access, mirrors: [], isPushTarget: true } };
  return SettingsCarrier.plan(context, ofTarget, registry, { sources, destinations }, options);
}

/** Settings that would be carried to a target. */
export interface PlannedSettings {
  /** `REGISTRY[/PREFIX]`. */
  readonly target: string;
  readonly settings: SettingsReport;
}

/**
 * Plans what becomes of the settings at each target, without writing; nothing unless they are to be carried.
 * @throws AirgapError `usage` without a target
 */
export async function listSettings(
  context: Context,
  reading: RegistryConnection,
  listed: readonly { readonly repository: Repository }[],
  options: Pick<MirrorOptions, 'settings' | 'repositories' | 'access' | 'targets'>,
): Promise<readonly PlannedSettings[]> {
  if (options.settings === undefined) return [];
  if (options.targets.length === 0) {
    throw new AirgapError('usage', '--list with --carry-repository-settings needs --to', {
      hint: 'what is carried depends on what the target has',
    });
  }
  const references = listed.map(({ repository }) => repository);
  const copied = await copiedSettings(context, reading, references, options);
  const writing = connect(context, { ...options.access, mirrors: [], isPushTarget: true });
  try {
    const planned: PlannedSettings[] = [];
    for (const target of options.targets) {
      const carrier = await planSettings(context, writing, target, copied, options);
      await carrier?.close();
      if (carrier !== undefined) planned.push({ target: formatTarget(target), settings: carrier.planned() });
    }
    return planned;
  } finally {
    await writing.client.close();
  }
}

function destinationsOf(target: Target, repositories: readonly Repository[]): Destinations {
  return Map.groupBy(repositories, (repository) => destinationOf(target, repository).path);
}
