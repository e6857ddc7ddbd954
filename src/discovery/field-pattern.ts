import { childPath, type FieldPath } from '../base/field-path.ts';
import { isMapping, type Mapping } from '../base/mapping.ts';

/** A scalar field that a pattern matches. */
export interface FoundField {
  readonly value: string | number;
  readonly fieldPath: FieldPath;
  /** Mapping that has the field. */
  readonly siblings: Mapping;
}

/**
 * Returns the scalar fields that a pattern matches.
 * @param pattern keys below the value, separated by dots; `[]` matches any item of a list, `**` any depth
 * @param fieldPath path of the value
 */
export function fieldsAt(value: unknown, pattern: string, fieldPath: FieldPath): FoundField[] {
  return fieldsBelow(value, pattern.split('.'), fieldPath, {});
}

function fieldsBelow(
  value: unknown,
  [key, ...remainingKeys]: readonly string[],
  fieldPath: FieldPath,
  siblings: Mapping,
): FoundField[] {
  if (key === undefined)
    return typeof value === 'string' || typeof value === 'number' ? [{ value, fieldPath, siblings }] : [];
  if (Array.isArray(value)) {
    const inner = key === '[]' ? remainingKeys : key === '**' ? [key, ...remainingKeys] : undefined;
    return inner === undefined
      ? []
      : value.flatMap((item, i) => fieldsBelow(item, inner, childPath(fieldPath, i), siblings));
  }
  if (!isMapping(value)) return [];
  if (key !== '**') return fieldsBelow(value[key], remainingKeys, childPath(fieldPath, key), value);
  const deeper = Object.entries(value).flatMap(([name, item]) =>
    typeof item === 'object' ? fieldsBelow(item, [key, ...remainingKeys], childPath(fieldPath, name), value) : [],
  );
  return [...fieldsBelow(value, remainingKeys, fieldPath, siblings), ...deeper];
}
