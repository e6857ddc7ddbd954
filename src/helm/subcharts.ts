import { readMapping } from './go-yaml.ts';

/** A chart inside a chart, as its parent uses it. */
export interface Subchart {
  /** As its own Chart.yaml has it. */
  readonly name: string;
  readonly version?: string;
  /** The name that the parent gives it (`dependencies[].alias`), which Helm then uses for its templates and values. */
  readonly alias?: string;
}

/**
 * The subcharts in which a template lies, outermost first; none for one of the chart itself.
 * @param files texts of every Chart.yaml and requirements.yaml by their path in the chart (`charts/sub/Chart.yaml`)
 * @param template as Helm prints it, `chart/charts/sub/templates/x.yaml`
 */
export function subchartsOf(files: ReadonlyMap<string, string>, template: string): Subchart[] {
  const names = (template.split('/templates/')[0] ?? '').split('/charts/').slice(1);
  let folder = '';
  return names.map((path) => {
    const used = path.split('/')[0] ?? path;
    const own = dependenciesOf(files, folder).find(({ alias }) => alias === used)?.name;
    const name = typeof own === 'string' ? own : used;
    folder = `${folder}charts/${name}/`;
    const { version } = mappingOf(files, `${folder}Chart.yaml`);
    return {
      name,
      ...(typeof version === 'string' ? { version } : {}),
      ...(name === used ? {} : { alias: used }),
    };
  });
}

/** Helm 2 charts have them in a file of their own. */
function dependenciesOf(files: ReadonlyMap<string, string>, folder: string): Record<string, unknown>[] {
  return ['Chart.yaml', 'requirements.yaml'].flatMap((file) => {
    const { dependencies } = mappingOf(files, folder + file);
    return Array.isArray(dependencies) ? (dependencies as Record<string, unknown>[]).filter(Boolean) : [];
  });
}

type Mapping = Readonly<Record<string, unknown>>;

/** What was read of the files of a chart: each is asked for with every template. */
const known = new WeakMap<ReadonlyMap<string, string>, Map<string, Mapping>>();

/** Empty when there is none or it cannot be read: a name less is no reason to fail. */
function mappingOf(files: ReadonlyMap<string, string>, path: string): Mapping {
  const all = known.get(files) ?? new Map<string, Mapping>();
  known.set(files, all);
  const mapping = all.get(path) ?? readMapping(files.get(path));
  all.set(path, mapping);
  return mapping;
}
