import { isDeepStrictEqual } from 'node:util';
import { runInNewContext } from 'node:vm';
import { isMapping, type Mapping } from '../../base/mapping.ts';

/**
 * Structural schema of a custom resource definition
 * (kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions).
 */
export type StructuralSchema = Mapping;

/** Reason for which an API server rejects a value. */
export interface SchemaViolation {
  /** `imagePullSecrets[0]`; empty for the value itself. */
  readonly path: string;
  /** Predicate that follows the field's name, such as `is not of type string`. */
  readonly message: string;
}

/** Limits for matching patterns, because pattern and text come from the chart: characters of text, and milliseconds. */
const PATTERN_LIMITS = { text: 4096, time: 100 } as const;

/**
 * Returns what an API server would reject: types, required and unknown fields, enumerations, lengths and patterns. CEL
 * rules and formats are not checked. Null counts as an absent field.
 */
export function schemaViolations(schema: StructuralSchema, value: unknown, path = ''): SchemaViolation[] {
  if (value === null || value === undefined) return [];
  const found: SchemaViolation[] = [];
  const report = (message: string): void => void found.push({ path, message });
  const type = schema['x-kubernetes-int-or-string'] === true ? 'integer or string' : schema.type;
  if (typeof type === 'string' && !hasType(type, value)) return [{ path, message: `is not of type ${type}` }];
  if (Array.isArray(schema.enum) && !schema.enum.some((item) => isDeepStrictEqual(item, value))) {
    report(`is not one of ${schema.enum.map(String).join(', ')}`);
  }
  if (typeof value === 'string') checkText(schema, value, report);
  if (typeof value === 'number') checkNumber(schema, value, report);
  if (Array.isArray(value)) {
    checkList(schema, value, report);
    const items = asSchema(schema.items);
    if (items !== undefined)
      for (const [i, item] of value.entries()) found.push(...schemaViolations(items, item, `${path}[${i}]`));
  } else if (typeof value === 'object') {
    found.push(...objectViolations(schema, value as Readonly<Record<string, unknown>>, path));
  }
  found.push(...combinationViolations(schema, value, path));
  return found;
}

/** Returns the schema of a field or an item; undefined if it is not defined, `any` if every value is allowed. */
export function childSchema(schema: StructuralSchema, key: string | number): StructuralSchema | 'any' | undefined {
  if (typeof key === 'number') return asSchema(schema.items) ?? 'any';
  const { properties, additionalProperties } = schema;
  const declared = asSchema(asSchema(properties)?.[key]);
  if (declared !== undefined) return declared;
  if (additionalProperties === true || schema['x-kubernetes-preserve-unknown-fields'] === true) return 'any';
  const isEmbedded = schema['x-kubernetes-embedded-resource'] === true && /^(?:apiVersion|kind|metadata)$/.test(key);
  if (isEmbedded) return 'any';
  return asSchema(additionalProperties);
}

function hasType(type: string, value: unknown): boolean {
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

type Report = (message: string) => void;

function checkText({ minLength, maxLength, pattern }: StructuralSchema, value: string, report: Report): void {
  const { length } = [...value];
  if (typeof minLength === 'number' && length < minLength) report(`is shorter than ${minLength}`);
  if (typeof maxLength === 'number' && length > maxLength) report(`is longer than ${maxLength}`);
  if (typeof pattern === 'string' && !matchesPattern(pattern, value)) report(`does not match pattern ${pattern}`);
}

/** Patterns that timed out or are invalid. */
const unusable = new Set<string>();

/** Reports whether a text matches; true if that cannot be determined. */
function matchesPattern(pattern: string, text: string): boolean {
  if (text.length > PATTERN_LIMITS.text || unusable.has(pattern)) return true;
  try {
    return (
      runInNewContext('new RegExp(pattern).test(text)', { pattern, text }, { timeout: PATTERN_LIMITS.time }) === true
    );
  } catch {
    unusable.add(pattern);
    return true;
  }
}

function checkNumber({ minimum, maximum }: StructuralSchema, value: number, report: Report): void {
  if (typeof minimum === 'number' && value < minimum) report(`is less than ${minimum}`);
  if (typeof maximum === 'number' && value > maximum) report(`is more than ${maximum}`);
}

/** Checks the length, and duplicates in lists of type set or map, which server-side apply rejects. */
function checkList(schema: StructuralSchema, value: readonly unknown[], report: Report): void {
  const { minItems, maxItems } = schema;
  if (typeof minItems === 'number' && value.length < minItems) report(`has fewer than ${minItems} items`);
  if (typeof maxItems === 'number' && value.length > maxItems) report(`has more than ${maxItems} items`);
  const listType = schema['x-kubernetes-list-type'];
  const names = schema['x-kubernetes-list-map-keys'];
  const keys = Array.isArray(names) ? names.map(String) : [];
  const identity = (item: unknown): string =>
    JSON.stringify(
      listType === 'set' ? item : keys.map((key) => (item as Record<string, unknown> | null)?.[key] ?? null),
    );
  if ((listType === 'set' || listType === 'map') && new Set(value.map(identity)).size < value.length)
    report('contains a duplicate item');
}

function objectViolations(
  schema: StructuralSchema,
  value: Readonly<Record<string, unknown>>,
  path: string,
): SchemaViolation[] {
  const childPath = (key: string): string => (path === '' ? key : `${path}.${key}`);
  const required = Array.isArray(schema.required) ? schema.required.map(String) : [];
  const missing = required.filter((key) => value[key] === undefined || value[key] === null);
  return [
    ...missing.map((key) => ({ path: childPath(key), message: 'is missing' })),
    ...Object.entries(value).flatMap(([key, item]) => {
      const child = childSchema(schema, key);
      if (child === 'any') return [];
      return child === undefined ? unknownField(schema, childPath(key)) : schemaViolations(child, item, childPath(key));
    }),
  ];
}

/** A subschema without a type, as in `allOf`, does not restrict fields that it does not name. */
function unknownField({ type }: StructuralSchema, path: string): SchemaViolation[] {
  return type === 'object' ? [{ path, message: 'is not defined in the schema' }] : [];
}

function combinationViolations(
  { allOf, anyOf, oneOf, not }: StructuralSchema,
  value: unknown,
  path: string,
): SchemaViolation[] {
  const schemas = (list: unknown): StructuralSchema[] =>
    Array.isArray(list) ? list.map(asSchema).filter((item) => item !== undefined) : [];
  const countMatching = (list: unknown): number =>
    schemas(list).filter((item) => schemaViolations(item, value).length === 0).length;
  const excluded = asSchema(not);
  return [
    ...schemas(allOf).flatMap((item) => schemaViolations(item, value, path)),
    ...(Array.isArray(anyOf) && countMatching(anyOf) === 0
      ? [{ path, message: 'matches no alternative of anyOf' }]
      : []),
    ...(Array.isArray(oneOf) && countMatching(oneOf) !== 1
      ? [{ path, message: 'does not match exactly one alternative of oneOf' }]
      : []),
    ...(excluded !== undefined && schemaViolations(excluded, value).length === 0
      ? [{ path, message: 'matches the excluded schema' }]
      : []),
  ];
}

/** Returns the value if it is a mapping, as every schema is. */
export function asSchema(value: unknown): StructuralSchema | undefined {
  return isMapping(value) ? value : undefined;
}
