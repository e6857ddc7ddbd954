import { valueAt } from '../../base/field-path.ts';
import { isMapping, type Mapping, overlayValues } from '../../base/mapping.ts';
import { trimTrailing } from '../../base/text-trim.ts';
import { type NestedChart, parseChartAddress } from './chart.ts';
import { type HelmInstall, hasUnresolvedVariable } from './helm-installs.ts';
import { asList, parseValues, scalarString } from './resource.ts';

/** An entry of the values with the shape of a chart: a chart repository and a version. */
interface DeclaredChart {
  readonly keys: readonly string[];
  readonly name: string;
  readonly release: string;
  readonly version: string;
  /** As written in the values. */
  readonly repository: string;
  readonly entry: Mapping;
}

/**
 * Returns the charts that the values declare and a script installs. The evidence is a Helm call that names the chart or
 * release of the entry, in a render that contains its repository. If the calls are written out, they determine what is
 * installed, because the templates have applied all switches. If a script iterates over a list, name, repository and
 * version must occur in the render, and the switches in the values are applied here.
 */
export function declaredCharts(values: Mapping, installs: readonly HelmInstall[], text: string): NestedChart[] {
  const declared = declaredChartsIn(values, []);
  const matchedInstalls = new Set<HelmInstall>();
  const explicit = declared.flatMap((entry) => {
    const calls = installs.filter((install) => isInstallOf(install, entry, text));
    for (const call of calls) matchedInstalls.add(call);
    return calls.map((call): [DeclaredChart, NestedChart | undefined] => [entry, chartOf(entry, call)]);
  });
  const explicitParents = new Set(explicit.map(([{ keys }]) => parentKey(keys)));
  const loop = installs.find((install) => hasUnresolvedVariable(install.chart));
  const listed =
    loop === undefined
      ? []
      : declared
          .filter(
            (entry) =>
              !explicitParents.has(parentKey(entry.keys)) && isMentioned(entry, text) && !isSwitchedOff(entry, values),
          )
          .map((entry) => chartOf(entry, loop));
  const standalone = installs.filter((install) => !matchedInstalls.has(install)).map(standaloneChart);
  return [...explicit.map(([, chart]) => chart), ...listed, ...standalone].filter((chart) => chart !== undefined);
}

function declaredChartsIn(value: unknown, keys: readonly string[]): DeclaredChart[] {
  if (Array.isArray(value)) return value.flatMap((item, i) => declaredChartsIn(item, [...keys, String(i)]));
  if (!isMapping(value)) return [];
  const nested = Object.entries(value).flatMap(([key, item]) => declaredChartsIn(item, [...keys, key]));
  const chart = toDeclaredChart(value, keys);
  return chart === undefined ? nested : [chart, ...nested];
}

/** Keys under which such entries have their parts; the first non-empty one is used. */
const VERSION = ['version', 'chartVersion', 'targetRevision'];
const REPOSITORY = ['repository', 'repoURL', 'repoUrl', 'repositoryURL', 'repo', 'chart'];
const VALUES = ['values', 'valuesObject', 'valuesContent'];

/** Returns the keys of a declared entry for its version, repository and values; the default key where it has none. */
export function declarationKeys(entry: Mapping): Readonly<Record<'version' | 'repository' | 'values', string>> {
  const firstKey = (names: readonly string[]): string | undefined =>
    names.find((name) => scalarString(entry[name]) !== '');
  return {
    version: firstKey(VERSION) ?? 'version',
    repository: firstKey(REPOSITORY) ?? 'repository',
    values: VALUES.find((name) => Boolean(entry[name])) ?? 'values',
  };
}

function toDeclaredChart(entry: Mapping, keys: readonly string[]): DeclaredChart | undefined {
  const firstText = (...names: readonly string[]): string =>
    names.map((name) => scalarString(entry[name])).find(Boolean) ?? '';
  const version = firstText(...VERSION);
  const repository = firstText(...REPOSITORY);
  if (version === '' || !/^(?:https?|oci):\/\/\S+$/.test(repository)) return undefined;
  const key = keys.at(-1) ?? '';
  const isItem = /^\d+$/.test(key);
  const chart = firstText('chart', 'chartName').replace(/^.*\//, '');
  const name = chart || firstText('name', 'releaseName') || (isItem ? '' : key);
  const release = firstText('releaseName', 'release', 'name') || (isItem ? name : key);
  return name === '' ? undefined : { keys, name, release, version, repository, entry };
}

function isInstallOf(
  { chart, release, address }: HelmInstall,
  { name, release: declaredRelease, repository }: DeclaredChart,
  text: string,
): boolean {
  if (hasUnresolvedVariable(chart)) return false;
  const base = trimTrailing(repository, '/');
  if (chart === base) return true;
  if (address !== undefined) return trimTrailing(address.repository, '/') === base && address.name === name;
  const isNamed = release === declaredRelease || release === name || chart.slice(chart.lastIndexOf('/') + 1) === name;
  return isNamed && text.includes(base);
}

function chartOf(
  { keys, name, release, version, repository, entry }: DeclaredChart,
  call: HelmInstall,
): NestedChart | undefined {
  const address = call.address ?? parseChartAddress(name, repository, version);
  if (address === undefined) return undefined;
  const declaredValues = VALUES.map((key) => entry[key]).find(Boolean);
  const entryValues = isMapping(declaredValues) ? declaredValues : (parseValues(scalarString(declaredValues)) ?? {});
  const { set, setString, unresolved } = call;
  const namespace = call.namespace || scalarString(entry.namespace);
  return {
    ...address,
    version: call.version || version,
    values: overlayValues(entryValues, call.values),
    set,
    setString,
    // Values files that a script reads mostly contain the entry's own values.
    unresolved: Object.keys(entryValues).length > 0 ? [] : unresolved,
    releaseName: hasUnresolvedVariable(call.release) ? release : call.release || release,
    namespace,
    via: { ...call.via, values: keys },
  };
}

/** A Helm call without an entry in the values that contains the complete address. */
function standaloneChart({
  address,
  values,
  set,
  setString,
  unresolved,
  release,
  namespace,
  via,
}: HelmInstall): NestedChart | undefined {
  if (address === undefined) return undefined;
  return { ...address, values, set, setString, unresolved, releaseName: release, namespace, via };
}

function isMentioned({ name, version, repository }: DeclaredChart, text: string): boolean {
  return [name, version, trimTrailing(repository, '/')].every((part) => text.includes(part));
}

/**
 * Reports whether an entry is disabled: by its own flag, by a `condition` as in Helm dependencies, or by its name in a
 * mapping of switches.
 */
function isSwitchedOff({ keys, name, entry }: DeclaredChart, values: Mapping): boolean {
  if (entry.enabled === false || entry.install === false || entry.create === false || entry.disabled === true)
    return true;
  const conditions = scalarString(entry.condition)
    .split(',')
    .map((path) => valueAt(values, path.trim().split('.')));
  const conditionValue = conditions.find((value) => typeof value === 'boolean');
  if (conditionValue !== undefined) return conditionValue === false;
  const key = keys.at(-1) ?? name;
  return switchesIn(values).some((switches) => switches[key] === false || switches[name] === false);
}

/** Returns the mappings that contain only booleans. */
function switchesIn(value: unknown): Mapping[] {
  if (!isMapping(value)) return asList(value).flatMap(switchesIn);
  const all = Object.values(value);
  if (all.length > 1 && all.every((item) => typeof item === 'boolean')) return [value];
  return all.flatMap(switchesIn);
}

function parentKey(keys: readonly string[]): string {
  return JSON.stringify(keys.slice(0, -1));
}
