import { isMapping } from './mapping.ts';

/** Keys of mappings and positions in lists, from the root. */
export type KeyPath = readonly (string | number)[];

/** A field of objects of a kind. */
export interface KindField {
  /** Undefined for all kinds. */
  readonly kind?: string | undefined;
  /** Keys from the root of the object, without the positions in lists. */
  readonly keys: readonly string[];
}

/** Path of a value: a field of the object and, inside the text of that field, further steps. */
export interface FieldPath {
  /** `spec.template.spec.containers[0].image`, `data["a.yaml"]`. */
  readonly path: string;
  /** Steps inside the text of the field, outermost first: `base64 > yaml:sidecar.image`, `line 3 word 2`. */
  readonly within?: string;
}

/** Returns the path of a mapping entry or list item: extends the field path, or the innermost step. */
export function childPath(parent: FieldPath, key: string | number): FieldPath {
  return parent.within === undefined
    ? { path: joinKey(parent.path, key) }
    : { path: parent.path, within: joinKey(parent.within, key) };
}

/** Adds a nested step: `base64`, `yaml:` (children extend it) or `line 3`. */
export function nestedPath(parent: FieldPath, step: string): FieldPath {
  return { path: parent.path, within: parent.within === undefined ? step : `${parent.within} > ${step}` };
}

/** Returns the innermost step, or the field path if there is none. */
export function innermostPath(parent: FieldPath): string {
  return parent.within ?? parent.path;
}

const PLAIN_KEY = /^[\w-]+$/;

/** Formats keys as the path of a field: `spec.containers[0].image`, `data["a.yaml"]`. */
export function formatFieldPath(keys: KeyPath): string {
  return keys.reduce<string>(joinKey, '');
}

function joinKey(path: string, key: string | number): string {
  if (typeof key === 'number') return `${path}[${key}]`;
  if (!PLAIN_KEY.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === '' || path.endsWith(':') ? `${path}${key}` : `${path}.${key}`;
}

/** Formats keys as users write a path in the values: `image.repository`, `list[0].name`, `"a.b".c`. For messages only. */
export function formatPath(keys: KeyPath): string {
  return keys.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    const word = PLAIN_KEY.test(key) ? key : JSON.stringify(key);
    return text === '' ? word : `${text}.${word}`;
  }, '');
}

/**
 * Parses the path of a field, the inverse of {@link formatFieldPath}. Lenient: the paths in operator rules are written
 * by hand.
 */
export function parseFieldPath(path: string): (string | number)[] {
  return [...path.matchAll(/\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|([^.[\]]+)/g)].map(
    ([, position, quoted, word = '']): string | number => {
      if (position !== undefined) return Number(position);
      return quoted === undefined ? word : (JSON.parse(quoted) as string);
    },
  );
}

/** Returns the value at a path: own keys of mappings, positions in lists; undefined if there is none. */
export function valueAt(value: unknown, keys: KeyPath): unknown {
  let current = value;
  for (const key of keys) {
    if (typeof key === 'number') current = Array.isArray(current) ? current[key] : undefined;
    else current = isMapping(current) && Object.hasOwn(current, key) ? current[key] : undefined;
  }
  return current;
}

/** Returns the value at the path of a field; undefined if there is none. */
export function fieldValue(object: unknown, path: string): unknown {
  return valueAt(object, parseFieldPath(path));
}

/** Returns the text of the scalar at the path of a field; undefined if there is none. */
export function scalarAt(object: unknown, path: string): string | undefined {
  const value = fieldValue(object, path);
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : undefined;
}
