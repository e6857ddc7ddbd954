import { isDeepStrictEqual } from 'node:util';
import { runInNewContext } from 'node:vm';

/**
 * Structural schema of a custom resource definition
 * (kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions).
 */
export type Schema = Readonly<Record<string, unknown>>;

/** Reason for which an API server rejects a value. */
export interface Violation {
  /** `imagePullSecrets[0]`; empty for the value itself. */
  readonly path: string;
  /** Predicate that follows the field's name, such as `is not of type string`. */
  readonly message: string;
}

/** Limits for matching patterns, because pattern and text come from the chart: characters of text, and milliseconds. */
const PATTERN = { text: 4096, time: 100 } as const;

/**
 * Returns what an API server would reject: types, required and unknown fields, enumerations, lengths and patterns. CEL
 * rules and formats are not checked. Null counts as an absent field.
 */
export function violations(schema: Schema, value: unknown, path = ''): Violation[] {
  if (value === null || value === undefined) return [];
  const found: Violation[] = [];
  const say = (message: string): void => void found.push({ path, message });
  const type = schema['x-kubernetes-int-or-string'] === true ? 'integer or string' : schema.type;
  if (typeof type === 'string' && !isOf(type, value)) return [{ path, message: `is not of type ${type}` }];
  if (Array.isArray(schema.enum) && !schema.enum.some((one) => isDeepStrictEqual(one, value))) {
    say(`is not one of ${schema.enum.map(String).join(', ')}`);
  }
  if (typeof value === 'string') inText(schema, value, say);
  if (typeof value === 'number') inNumber(schema, value, say);
  if (Array.isArray(value)) {
    inList(schema, value, say);
    const items = asSchema(schema.items);
    if (items !== undefined)
      for (const [i, item] of value.entries()) found.push(...violations(items, item, `${path}[${i}]`));
  } else if (typeof value === 'object') {
    found.push(...inObject(schema, value as Readonly<Record<string, unknown>>, path));
  }
  found.push(...combined(schema, value, path));
  return found;
}

/** Returns the schema of a field or an item; undefined if it is not defined, `any` if every value is allowed. */
export function schemaOf(schema: Schema, key: string | number): Schema | 'any' | undefined {
  if (typeof key === 'number') return asSchema(schema.items) ?? 'any';
  const { properties, additionalProperties } = schema;
  const own = asSchema(asSchema(properties)?.[key]);
  if (own !== undefined) return own;
  if (additionalProperties === true || schema['x-kubernetes-preserve-unknown-fields'] === true) return 'any';
  const isEmbedded = schema['x-kubernetes-embedded-resource'] === true && /^(?:apiVersion|kind|metadata)$/.test(key);
  if (isEmbedded) return 'any';
  return asSchema(additionalProperties);
}

function isOf(type: string, value: unknown): boolean {
  switch (type) {
    case 'integer or string':
      return typeof value === 'string' || Number.isInteger(value);
    case 'integer':
      return Number.isInteger(value);
    case 'array':
      return Array.isArray(value);
    case 'object':
      return typeof value === 'object' && !Array.isArray(value);
    default:
      return typeof value === type;
  }
}

type Say = (message: string) => void;

function inText({ minLength, maxLength, pattern }: Schema, value: string, say: Say): void {
  const { length } = [...value];
  if (typeof minLength === 'number' && length < minLength) say(`is shorter than ${minLength}`);
  if (typeof maxLength === 'number' && length > maxLength) say(`is longer than ${maxLength}`);
  if (typeof pattern === 'string' && !fits(pattern, value)) say(`does not match pattern ${pattern}`);
}

/** Patterns that timed out or are invalid. */
const unusable = new Set<string>();

/** Reports whether a text matches; true if that cannot be determined. */
function fits(pattern: string, text: string): boolean {
  if (text.length > PATTERN.text || unusable.has(pattern)) return true;
  try {
    return runInNewContext('new RegExp(pattern).test(text)', { pattern, text }, { timeout: PATTERN.time }) === true;
  } catch {
    unusable.add(pattern);
    return true;
  }
}

function inNumber({ minimum, maximum }: Schema, value: number, say: Say): void {
  if (typeof minimum === 'number' && value < minimum) say(`is less than ${minimum}`);
  if (typeof maximum === 'number' && value > maximum) say(`is more than ${maximum}`);
}

/** Checks the length, and duplicates in lists of type set or map, which server-side apply rejects. */
function inList(schema: Schema, value: readonly unknown[], say: Say): void {
  const { minItems, maxItems } = schema;
  if (typeof minItems === 'number' && value.length < minItems) say(`has fewer than ${minItems} items`);
  if (typeof maxItems === 'number' && value.length > maxItems) say(`has more than ${maxItems} items`);
  const kind = schema['x-kubernetes-list-type'];
  const names = schema['x-kubernetes-list-map-keys'];
  const keys = Array.isArray(names) ? names.map(String) : [];
  const identity = (item: unknown): string =>
    JSON.stringify(kind === 'set' ? item : keys.map((key) => (item as Record<string, unknown> | null)?.[key] ?? null));
  if ((kind === 'set' || kind === 'map') && new Set(value.map(identity)).size < value.length)
    say('contains a duplicate item');
}

function inObject(schema: Schema, value: Readonly<Record<string, unknown>>, path: string): Violation[] {
  const at = (key: string): string => (path === '' ? key : `${path}.${key}`);
  const required = Array.isArray(schema.required) ? schema.required.map(String) : [];
  const missing = required.filter((key) => value[key] === undefined || value[key] === null);
  return [
    ...missing.map((key) => ({ path: at(key), message: 'is missing' })),
    ...Object.entries(value).flatMap(([key, item]) => {
      const own = schemaOf(schema, key);
      if (own === 'any') return [];
      return own === undefined ? unknownField(schema, at(key)) : violations(own, item, at(key));
    }),
  ];
}

/** A subschema without a type, as in `allOf`, does not restrict fields that it does not name. */
function unknownField({ type }: Schema, path: string): Violation[] {
  return type === 'object' ? [{ path, message: 'is not defined in the schema' }] : [];
}

function combined({ allOf, anyOf, oneOf, not }: Schema, value: unknown, path: string): Violation[] {
  const schemas = (list: unknown): Schema[] =>
    Array.isArray(list) ? list.map(asSchema).filter((one) => one !== undefined) : [];
  const fitting = (list: unknown): number => schemas(list).filter((one) => violations(one, value).length === 0).length;
  const refused = asSchema(not);
  return [
    ...schemas(allOf).flatMap((one) => violations(one, value, path)),
    ...(Array.isArray(anyOf) && fitting(anyOf) === 0 ? [{ path, message: 'matches no alternative of anyOf' }] : []),
    ...(Array.isArray(oneOf) && fitting(oneOf) !== 1
      ? [{ path, message: 'does not match exactly one alternative of oneOf' }]
      : []),
    ...(refused !== undefined && violations(refused, value).length === 0
      ? [{ path, message: 'matches the excluded schema' }]
      : []),
  ];
}

function asSchema(value: unknown): Schema | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Schema) : undefined;
}
