import type { Mapping } from '../base/mapping.ts';
import type { ChartFiles } from './chart-files.ts';
import { readMapping } from './go-yaml.ts';

/** Subchart as used by its parent. */
export interface Subchart {
  /** Name in its own Chart.yaml. */
  readonly name: string;
  readonly version?: string;
  /** Name given by the parent (`dependencies[].alias`), which Helm uses for its templates and values. */
  readonly alias?: string;
}

/**
 * Returns the subcharts that contain a template, outermost first; empty for templates of the chart itself.
 * @param files texts of all Chart.yaml and requirements.yaml by path in the chart (`charts/sub/Chart.yaml`)
 * @param template path as printed by Helm, `chart/charts/sub/templates/x.yaml`
 */
export function subchartsOf(files: ChartFiles, template: string): Subchart[] {
  const names = (template.split('/templates/')[0] ?? '').split('/charts/').slice(1);
  let folder = '';
  return names.map((path) => {
    const usedName = path.split('/')[0] ?? path;
    const declaredName = dependenciesOf(files, folder).find(({ alias }) => alias === usedName)?.name;
    const name = typeof declaredName === 'string' ? declaredName : usedName;
    folder = `${folder}charts/${name}/`;
    const { version } = mappingOf(files, `${folder}Chart.yaml`);
    return {
      name,
      ...(typeof version === 'string' ? { version } : {}),
      ...(name === usedName ? {} : { alias: usedName }),
    };
  });
}

/** Returns the dependencies of a chart; Helm 2 charts have them in requirements.yaml. */
function dependenciesOf(files: ChartFiles, folder: string): Record<string, unknown>[] {
  return ['Chart.yaml', 'requirements.yaml'].flatMap((file) => {
    const { dependencies } = mappingOf(files, folder + file);
    return Array.isArray(dependencies) ? (dependencies as Record<string, unknown>[]).filter(Boolean) : [];
  });
}

/** Parsed files by chart: they are needed for every template. */
const cache = new WeakMap<ChartFiles, Map<string, Mapping>>();

/** Returns an empty mapping if the file is missing or unreadable: a missing name is not an error. */
function mappingOf(files: ChartFiles, path: string): Mapping {
  const mappings = cache.get(files) ?? new Map<string, Mapping>();
  cache.set(files, mappings);
  const mapping = mappings.get(path) ?? readMapping(files.get(path));
  mappings.set(path, mapping);
  return mapping;
}

/** Template text of a chart or subchart, and the paths of its values in the values of the top chart. */
export interface TemplateSource {
  /** Keys from the root of the values; several if a subchart has several aliases. */
  readonly prefixes: readonly (readonly string[])[];
  readonly text: string;
}

/**
 * Returns the templates of a chart and its subcharts (folders and archives in charts/), one source per chart. Used to
 * find values that only templates mention.
 * @param files texts by path in the chart, including all Chart.yaml and requirements.yaml
 */
export function templateSources(files: ChartFiles): TemplateSource[] {
  return sourcesOf(files, '', [[]]);
}

function sourcesOf(files: ChartFiles, root: string, prefixes: readonly (readonly string[])[]): TemplateSource[] {
  const texts: string[] = [];
  const children = new Set<string>();
  for (const [name, text] of files) {
    if (!name.startsWith(root)) continue;
    const pathInChart = name.slice(root.length);
    if (pathInChart.startsWith('templates/')) texts.push(text);
    const child = /^charts\/([^/]+)\//.exec(pathInChart)?.[1];
    if (child !== undefined) children.add(child);
  }
  const dependencyKeys = keysOfDependencies(files, root);
  const subchartSources = [...children].flatMap((child) => {
    const childRoot = `${root}charts/${child}/`;
    const name = String(mappingOf(files, `${childRoot}Chart.yaml`).name ?? child);
    const keys = dependencyKeys.get(name) ?? [name];
    return sourcesOf(
      files,
      childRoot,
      prefixes.flatMap((prefix) => keys.map((key) => [...prefix, key])),
    );
  });
  return [{ prefixes, text: texts.join('\n') }, ...subchartSources];
}

/** Returns the keys of each dependency in the values of its parent. */
function keysOfDependencies(files: ChartFiles, folder: string): Map<string, string[]> {
  const keys = new Map<string, string[]>();
  for (const { name, alias } of dependenciesOf(files, folder)) {
    if (typeof name !== 'string') continue;
    keys.set(name, [...(keys.get(name) ?? []), typeof alias === 'string' ? alias : name]);
  }
  return keys;
}
