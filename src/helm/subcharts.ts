import type { Mapping } from '../base/mapping.ts';
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
export function subchartsOf(files: ReadonlyMap<string, string>, template: string): Subchart[] {
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
function dependenciesOf(files: ReadonlyMap<string, string>, folder: string): Record<string, unknown>[] {
  return ['Chart.yaml', 'requirements.yaml'].flatMap((file) => {
    const { dependencies } = mappingOf(files, folder + file);
    return Array.isArray(dependencies) ? (dependencies as Record<string, unknown>[]).filter(Boolean) : [];
  });
}

/** Parsed files by chart: they are needed for every template. */
const cache = new WeakMap<ReadonlyMap<string, string>, Map<string, Mapping>>();

/** Returns an empty mapping if the file is missing or unreadable: a missing name is not an error. */
function mappingOf(files: ReadonlyMap<string, string>, path: string): Mapping {
  const mappings = cache.get(files) ?? new Map<string, Mapping>();
  cache.set(files, mappings);
  const mapping = mappings.get(path) ?? readMapping(files.get(path));
  mappings.set(path, mapping);
  return mapping;
}
