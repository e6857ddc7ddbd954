/**
 * Returns the text of a field by its path, as in locations: `spec.containers[0].image`, `data["a.yaml"]`. Numbers and
 * booleans are returned as text; undefined if there is no such scalar.
 */
export function scalarAt(object: unknown, path: string): string | undefined {
  let value = object;
  for (const key of pathKeys(path)) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : undefined;
}

/** Returns the keys of such a path, including positions in lists. */
export function pathKeys(path: string): string[] {
  return [...path.matchAll(/\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|([^.[\]]+)/g)].map(
    ([, position, quoted, word]) =>
      position ?? (quoted === undefined ? (word ?? '') : (JSON.parse(`"${quoted}"`) as string)),
  );
}
