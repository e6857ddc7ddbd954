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
  return chartFolders(files).map(({ root, prefixes }) => {
    const isTemplate = (path: string): boolean => path.startsWith(`${root}templates/`);
    return { prefixes, text: [...files].flatMap(([path, text]) => (isTemplate(path) ? [text] : [])).join('\n') };
  });
}

/** Folder of a chart or subchart in the files of the top chart. */
export interface ChartFolder extends Pick<TemplateSource, 'prefixes'> {
  /** Path with a final slash; empty for the top chart. */
  readonly root: string;
  /** `dependencies[].repository` in the parent, for a subchart that the parent declares. */
  readonly repository?: string;
}

/** Returns the folders of a chart and its subcharts, each before its own subcharts. @param files as in {@link templateSources} */
export function chartFolders(files: ChartFiles): ChartFolder[] {
  return foldersBelow(files, { root: '', prefixes: [[]] });
}

function foldersBelow(files: ChartFiles, folder: ChartFolder): ChartFolder[] {
  const { root, prefixes } = folder;
  const children = new Set<string>();
  for (const name of files.keys()) {
    const child = name.startsWith(root) ? /^charts\/([^/]+)\//.exec(name.slice(root.length))?.[1] : undefined;
    if (child !== undefined) children.add(child);
  }
  const dependencies = dependenciesOf(files, root);
  const dependencyKeys = keysOfDependencies(dependencies);
  const subcharts = [...children].flatMap((child) => {
    const childRoot = `${root}charts/${child}/`;
    const name = String(mappingOf(files, `${childRoot}Chart.yaml`).name ?? child);
    const keys = dependencyKeys.get(name) ?? [name];
    const repository = dependencies.find((dependency) => dependency.name === name)?.repository;
    return foldersBelow(files, {
      root: childRoot,
      prefixes: prefixes.flatMap((prefix) => keys.map((key) => [...prefix, key])),
      ...(typeof repository === 'string' ? { repository } : {}),
    });
  });
  return [folder, ...subcharts];
}

/** Returns the keys of each dependency in the values of its parent. */
function keysOfDependencies(dependencies: readonly Record<string, unknown>[]): Map<string, string[]> {
  const keys = new Map<string, string[]>();
  for (const { name, alias } of dependencies) {
    if (typeof name !== 'string') continue;
    keys.set(name, [...(keys.get(name) ?? []), typeof alias === 'string' ? alias : name]);
  }
  return keys;
}
