import { count, firstOf } from '../../base/count.ts';
import { AirgapError, asAirgapError, combine } from '../../base/errors.ts';
import { settle } from '../../base/pool.ts';
import { runStep } from '../../base/step.ts';
import type { TargetSettings } from '../../ecr/settings.ts';
import { formatRepository, type Repository } from '../../oci/reference.ts';
import type { Context } from '../../session/context.ts';
import { type CommonSettings, ECR, ECR_PUBLIC, type RegistryKind, type SettingName } from './common-settings.ts';
import { planRepository, type RepositoryPlan } from './plan.ts';
import { readShown, type SourceSettings } from './read-sources.ts';
import { openSettings, type SettingsAccess, toCatalog } from './registries.ts';
import { reportOf, type SettingsReport } from './report.ts';
import { SETTINGS_CONCURRENCY, type SettingsRegistry } from './settings-registry.ts';

/** Repositories of the sources that become one repository of a target. */
export type Destinations = ReadonlyMap<string, readonly Repository[]>;

export interface CarryOptions {
  /** Repositories that are public at the source may become public. */
  readonly allowsPublic: boolean;
  /** Missing repositories are created. */
  readonly creates: boolean;
  /** Existing repositories in ECR are changed. */
  readonly reconciles: boolean;
  /** Settings of flags, which take precedence. */
  readonly given: TargetSettings;
}

/** What became of the settings of a target's repositories. */
export interface SettingsOutcome {
  readonly report: SettingsReport;
  /** Why the last changes, or some of them, could not be made. */
  readonly failure?: AirgapError;
}

/** Settings that are carried to one target. Close it at the end. */
export class SettingsCarrier {
  readonly #context: Context;
  readonly #host: string;
  readonly #registry: SettingsRegistry;
  readonly #plans: ReadonlyMap<string, RepositoryPlan>;
  /** Repositories that `before` has created. */
  readonly #created = new Set<string>();

  private constructor(
    context: Context,
    host: string,
    registry: SettingsRegistry,
    plans: ReadonlyMap<string, RepositoryPlan>,
  ) {
    this.#context = context;
    this.#host = host;
    this.#registry = registry;
    this.#plans = plans;
  }

  /**
   * Reads the settings of the target's repositories, and plans what to change. Nothing is written.
   * @param destinations by path in the target
   * @throws AirgapError `usage` for private repositories that would become public; `network`, `interrupted`
   */
  static async plan(
    context: Context,
    access: SettingsAccess,
    host: string,
    { sources, destinations }: { readonly sources: SourceSettings; readonly destinations: Destinations },
    options: CarryOptions,
  ): Promise<SettingsCarrier> {
    const wanted = new Map(
      [...destinations].flatMap(([path, repositories]) => {
        const known = repositories.flatMap((repository) => sources.get(formatRepository(repository)) ?? []);
        // Of repositories that become one, none decides for those that are unknown.
        return known.length === repositories.length ? [[path, known] as const] : [];
      }),
    );
    const registry = await openSettings(context, host, access);
    try {
      if (!options.allowsPublic) assertNotPublished(host, registry.kind, wanted);
      const plans = await planAll(context, host, registry, wanted, options);
      return new SettingsCarrier(context, host, registry, plans);
    } catch (error) {
      await registry.close();
      throw error;
    }
  }

