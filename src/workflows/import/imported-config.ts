import type { ListContent, ListedChart, ListedPath, NotTaken, Place } from '../../lists/index.ts';

/** Chart of `airgap.yaml`. */
interface ImportedChart {
  readonly chart: string;
  readonly repo?: string;
  readonly version?: string;
  readonly releaseName?: string;
  readonly namespace?: string;
  readonly profiles?: readonly { readonly name: string; readonly values: readonly string[] }[];
}

/** What lists name, with the place where each was named first. */
export interface ImportedConfig {
  readonly charts: readonly Placed<ImportedChart>[];
  readonly images: readonly Placed<string>[];
  readonly kustomize: readonly Placed<string>[];
  readonly manifests: readonly Placed<string>[];
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
  const config = {
    charts: mergedCharts(lists.flatMap((list) => list.charts)),
    images: distinct(images.map(({ reference, place }) => ({ value: reference, place }))),
    kustomize: distinct(lists.flatMap((list) => list.kustomize).map(placedPath)),
    manifests: distinct(lists.flatMap((list) => list.manifests).map(placedPath)),
    platforms,
  };
  return { config, notTaken };
}

function placedPath({ path, place }: ListedPath): Placed<string> {
  return { value: path, place };
}

function distinct(entries: readonly Placed<string>[]): Placed<string>[] {
  const first = new Map<string, Placed<string>>();
  for (const entry of entries) if (!first.has(entry.value)) first.set(entry.value, entry);
  return [...first.values()];
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
