/** A YAML or JSON mapping. */
export type Mapping = Readonly<Record<string, unknown>>;

/** Reports whether a value is a mapping: not a list, not null. */
export function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reports whether a value is a non-empty list that contains only mappings. */
export function isListOfMappings(value: unknown): value is readonly Mapping[] {
  return Array.isArray(value) && value.length > 0 && value.every(isMapping);
}

/** Returns the value if it is a mapping, else an empty one. */
export function asMapping(value: unknown): Mapping {
  return isMapping(value) ? value : {};
}

/** Merges values as Helm does: mappings are merged, anything else is replaced. A null is kept: it removes a default. */
export function overlayValues(base: Mapping, overlay: Mapping): Mapping {
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(overlay)) {
    const existing = result[key];
    result[key] = isMapping(existing) && isMapping(value) ? overlayValues(existing, value) : value;
  }
  return result;
}
