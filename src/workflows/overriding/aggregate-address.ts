import { isDeepStrictEqual } from 'node:util';
import { type Install, isMapping, scriptedInstalls } from '../../discovery/nested/index.ts';
import type { Render, Values } from '../../helm/render.ts';
import { formatPath } from '../../influence/leaves.ts';
import { chartRepository, type Target } from '../../oci/naming.ts';
import { formatRepository } from '../../oci/reference.ts';
import { type Setting, valuesOf } from '../../overrides/document.ts';
import { type Entry, entrySettings, united } from '../../overrides/formats/aggregate.ts';

/** All settings of a chart and of what its values install, with the render that they give. */
export interface Addressed {
  readonly settings: readonly Setting[];
  readonly after: Render;
  /** What the render does not show to be installed from the target with its overrides, in words. */
  readonly left: readonly string[];
}

/**
 * Puts the entries together with their chart's own settings. How an installer makes an address of a repository is not
 * guessed, but tried: of the two ways to write one in an OCI registry, the chart's own address and that of the folder that
 * holds it, the one with which the render calls Helm rightly.
 * @param base coalesced values of the chart, those of its children in their entries
 * @param own settings that come before those of the entries
 */
export async function addressEntries<E extends Entry>(
  entries: readonly E[],
  { target, base, own }: { readonly target: Target; readonly base: Values; readonly own: readonly Setting[] },
  render: (overrides: Values) => Promise<Render>,
): Promise<Addressed> {
  const attempt = async (inFolder: readonly E[]): Promise<Addressed & { readonly unresolved: readonly E[] }> => {
    const all = entries.flatMap((entry) => {
      const address = addressOf(target, entry);
      const repository = inFolder.includes(entry) ? address.slice(0, address.lastIndexOf('/')) : address;
      return entrySettings(entry, repository, base);
    });
    const settings = united([...own, ...all]);
    const after = await render(valuesOf(base, settings));
    const installs = scriptedInstalls(after.documents);
    const calls = entries.map((entry) => installs.filter((install) => isOf(target, install, entry)));
    const left = entries.flatMap((entry, i) => {
      const own = calls[i] ?? [];
      if (own.length === 0) return [`${describe(entry)}: no call of Helm in the render installs it from the target`];
      const unseen = own.flatMap((install) => install.unseen);
      if (unseen.length > 0) return [`${describe(entry)}: what it gets is not shown by the render: ${unseen[0]}`];
      if (own.every(({ values }) => holds(values, entry.overrides))) return [];
      return [`${describe(entry)}: its overrides do not reach the call of Helm that installs it`];
    });
    return { settings, after, left, unresolved: entries.filter((_, i) => calls[i]?.length === 0) };
  };
  const whole = await attempt([]);
  if (whole.unresolved.length === 0) return whole;
  const mixed = await attempt(whole.unresolved);
  return mixed.unresolved.length < whole.unresolved.length ? mixed : whole;
}

/** Whether a call installs this very chart from the target. */
function isOf(target: Target, { address, version }: Install, child: Entry): boolean {
  if (address === undefined) return false;
  return (
    `${address.repository}/${address.name}` === addressOf(target, child) &&
    (version || address.version) === child.version
  );
}

function addressOf(target: Target, { name }: Entry): string {
  return `oci://${formatRepository(chartRepository(target, name))}`;
}

function describe({ keys, name, version }: Entry): string {
  return `${formatPath(keys)} (chart ${name} ${version})`;
}

/** Whether a values tree says all that another says. */
function holds(all: unknown, part: unknown): boolean {
  if (!isMapping(part)) return isDeepStrictEqual(all, part);
  return isMapping(all) && Object.entries(part).every(([key, value]) => holds(all[key], value));
}
