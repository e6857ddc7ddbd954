import { withoutEnd } from '../../base/text-ends.ts';
import { isMapping, type Mapping } from '../entry.ts';
import { addressOf, type NestedChart } from './chart.ts';
import { type Install, isOpen } from './installs.ts';
import { at, list, overlay, parseValues, textOf } from './values.ts';

/** An entry of the values with the shape of a chart: a chart repository and a version. */
interface Declared {
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
export function declaredCharts(values: Mapping, installs: readonly Install[], text: string): NestedChart[] {
  const declared = declaredIn(values, []);
  const used = new Set<Install>();
  const explicit = declared.flatMap((entry) => {
    const calls = installs.filter((install) => isOf(install, entry, text));
    for (const call of calls) used.add(call);
    return calls.map((call): [Declared, NestedChart | undefined] => [entry, chartOf(entry, call)]);
  });
  const maps = new Set(explicit.map(([{ keys }]) => parentOf(keys)));
  const loop = installs.find((install) => isOpen(install.chart));
  const listed =
    loop === undefined
      ? []
      : declared
          .filter((entry) => !maps.has(parentOf(entry.keys)) && stands(entry, text) && !isOff(entry, values))
          .map((entry) => chartOf(entry, loop));
  const plain = installs.filter((install) => !used.has(install)).map(installedAlone);
  return [...explicit.map(([, chart]) => chart), ...listed, ...plain].filter((chart) => chart !== undefined);
}

function declaredIn(value: unknown, keys: readonly string[]): Declared[] {
  if (Array.isArray(value)) return value.flatMap((item, i) => declaredIn(item, [...keys, String(i)]));
  if (!isMapping(value)) return [];
  const below = Object.entries(value).flatMap(([key, item]) => declaredIn(item, [...keys, key]));
  const own = entryOf(value, keys);
  return own === undefined ? below : [own, ...below];
}

/** Keys under which such entries have their parts; the first non-empty one is used. */
const VERSION = ['version', 'chartVersion', 'targetRevision'];
const REPOSITORY = ['repository', 'repoURL', 'repoUrl', 'repositoryURL', 'repo', 'chart'];
const VALUES = ['values', 'valuesObject', 'valuesContent'];

/** Returns the keys of a declared entry for its version, repository and values; the default key where it has none. */
export function fieldsOf(entry: Mapping): Readonly<Record<'version' | 'repository' | 'values', string>> {
  const first = (names: readonly string[]): string | undefined => names.find((name) => textOf(entry[name]) !== '');
  return {
    version: first(VERSION) ?? 'version',
    repository: first(REPOSITORY) ?? 'repository',
    values: VALUES.find((name) => Boolean(entry[name])) ?? 'values',
  };
}

function entryOf(entry: Mapping, keys: readonly string[]): Declared | undefined {
  const first = (...names: readonly string[]): string => names.map((name) => textOf(entry[name])).find(Boolean) ?? '';
  const version = first(...VERSION);
  const repository = first(...REPOSITORY);
  if (version === '' || !/^(?:https?|oci):\/\/\S+$/.test(repository)) return undefined;
  const key = keys.at(-1) ?? '';
  const isItem = /^\d+$/.test(key);
  const chart = first('chart', 'chartName').replace(/^.*\//, '');
  const name = chart || first('name', 'releaseName') || (isItem ? '' : key);
  const release = first('releaseName', 'release', 'name') || (isItem ? name : key);
  return name === '' ? undefined : { keys, name, release, version, repository, entry };
}

function isOf(
  { chart, release, address }: Install,
  { name, release: own, repository }: Declared,
  text: string,
): boolean {
  if (isOpen(chart)) return false;
  const base = withoutEnd(repository, '/');
  if (chart === base) return true;
  if (address !== undefined) return withoutEnd(address.repository, '/') === base && address.name === name;
  const named = release === own || release === name || chart.slice(chart.lastIndexOf('/') + 1) === name;
  return named && text.includes(base);
}

function chartOf(
  { keys, name, release, version, repository, entry }: Declared,
  call: Install,
): NestedChart | undefined {
  const written = call.address ?? addressOf(name, repository, version);
  if (written === undefined) return undefined;
  const given = VALUES.map((key) => entry[key]).find(Boolean);
  const own = isMapping(given) ? given : (parseValues(textOf(given)) ?? {});
  const { set, setString, unseen } = call;
  const namespace = call.namespace || textOf(entry.namespace);
  const pinned = call.version || version;
  return {
    ...written,
    version: pinned,
    values: overlay(own, call.values),
    set,
    setString,
    // Values files that a script reads mostly contain the entry's own values.
    unseen: Object.keys(own).length > 0 ? [] : unseen,
    releaseName: isOpen(call.release) ? release : call.release || release,
    namespace,
    via: { ...call.via, values: keys },
  };
}

/** A Helm call without an entry in the values that contains the complete address. */
function installedAlone({
  address,
  values,
  set,
  setString,
  unseen,
  release,
  namespace,
  via,
}: Install): NestedChart | undefined {
  if (address === undefined) return undefined;
  return { ...address, values, set, setString, unseen, releaseName: release, namespace, via };
}

function stands({ name, version, repository }: Declared, text: string): boolean {
  return [name, version, withoutEnd(repository, '/')].every((part) => text.includes(part));
}

/**
 * Tests whether an entry is disabled: by its own flag, by a `condition` as in Helm dependencies, or by its name in a
 * mapping of switches.
 */
function isOff({ keys, name, entry }: Declared, values: Mapping): boolean {
  if (entry.enabled === false || entry.install === false || entry.create === false || entry.disabled === true)
    return true;
  const conditions = textOf(entry.condition)
    .split(',')
    .map((path) => at(values, path.trim().split('.')));
  const decided = conditions.find((value) => typeof value === 'boolean');
  if (decided !== undefined) return decided === false;
  const key = keys.at(-1) ?? name;
  return switchesIn(values).some((switches) => switches[key] === false || switches[name] === false);
}

/** Returns the mappings that contain only booleans. */
function switchesIn(value: unknown): Mapping[] {
  if (!isMapping(value)) return list(value).flatMap(switchesIn);
  const all = Object.values(value);
  if (all.length > 1 && all.every((item) => typeof item === 'boolean')) return [value];
  return all.flatMap(switchesIn);
}

function parentOf(keys: readonly string[]): string {
  return JSON.stringify(keys.slice(0, -1));
}
