import { valueAt } from '../../base/field-path.ts';
import { isMapping, type Mapping } from '../../base/mapping.ts';
import { readMapping } from '../../helm/go-yaml.ts';

/** A chart or subchart of an archive that can declare images. */
export interface DeclaringChart {
  /** Folder inside the unpacked chart with a trailing slash, `charts/redis/`; empty for the chart itself. */
  readonly folder: string;
  readonly metadata: Mapping;
  /** Values in which its conditions are looked up, one for each alias. Empty if the chart is disabled. */
  readonly scopes: readonly Mapping[];
  /** Reports whether a dependency, by name or alias, is enabled; undefined if the chart declares no such dependency. */
  readonly isDependencyEnabled: (dependency: string) => boolean | undefined;
}

/** Returns the chart and every subchart with a Chart.yaml, each with its own values. */
export function declaringCharts(
  metadata: Mapping,
  files: ReadonlyMap<string, string>,
  values: Mapping,
): DeclaringChart[] {
  return chartsFrom('', metadata, files, [values], tagsOf(values));
}

function chartsFrom(
  folder: string,
  metadata: Mapping,
  files: ReadonlyMap<string, string>,
  scopes: readonly Mapping[],
  tags: Mapping,
): DeclaringChart[] {
  const dependencies = [metadata.dependencies, readMapping(files.get(`${folder}requirements.yaml`)).dependencies]
    .flatMap((list) => (Array.isArray(list) ? list : []))
    .filter(isMapping);
  const dependenciesNamed = (name: string): Mapping[] =>
    dependencies.filter((dependency) => dependency.name === name || dependency.alias === name);
  const isDependencyEnabled = (name: string): boolean | undefined => {
    const found = dependenciesNamed(name);
    if (found.length === 0) return undefined;
    return found.some((dependency) => scopes.some((scope) => isEnabled(dependency, scope, tags)));
  };
  const subcharts = childFolders(folder, files).flatMap((child) => {
    const childMetadata = readMapping(files.get(`${child}Chart.yaml`));
    const name =
      typeof childMetadata.name === 'string' ? childMetadata.name : child.slice(folder.length + 'charts/'.length, -1);
    const declared = dependenciesNamed(name);
    // A chart in charts/ is installed even if no dependency declares it.
    const uses: readonly Mapping[] = declared.length === 0 ? [{ name }] : declared;
    const childScopes = uses.flatMap((dependency) =>
      scopes.filter((scope) => isEnabled(dependency, scope, tags)).map((scope) => subchartScope(scope, dependency)),
    );
    return chartsFrom(child, childMetadata, files, childScopes, tags);
  });
  return [{ folder, metadata, scopes, isDependencyEnabled }, ...subcharts];
}

function childFolders(folder: string, files: ReadonlyMap<string, string>): string[] {
  const prefix = `${folder}charts/`;
  const names = [...files.keys()].flatMap((path) =>
    path.startsWith(prefix) ? (/^([^/]+)\/Chart\.yaml$/.exec(path.slice(prefix.length))?.[1] ?? []) : [],
  );
  return [...new Set(names)].sort().map((name) => `${prefix}${name}/`);
}

/** Returns the values of a subchart: those below its alias or name, plus the parent's `global`. */
function subchartScope(scope: Mapping, { name, alias }: Mapping): Mapping {
  const subchartValues = scope[String(alias ?? name)];
  const global = isMapping(scope.global) ? { global: scope.global } : {};
  return { ...global, ...(isMapping(subchartValues) ? subchartValues : {}) };
}

/**
 * Reports whether a dependency is enabled, by Helm's rule: the first condition path with a boolean decides; without
 * one, any enabled tag does.
 */
function isEnabled({ condition, tags }: Mapping, scope: Mapping, tagValues: Mapping): boolean {
  const paths = typeof condition === 'string' ? condition.split(',') : [];
  const conditionValue = paths
    .map((path) => valueAt(scope, path.trim().split('.')))
    .find((value) => typeof value === 'boolean');
  if (conditionValue !== undefined) return conditionValue as boolean;
  const tagStates = (Array.isArray(tags) ? tags : [])
    .map((tag) => tagValues[String(tag)])
    .filter((state) => state !== undefined);
  return tagStates.length === 0 || tagStates.some((state) => state === true);
}

function tagsOf(values: Mapping): Mapping {
  return isMapping(values.tags) ? values.tags : {};
}
