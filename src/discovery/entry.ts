import { partOf } from './naming.ts';
import { type Field, type Inherited, inheritedBy } from './split.ts';
import { childOf, type Spot } from './spot.ts';

/** A YAML mapping. */
export type Mapping = Readonly<Record<string, unknown>>;

/** A named value: entry of a mapping, environment variable, or a word of a text and its name. */
export interface Entry {
  readonly key: string | undefined;
  readonly value: unknown;
  readonly spot: Spot;
  /** The name may be a coincidence, as in code and prose. */
  readonly loose?: boolean;
}

/** Returns the entries of a mapping with the paths of their values. */
export function entriesOf(mapping: Mapping, spot: Spot): Entry[] {
  return Object.entries(mapping).map(([key, value]) => ({ key, value, spot: childOf(spot, key) }));
}

/** Tests whether a value is a YAML mapping. */
export function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Tests whether a value is a non-empty list that contains only mappings. */
export function isListOfMappings(value: unknown): value is readonly Mapping[] {
  return Array.isArray(value) && value.length > 0 && value.every(isMapping);
}

/** Returns a list item with its name, if it has one: `{name, value}`, `--flag=value`, or the value after `--flag`. */
export function namedItem(item: unknown, before: unknown, spot: Spot): Entry {
  if (isMapping(item) && typeof item.name === 'string' && typeof item.value === 'string') {
    return { key: item.name, value: item.value, spot: childOf(spot, 'value') };
  }
  if (typeof item !== 'string') return { key: undefined, value: item, spot };
  const [, key, value] = /^(-{1,2}[A-Za-z][\w.-]*)=(.*)$/s.exec(item) ?? [];
  if (key !== undefined) return { key, value, spot };
  const named = typeof before === 'string' && /^-{1,2}[A-Za-z][\w.-]*$/.test(before) && !item.startsWith('-');
  return { key: named ? before : undefined, value: item, spot };
}

/**
 * Returns the registry and tag that apply to the images below: charts set them in the mapping itself or in `global`.
 */
export function inheritedFrom(entries: readonly Entry[], fields: readonly Field[], above: Inherited): Inherited {
  const own = inheritedBy(fields);
  const global = entries.find(({ key, value }) => key === 'global' && isMapping(value));
  const shared = isMapping(global?.value) ? inheritedBy(entriesOf(global.value, global.spot).flatMap(toField)) : [];
  return [own, shared].find((parts) => parts.length > 0) ?? above;
}

/** Converts an entry to a field of a split reference; empty if its key has no such role. */
export function toField({ key, value, spot }: Entry): Field[] {
  if (key === undefined || partOf(key, true) === undefined) return [];
  return typeof value === 'string' || typeof value === 'number' ? [{ key, text: String(value).trim(), spot }] : [];
}
