import type {
  ListContent,
  ListedChart,
  ListedLogin,
  ListedPath,
  ListedRegistry,
  NotTaken,
  Place,
} from '../../lists/index.ts';

/** Chart of `airgap.yaml`. */
interface ImportedChart {
  readonly chart: string;
  readonly repo?: string;
  readonly version?: string;
  readonly releaseName?: string;
  readonly namespace?: string;
  readonly profiles?: readonly { readonly name: string; readonly values: readonly string[] }[];
}

/** Repositories of a registry in `airgap.yaml`. */
interface ImportedRegistry {
  readonly registry: string;
  readonly repositories?: readonly string[];
}

/** Login in `airgap.yaml`, with `${NAME}` in place of texts. */
interface ImportedLogin {
  readonly registry: string;
  readonly username?: string;
  readonly password?: string;
  readonly token?: string;
}

/** What lists name, with the place where each was named first. */
export interface ImportedConfig {
  readonly charts: readonly Placed<ImportedChart>[];
  readonly images: readonly Placed<string>[];
  readonly kustomize: readonly Placed<string>[];
  readonly manifests: readonly Placed<string>[];
  readonly from: readonly Placed<ImportedRegistry>[];
  readonly to: readonly Placed<string>[];
  readonly logins: readonly Placed<ImportedLogin>[];
  /** Set to keep paths from registry to registry, as scripts do. */
  readonly naming?: { readonly default: 'path' };
  /** Platforms, if the lists want all images for the same ones. */
  readonly platforms: readonly string[];
}

export interface Placed<T> {
  readonly value: T;
  readonly place: Place;
}

/** Merges lists: each chart, image and path is there once. */
export function importedConfig(lists: readonly ListContent[]): {
  readonly config: ImportedConfig;
  readonly notTaken: readonly NotTaken[];
} {
  const images = lists.flatMap((list) => list.images);
  const { platforms, notTaken } = commonPlatforms(images);
  const { logins, notTaken: others } = distinctLogins(lists.flatMap((list) => list.logins));
  const config = {
    charts: mergedCharts(lists.flatMap((list) => list.charts)),
    images: distinct(images.map(({ reference, place }) => ({ value: reference, place }))),
    kustomize: distinct(lists.flatMap((list) => list.kustomize).map(placedPath)),
    manifests: distinct(lists.flatMap((list) => list.manifests).map(placedPath)),
    from: distinct(lists.flatMap((list) => list.registries).map(placedRegistry)),
    to: distinct(lists.flatMap((list) => list.targets).map(({ target, place }) => ({ value: target, place }))),
    logins: logins.map(placedLogin),
    platforms,
  };
  const isMigration = config.from.length > 0 && config.to.length > 0;
  return {
    config: { ...config, ...(isMigration && { naming: { default: 'path' } as const }) },
    notTaken: [...notTaken, ...others],
  };
}

function placedPath({ path, place }: ListedPath): Placed<string> {
  return { value: path, place };
}

function placedRegistry({ registry, repositories, place }: ListedRegistry): Placed<ImportedRegistry> {
  return { value: { registry, ...(repositories.length > 0 && { repositories }) }, place };
}

function placedLogin({ registry, place, ...variables }: ListedLogin): Placed<ImportedLogin> {
  const references = Object.entries(variables).map(([key, name]) => [key, `\${${name}}`]);
  return { value: { registry, ...Object.fromEntries(references) }, place };
}

function distinct<T>(entries: readonly Placed<T>[]): Placed<T>[] {
  const first = new Map<string, Placed<T>>();
  for (const entry of entries) {
    const key = JSON.stringify(entry.value);
    if (!first.has(key)) first.set(key, entry);
  }
  return [...first.values()];
}

/** A registry has one login: that of the list that names it first. */
function distinctLogins(logins: readonly ListedLogin[]): {
  readonly logins: readonly ListedLogin[];
  readonly notTaken: readonly NotTaken[];
} {
  const first = new Map<string, ListedLogin>();
  for (const login of logins) if (!first.has(login.registry)) first.set(login.registry, login);
  const texts = (login: ListedLogin): string => JSON.stringify([login.username, login.password, login.token]);
  const others = logins.filter((login) => texts(login) !== texts(first.get(login.registry) ?? login));
  return {
    logins: [...first.values()],
    notTaken: others.map(({ registry, place }) => ({ what: `another login for ${registry}`, place })),
  };
}

/** Merges charts that differ in their values files: each set of files becomes a profile. */
function mergedCharts(charts: readonly ListedChart[]): Placed<ImportedChart>[] {
  const groups = Map.groupBy(charts, ({ chart, repo, version, releaseName, namespace }) =>
    JSON.stringify([chart, repo, version, releaseName, namespace]),
  );
  return [...groups.values()].map((group) => {
    const [first] = group as [ListedChart];
    const { chart, repo, version, releaseName, namespace, place } = first;
    const sets = [...new Map(group.map(({ values }) => [JSON.stringify(values), values])).values()];
    const profiles = sets.map((values, i) => ({ name: i === 0 ? 'default' : `values-${i + 1}`, values }));
    const hasValues = sets.some((values) => values.length > 0);
    const value = {
      chart,
      ...(repo !== undefined && { repo }),
      ...(version !== undefined && { version }),
      ...(releaseName !== undefined && { releaseName }),
      ...(namespace !== undefined && { namespace }),
      ...(hasValues && { profiles }),
    };
    return { value, place };
  });
}

/** A configuration has one choice of platforms, for all images. */
function commonPlatforms(images: ListContent['images']): {
  readonly platforms: readonly string[];
  readonly notTaken: readonly NotTaken[];
} {
  const sets = new Set(images.map(({ platforms }) => [...new Set(platforms)].sort().join(' ')));
  const [only = ''] = sets;
  if (sets.size <= 1) return { platforms: only === '' ? [] : only.split(' '), notTaken: [] };
  const limited = images.filter(({ platforms }) => platforms.length > 0);
  return {
    platforms: [],
    notTaken: limited.slice(0, 1).map(({ platforms, place }) => {
      const more = limited.length > 1 ? `, and of ${limited.length - 1} more` : '';
      return {
        what: `the platform ${platforms.join(', ')}${more}: other images are wanted for others, so all are taken for all platforms`,
        place,
      };
    }),
  };
}
