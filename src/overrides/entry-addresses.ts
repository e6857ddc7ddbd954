import { isDeepStrictEqual } from 'node:util';
import { isMapping } from '../base/mapping.ts';
import { type HelmInstall, scriptedInstalls } from '../discovery/nested/index.ts';
import type { Render, Values } from '../helm/render.ts';
import { chartRepository, type Target } from '../naming/naming.ts';
import { formatRepository } from '../oci/reference.ts';
import { formatPath } from '../value-tracing/leaves.ts';
import { type ChartEntry, entrySettings, mergeSettings } from './formats/umbrella-values.ts';
import { type Setting, valuesOf } from './overrides-file.ts';

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
    const settings = mergeSettings([...ownSettings, ...childSettings]);
    const after = await render(valuesOf(base, settings));
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
