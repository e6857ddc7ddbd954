/** A mapping of YAML or object of JSON. */
export type Mapping = Readonly<Record<string, unknown>>;

/** Reports whether a value is a mapping: neither a list nor a scalar. */
export function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
