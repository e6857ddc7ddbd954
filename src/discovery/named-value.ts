import { childPath, type FieldPath } from '../base/field-path.ts';
import { isMapping, type Mapping } from '../base/mapping.ts';
import { splitRoleOf } from './key-evidence.ts';
import { type Field, type InheritedParts, ownParts } from './split.ts';

/** A named value: entry of a mapping, environment variable, or a word of a text and its name. */
export interface NamedValue {
  readonly key: string | undefined;
  readonly value: unknown;
  readonly fieldPath: FieldPath;
  /** The name may be a coincidence, as in code and prose. */
  readonly weakKey?: boolean;
}

/** Returns the entries of a mapping with the paths of their values. */
export function entriesOf(mapping: Mapping, fieldPath: FieldPath): NamedValue[] {
  return Object.entries(mapping).map(([key, value]) => ({ key, value, fieldPath: childPath(fieldPath, key) }));
}

/** Returns a list item with its name, if it has one: `{name, value}`, `--flag=value`, or the value after `--flag`. */
export function namedItem(item: unknown, previous: unknown, fieldPath: FieldPath): NamedValue {
  if (isMapping(item) && typeof item.name === 'string' && typeof item.value === 'string') {
    return { key: item.name, value: item.value, fieldPath: childPath(fieldPath, 'value') };
  }
  if (typeof item !== 'string') return { key: undefined, value: item, fieldPath };
  const [, key, value] = /^(-{1,2}[A-Za-z][\w.-]*)=(.*)$/s.exec(item) ?? [];
  if (key !== undefined) return { key, value, fieldPath };
  const isNamed = typeof previous === 'string' && /^-{1,2}[A-Za-z][\w.-]*$/.test(previous) && !item.startsWith('-');
  return { key: isNamed ? previous : undefined, value: item, fieldPath };
}

/** Returns the prefix and tag that apply to the images below: charts set them in the mapping itself or in `global`. */
export function inheritedParts(
  entries: readonly NamedValue[],
  fields: readonly Field[],
  outerParts: InheritedParts,
): InheritedParts {
  const global = entries.find(({ key, value }) => key === 'global' && isMapping(value));
  const globalParts = isMapping(global?.value)
    ? ownParts(entriesOf(global.value, global.fieldPath).flatMap(toField))
    : {};
  return { ...outerParts, ...globalParts, ...ownParts(fields) };
}

/** Converts an entry to a field of a split reference; empty if its key has no such role. */
export function toField({ key, value, fieldPath }: NamedValue): Field[] {
  if (key === undefined || splitRoleOf(key, true) === undefined) return [];
  return typeof value === 'string' || typeof value === 'number' ? [{ key, text: String(value).trim(), fieldPath }] : [];
}