  /** Settings with which the push has to create repositories, by path. */
  get creation(): ReadonlyMap<string, TargetSettings> {
    if (this.#registry.create !== undefined) return new Map();
    return new Map(
      [...this.#plans].flatMap(([path, { exists, created }]) =>
        exists || isEmpty(created) ? [] : [[path, targetSettings(created)] as const],
      ),
    );
  }

  /** Reports what would be carried. */
  planned(): SettingsReport {
    return reportOf(this.#registry.kind, this.#plans);
  }

  /**
   * Makes changes that have to be made before content is written: creates repositories, and makes others private.
   * @throws AirgapError for all repositories that could not be changed
   */
  async before(): Promise<void> {
    const { create } = this.#registry;
    const missing = [...this.#plans].filter(([, { created }]) => create !== undefined && !isEmpty(created));
    await this.#each('creating', missing, async (path, { created }) => {
      await create?.(path, created);
      this.#created.add(path);
    });
    await this.#update(({ before }) => before);
  }

  /**
   * Makes changes that have to wait until the tags are written.
   * @param created repositories that the push has created
   * @returns a report, and the failure of repositories that could not be changed
   * @throws AirgapError `interrupted`
   */
  async after(created: readonly string[]): Promise<SettingsOutcome> {
    const made = new Set([...this.#created, ...created]);
    const report = (plans = this.#plans): SettingsReport => reportOf(this.#registry.kind, plans, made);
    try {
      await this.#update(({ after }) => after);
      return { report: report() };
    } catch (error) {
      const failure = asAirgapError(error);
      if (failure.code === 'interrupted') throw failure;
      const unchanged = [...this.#plans].map(([path, plan]) => [path, { ...plan, after: {} }] as const);
      return { report: report(new Map(unchanged)), failure };
    }
  }

  async close(): Promise<void> {
    await this.#registry.close();
  }

  #update(changesOf: (plan: RepositoryPlan) => CommonSettings): Promise<void> {
    const changed = [...this.#plans].filter(([, plan]) => !isEmpty(changesOf(plan)));
    return this.#each('changing the settings of', changed, (path, plan) =>
      this.#registry.update(path, changesOf(plan)),
    );
  }

  /** Runs a step for each repository, and throws all failures. */
  async #each(
    doing: string,
    plans: readonly (readonly [path: string, plan: RepositoryPlan])[],
    work: (path: string, plan: RepositoryPlan) => Promise<void>,
  ): Promise<void> {
    if (plans.length === 0) return;
    const { emit, signal } = this.#context;
    const which = `${count(plans.length, 'repository', 'repositories')} of ${this.#host}`;
    const outcomes = await runStep(
      emit,
      `${doing} ${which}`,
      (advance) =>
        settle(plans, SETTINGS_CONCURRENCY, async ([path, plan]) => {
          signal?.throwIfAborted();
          await work(path, plan).finally(advance);
        }),
      plans.length,
    );
    if (signal?.aborted) throw new AirgapError('interrupted', 'interrupted', { cause: signal.reason });
    const errors = outcomes.flatMap((outcome) => ('error' in outcome ? [asAirgapError(outcome.error)] : []));
    if (errors.length > 0) throw combine(errors, `settings of ${which} could not be set`);
  }
}

async function planAll(
  context: Context,
  host: string,
  registry: SettingsRegistry,
  wanted: ReadonlyMap<string, readonly CommonSettings[]>,
  { allowsPublic, creates, reconciles, given }: CarryOptions,
): Promise<ReadonlyMap<string, RepositoryPlan>> {
  const { kind } = registry;
  const paths = [...wanted.keys()];
  if (paths.length === 0) return new Map();
  const { values, refused, failure } =
    kind.settings.length === 0
      ? { values: new Map<string, CommonSettings>(), refused: new Set<string>(), failure: undefined }
      : await readShown(context, host, registry, paths);
  if (failure !== undefined) {
    if (kind.visibility === 'any' && !allowsPublic) assertNotHidden(failure, refused, wanted);
    const which = `${refused.size} of ${count(paths.length, 'repository', 'repositories')} of ${host}`;
    context.emit({ type: 'warning', message: `settings are not carried to ${which}: ${failure.message}` });
  }
  const options = {
    kind,
    allowsPublic,
    creates,
    changesExisting: reconciles || !kind.needsReconcile,
    given: kind === ECR || kind === ECR_PUBLIC ? givenNames(given) : new Set<SettingName>(),
  };
  return new Map(
    [...wanted].flatMap(([path, sources]) =>
      refused.has(path) ? [] : [[path, planRepository(sources, values.get(path), options)] as const],
    ),
  );
}

/**
 * Checks that nothing that is private at its source goes to a repository that may be public.
 * @throws AirgapError why the target does not show whether it is
 */
function assertNotHidden(
  failure: AirgapError,
  refused: ReadonlySet<string>,
  wanted: ReadonlyMap<string, readonly CommonSettings[]>,
): void {
  const isPrivate = (path: string): boolean =>
    wanted.get(path)?.some(({ visibility }) => visibility === 'private') ?? false;
  if (![...refused].some(isPrivate)) return;
  const hint =
    'the source is private, and this repository may be public: use a login that may read its settings, or copy without --carry-repository-settings';
  throw failure.with({ hint: failure.code === 'unsupported' ? failure.hint : hint });
}

/**
 * Checks that nothing that is private at its source becomes public.
 * @throws AirgapError `usage`
 */
function assertNotPublished(
  host: string,
  kind: RegistryKind,
  wanted: ReadonlyMap<string, readonly CommonSettings[]>,
): void {
  if (kind.visibility !== 'public') return;
  const paths = [...wanted].flatMap(([path, sources]) =>
    sources.some(({ visibility }) => visibility === 'private') ? [path] : [],
  );
  if (paths.length === 0) return;
  const which = paths.length === 1 ? 'this repository is' : `these ${paths.length} repositories are`;
  throw new AirgapError('usage', `${which} private at the source, and ${host} is public: ${firstOf(paths, 5)}`, {
    hint: 'leave them out with --exclude, or publish them with --allow-public-repositories',
  });
}

/** Returns the settings that flags decide, which are for ECR alone. */
function givenNames({ immutable, catalogData = {} }: TargetSettings): ReadonlySet<SettingName> {
  const { description, aboutText, usageText, architectures, operatingSystems } = catalogData;
  const given = { tags: immutable, description, about: aboutText, usage: usageText, architectures, operatingSystems };
  return new Set(Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [name as SettingName])));
}

/** Returns settings in the form of a push. */
function targetSettings({ tags, ...texts }: CommonSettings): TargetSettings {
  const catalogData = toCatalog(texts);
  return {
    ...(tags && { immutable: tags.immutable, except: tags.except }),
    ...(!isEmpty(catalogData) && { catalogData }),
  };
}

function isEmpty(settings: object): boolean {
  return Object.keys(settings).length === 0;
}
