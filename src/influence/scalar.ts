/**
 * The text of a field by its path as places have it: `spec.containers[0].image`, `data["a.yaml"]`.
 * Numbers and booleans come as text; undefined when there is no such scalar.
 */
export function scalarAt(object: unknown, path: string): string | undefined {
  let value = object;
  for (const match of path.matchAll(/\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|([^.[\]]+)/g)) {
    if (typeof value !== 'object' || value === null) return undefined;
    const [, position, quoted, word] = match;
    const key = position ?? (quoted === undefined ? word : (JSON.parse(`"${quoted}"`) as string)) ?? '';
    value = (value as Record<string, unknown>)[key];
  }
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : undefined;
}
