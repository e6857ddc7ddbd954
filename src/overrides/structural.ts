import { isDeepStrictEqual } from 'node:util';
import { runInNewContext } from 'node:vm';

/**
 * A structural schema, as definitions of custom resources have it
 * (kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions).
 */
export type Schema = Readonly<Record<string, unknown>>;

/** Something that an API server refuses about a value. */
export interface Violation {
  /** `imagePullSecrets[0]`; empty for the value itself. */
  readonly path: string;
  /** `is no string`, in words that follow the field. */
  readonly message: string;
}

/** Longest text that a pattern is tried on, and for how long, in milliseconds: both are a chart's. */
const PATTERN = { text: 4096, time: 100 } as const;

/**
 * What an API server would refuse: types, required and unknown fields, enumerations, lengths and patterns. Rules in CEL
 * and formats are not looked at, and null stands for a field that is not there.
 */
export function violations(schema: Schema, value: unknown, path = ''): Violation[] {
  if (value === null || value === undefined) return [];
  const found: Violation[] = [];
  const say = (message: string): void => void found.push({ path, message });
  const type = schema['x-kubernetes-int-or-string'] === true ? 'integer or string' : schema.type;
  if (typeof type === 'string' && !isOf(type, value)) return [{ path, message: `is no ${type}` }];
  if (Array.isArray(schema.enum) && !schema.enum.some((one) => isDeepStrictEqual(one, value))) {
    say(`is none of ${schema.enum.map(String).join(', ')}`);
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

/** The schema of a field or an item; undefined when there is none, `any` when it may be anything. */
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
  if (typeof pattern === 'string' && !fits(pattern, value)) say(`does not fit the pattern ${pattern}`);
}

/** Patterns that took too long once, or are none. */
const unusable = new Set<string>();

/** Whether a text fits; true also when that cannot be found out. */
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

/** Lists that are sets or maps have nothing twice: server-side apply refuses that. */
function inList(schema: Schema, value: readonly unknown[], say: Say): void {
  const { minItems, maxItems } = schema;
  if (typeof minItems === 'number' && value.length < minItems) say(`has fewer than ${minItems} items`);
  if (typeof maxItems === 'number' && value.length > maxItems) say(`has more than ${maxItems} items`);
  const kind = schema['x-kubernetes-list-type'];
  const names = schema['x-kubernetes-list-map-keys'];
  const keys = Array.isArray(names) ? names.map(String) : [];
  const identity = (item: unknown): string =>
    JSON.stringify(kind === 'set' ? item : keys.map((key) => (item as Record<string, unknown> | null)?.[key] ?? null));
  if ((kind === 'set' || kind === 'map') && new Set(value.map(identity)).size < value.length) say('has an item twice');
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

/** Parts of `allOf` and the like say nothing of fields that they do not name. */
function unknownField({ type }: Schema, path: string): Violation[] {
  return type === 'object' ? [{ path, message: 'is no field of the definition' }] : [];
}

function combined({ allOf, anyOf, oneOf, not }: Schema, value: unknown, path: string): Violation[] {
  const schemas = (list: unknown): Schema[] =>
    Array.isArray(list) ? list.map(asSchema).filter((one) => one !== undefined) : [];
  const fitting = (list: unknown): number => schemas(list).filter((one) => violations(one, value).length === 0).length;
  const refused = asSchema(not);
  return [
    ...schemas(allOf).flatMap((one) => violations(one, value, path)),
    ...(Array.isArray(anyOf) && fitting(anyOf) === 0 ? [{ path, message: 'fits none of the alternatives' }] : []),
    ...(Array.isArray(oneOf) && fitting(oneOf) !== 1 ? [{ path, message: 'fits not exactly one alternative' }] : []),
    ...(refused !== undefined && violations(refused, value).length === 0 ? [{ path, message: 'is ruled out' }] : []),
  ];
}

function asSchema(value: unknown): Schema | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Schema) : undefined;
}
