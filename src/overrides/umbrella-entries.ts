import { isDeepStrictEqual } from 'node:util';
import type { Document } from 'yaml';
import { formatPath, valueAt } from '../base/field-path.ts';
import { isMapping } from '../base/mapping.ts';
import { readYamlDocument } from '../base/yaml-read.ts';
import { documentText } from '../base/yaml-text.ts';
import { type HelmInstall, scriptedInstalls } from '../discovery/nested/index.ts';
import type { Render, Values } from '../helm/render.ts';
import { chartRepository, type Target } from '../naming/naming.ts';
import { formatRepository } from '../oci/reference.ts';
import { buildOverlay, type LeafPath } from '../value-tracing/leaves.ts';
import { mergeValues } from './formats/host-manifest.ts';
import { mergeSettings, type Setting } from './settings/setting.ts';

/** Settings of a chart and of the charts that its values install, and the render with them. */
export interface AddressedEntries {
  readonly settings: readonly Setting[];
  readonly after: Render;
  /** Entries that the render does not prove to be installed from the target with their overrides, one sentence each. */
  readonly left: readonly string[];
}

/**
 * Merges the settings of the entries with those of their chart. Installers differ in how they build a chart's address
 * from a repository, so both forms are tried, the chart's own address and that of its parent repository. The form with
 * which the render calls Helm correctly is used.
 * @param base coalesced values of the chart, with its children's values in their entries
 * @param ownSettings settings of the chart itself
 */
export async function addressEntries<E extends ChartEntry>(
  entries: readonly E[],
  {
    target,
    base,
    ownSettings,
  }: { readonly target: Target; readonly base: Values; readonly ownSettings: readonly Setting[] },
  render: (overrides: Values) => Promise<Render>,
): Promise<AddressedEntries> {
  const attempt = async (
    addressedByParent: readonly E[],
  ): Promise<AddressedEntries & { readonly unresolved: readonly E[] }> => {
    const childSettings = entries.flatMap((entry) => {
      const address = chartAddress(target, entry);
      const repository = addressedByParent.includes(entry) ? address.slice(0, address.lastIndexOf('/')) : address;
      return entrySettings(entry, repository, base);
    });
    const settings = mergeSettings(ownSettings, childSettings);
    const after = await render(buildOverlay(base, settings));
    const installs = scriptedInstalls(after.documents);
    const calls = entries.map((entry) => installs.filter((install) => installsEntry(target, install, entry)));
    const left = entries.flatMap((entry, i) => {
      const entryCalls = calls[i] ?? [];
      if (entryCalls.length === 0)
        return [`${entryText(entry)}: no Helm command in the render installs it from the target`];
      const unresolvedValues = entryCalls.flatMap((install) => install.unresolved);
      if (unresolvedValues.length > 0)
        return [`${entryText(entry)}: the render does not show all of its values: ${unresolvedValues[0]}`];
      if (entryCalls.every(({ values }) => includesValues(values, entry.overrides))) return [];
      return [`${entryText(entry)}: its overrides do not reach the Helm command that installs it`];
    });
    return { settings, after, left, unresolved: entries.filter((_, i) => calls[i]?.length === 0) };
  };
  const withOwnAddresses = await attempt([]);
  if (withOwnAddresses.unresolved.length === 0) return withOwnAddresses;
  const withParentAddresses = await attempt(withOwnAddresses.unresolved);
  return withParentAddresses.unresolved.length < withOwnAddresses.unresolved.length
    ? withParentAddresses
    : withOwnAddresses;
}

/** Reports whether a Helm command installs this chart from the target. */
function installsEntry(target: Target, { address, version }: HelmInstall, child: ChartEntry): boolean {
  if (address === undefined) return false;
  return (
    `${address.repository}/${address.name}` === chartAddress(target, child) &&
    (version || address.version) === child.version
  );
}

function chartAddress(target: Target, { name }: ChartEntry): string {
  return `oci://${formatRepository(chartRepository(target, name))}`;
}

function entryText({ keys, name, version }: ChartEntry): string {
  return `${formatPath(keys)} (chart ${name} ${version})`;
}

/** Reports whether a values tree includes all values of another. */
function includesValues(all: unknown, part: unknown): boolean {
  if (!isMapping(part)) return isDeepStrictEqual(all, part);
  return isMapping(all) && Object.entries(part).every(([key, value]) => includesValues(all[key], value));
}

/** Chart that an entry of a parent chart's values installs, with its overrides. */
export interface ChartEntry {
  /** Keys of the entry in the parent's values. */
  readonly keys: LeafPath;
  /** Keys of the entry's own fields. */
  readonly fields: Readonly<Record<'version' | 'repository' | 'values', string>>;
  readonly name: string;
  /** Version of the chart that was found; repositories also match a version without its `v`. */
  readonly version: string;
  /** Coalesced values, as the parent installs the chart. */
  readonly base: Values;
  readonly settings: readonly Setting[];
  readonly overrides: Values;
}

/**
 * Returns the parent's settings for an entry: repository, version and overrides. Existing values are not repeated,
 * because Helm merges the file over them; values given as text are one leaf and are written whole.
 * @param base coalesced values of the parent
 */
export function entrySettings(entry: ChartEntry, repository: string, base: Values): Setting[] {
  const { keys, fields, name, version, settings, overrides } = entry;
  const valuesPath = [...keys, fields.values];
  const current = valueAt(base, valuesPath);
  const valueSettings =
    typeof current === 'string'
      ? [
          {
            path: valuesPath,
            value: mergedYaml(current, overrides),
            comment: settings.map(({ comment }) => comment).join('\n'),
          },
        ]
      : settings.map((setting) => ({ ...setting, path: [...valuesPath, ...setting.path] }));
  return [
    { path: [...keys, fields.repository], value: repository, comment: `chart ${name} at the target` },
    { path: [...keys, fields.version], value: version, comment: 'chart version at the target' },
    ...(settings.length === 0 ? [] : valueSettings),
  ];
}

function mergedYaml(text: string, overrides: Values): string {
  const document = readYamlDocument(text) as Document;
  mergeValues(document, [], overrides);
  return documentText(document);
}

/**
 * Returns the parent's values with each child's values in its entry, because overrides replace a child's default lists
 * whole.
 */
export function withEntryValues(base: Values, entries: readonly ChartEntry[]): Values {
  const copy = structuredClone(base) as Record<string | number, unknown>;
  for (const { keys, fields, base: childValues } of entries) {
    const entry = valueAt(copy, keys) as Record<string, unknown>;
    if (typeof entry[fields.values] !== 'string') entry[fields.values] = structuredClone(childValues);
  }
  return copy;
}
