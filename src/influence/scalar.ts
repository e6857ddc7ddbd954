/**
 * The text of a field by its path as places have it: `spec.containers[0].image`, `data["a.yaml"]`.
 * Numbers and booleans come as text; undefined when there is no such scalar.
 */
export function scalarAt(object: unknown, path: string): string | undefined {
  let value = object;
  for (const key of keysOf(path)) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : undefined;
}

/** The keys of such a path, positions in lists among them. */
export function keysOf(path: string): string[] {
  return [...path.matchAll(/\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|([^.[\]]+)/g)].map(
    ([, position, quoted, word]) =>
      position ?? (quoted === undefined ? (word ?? '') : (JSON.parse(`"${quoted}"`) as string)),
  );
}
