import { yamlDocument } from '../../base/yaml-reading.ts';
import { isMapping, type Mapping } from '../entry.ts';

/** A chart or subchart of an archive, as far as its declarations need it. */
export interface DeclaringChart {
  /** Folder inside the unpacked chart with a slash behind it, `charts/redis/`; empty for the chart itself. */
  readonly folder: string;
  readonly metadata: Mapping;
  /** What its conditions are looked up in, once for each alias. Empty when it is switched off. */
  readonly scopes: readonly Mapping[];
  /** Whether a chart below it, by name or alias, is switched on; undefined when it declares none of that name. */
  readonly isOn: (dependency: string) => boolean | undefined;
}

/** The chart and every subchart whose Chart.yaml is there, each with the values that are its own. */
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
  const dependencies = [metadata.dependencies, readYaml(files, `${folder}requirements.yaml`).dependencies]
    .flatMap((list) => (Array.isArray(list) ? list : []))
    .filter(isMapping);
  const named = (name: string): Mapping[] =>
    dependencies.filter((dependency) => dependency.name === name || dependency.alias === name);
  const isOn = (name: string): boolean | undefined => {
    const found = named(name);
    if (found.length === 0) return undefined;
    return found.some((dependency) => scopes.some((scope) => isEnabled(dependency, scope, tags)));
  };
  const below = childFolders(folder, files).flatMap((child) => {
    const own = readYaml(files, `${child}Chart.yaml`);
    const name = typeof own.name === 'string' ? own.name : child.slice(folder.length + 'charts/'.length, -1);
    const declared = named(name);
    // A chart that merely lies in charts/ is installed too.
    const uses: readonly Mapping[] = declared.length === 0 ? [{ name }] : declared;
    const inner = uses.flatMap((dependency) =>
      scopes.filter((scope) => isEnabled(dependency, scope, tags)).map((scope) => scopeBelow(scope, dependency)),
    );
    return chartsFrom(child, own, files, inner, tags);
  });
  return [{ folder, metadata, scopes, isOn }, ...below];
}

function childFolders(folder: string, files: ReadonlyMap<string, string>): string[] {
  const prefix = `${folder}charts/`;
  const names = [...files.keys()].flatMap((path) =>
    path.startsWith(prefix) ? (/^([^/]+)\/Chart\.yaml$/.exec(path.slice(prefix.length))?.[1] ?? []) : [],
  );
  return [...new Set(names)].sort().map((name) => `${prefix}${name}/`);
}

/** A subchart's values stand below its alias or its name, with the parent's `global` beside its own. */
function scopeBelow(scope: Mapping, { name, alias }: Mapping): Mapping {
  const own = scope[String(alias ?? name)];
  const global = isMapping(scope.global) ? { global: scope.global } : {};
  return { ...global, ...(isMapping(own) ? own : {}) };
}

/** Helm's rule: the first condition path that holds a boolean decides; without one, any tag that is set does. */
function isEnabled({ condition, tags }: Mapping, scope: Mapping, switches: Mapping): boolean {
  const paths = typeof condition === 'string' ? condition.split(',') : [];
  const decided = paths.map((path) => valueAt(scope, path.trim())).find((value) => typeof value === 'boolean');
  if (decided !== undefined) return decided as boolean;
  const set = (Array.isArray(tags) ? tags : []).map((tag) => switches[String(tag)]).filter((on) => on !== undefined);
  return set.length === 0 || set.some((on) => on === true);
}

function tagsOf(values: Mapping): Mapping {
  return isMapping(values.tags) ? values.tags : {};
}

/** The value at a dotted path; undefined when there is none. */
export function valueAt(values: Mapping, path: string): unknown {
  let value: unknown = values;
  for (const key of path.split('.')) {
    if (!isMapping(value)) return undefined;
    value = value[key];
  }
  return value;
}

/** A file's mapping; empty when the file is missing or is none. */
export function readYaml(files: ReadonlyMap<string, string>, path: string): Mapping {
  const value = parseQuietly(files.get(path) ?? '');
  return isMapping(value) ? value : {};
}

/** What a reader without room or a key that is no text leaves of a document is not walked. */
const HOPELESS: readonly string[] = ['RESOURCE_EXHAUSTION', 'NON_STRING_KEY'];

/** As much of a text as is YAML; undefined for one that is none. */
export function parseQuietly(text: string): unknown {
  try {
    const document = yamlDocument(text, { uniqueKeys: false, logLevel: 'silent' });
    return document.errors.some(({ code }) => HOPELESS.includes(code)) ? undefined : document.toJS();
  } catch {
    return undefined;
  }
}
