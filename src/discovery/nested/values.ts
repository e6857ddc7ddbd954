import { readManifest } from '../../helm/go-yaml.ts';
import { isMapping, type Mapping } from '../entry.ts';

/** Values as Helm lays them over others: mappings are united, anything else is replaced. A null stays: it takes a default away. */
export function overlay(base: Mapping, over: Mapping): Mapping {
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = result[key];
    result[key] = isMapping(below) && isMapping(value) ? overlay(below, value) : value;
  }
  return result;
}

/** Values in a text, as Helm reads them; undefined when it holds no mapping. */
export function parseValues(text: string): Mapping | undefined {
  return readManifest(text).object;
}

/** What stands at the end of a path of keys. */
export function at(values: unknown, keys: readonly string[]): unknown {
  return keys.reduce<unknown>((value, key) => (isMapping(value) ? value[key] : undefined), values);
}

/** A scalar as text; empty for anything else. YAML reads a version such as 1.20 as a number. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : '';
}

/** The mapping, or an empty one. */
export function mapping(value: unknown): Mapping {
  return isMapping(value) ? value : {};
}

/** The list, or an empty one. */
export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
