import { readManifest } from '../../helm/go-yaml.ts';
import { isMapping, type Mapping } from '../named-value.ts';

export { overlayValues } from '../../base/mapping.ts';

/** Parses values as Helm does; undefined if the text is not a mapping. */
export function parseValues(text: string): Mapping | undefined {
  return readManifest(text).object;
}

/** Returns the value at a path of keys. */
export function valueAtKeys(values: unknown, keys: readonly string[]): unknown {
  return keys.reduce<unknown>((value, key) => (isMapping(value) ? value[key] : undefined), values);
}

/** Returns a string or number as text; empty for anything else. YAML parses a version such as 1.20 as a number. */
export function scalarString(value: unknown): string {
  return typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : '';
}

/** Returns the value if it is a mapping, else an empty one. */
export function asMapping(value: unknown): Mapping {
  return isMapping(value) ? value : {};
}

/** Returns the value if it is a list, else an empty one. */
export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
