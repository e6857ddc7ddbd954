import { partOf } from './naming.ts';
import { type Field, type Inherited, inheritedBy } from './split.ts';
import { childOf, type Spot } from './spot.ts';

/** A YAML mapping. */
export type Mapping = Readonly<Record<string, unknown>>;

/** A named value: a mapping's entry, an environment variable, a word of a text with its name. */
export interface Entry {
  readonly key: string | undefined;
  readonly value: unknown;
  readonly spot: Spot;
  /** The name may be chance, as in code and prose. */
  readonly loose?: boolean;
}

/** A mapping's entries with the spots of their values. */
export function entriesOf(mapping: Mapping, spot: Spot): Entry[] {
  return Object.entries(mapping).map(([key, value]) => ({ key, value, spot: childOf(spot, key) }));
}

/** Whether a value is a YAML mapping. */
export function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a value is a list of nothing but mappings. */
export function isListOfMappings(value: unknown): value is readonly Mapping[] {
  return Array.isArray(value) && value.length > 0 && value.every(isMapping);
}

/** A list's item that brings its name along: `{name, value}`, `--flag=value`, or the value behind `--flag`. */
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

/** Helm charts keep what holds for all their images in the mapping itself or in `global`. */
export function inheritedFrom(entries: readonly Entry[], fields: readonly Field[], above: Inherited): Inherited {
  const own = inheritedBy(fields);
  const global = entries.find(({ key, value }) => key === 'global' && isMapping(value));
  const shared = isMapping(global?.value) ? inheritedBy(entriesOf(global.value, global.spot).flatMap(toField)) : [];
  return [own, shared].find((parts) => parts.length > 0) ?? above;
}

/** An entry that may be part of a split; none otherwise. */
export function toField({ key, value, spot }: Entry): Field[] {
  if (key === undefined || partOf(key, true) === undefined) return [];
  return typeof value === 'string' || typeof value === 'number' ? [{ key, text: String(value).trim(), spot }] : [];
}
