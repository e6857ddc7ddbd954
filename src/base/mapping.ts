/** A mapping of YAML or object of JSON. */
export type Mapping = Readonly<Record<string, unknown>>;

/** Reports whether a value is a mapping: neither a list nor a scalar. */
export function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
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
