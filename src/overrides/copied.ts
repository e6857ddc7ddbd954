import { hasValues, type RenderOptions, type Values } from '../helm/render.ts';
import { formatPath, type LeafPath, valueAt } from '../influence/leaves.ts';
import { tryParseReference } from '../oci/reference.ts';

/**
 * Paths of values that overrides take over with more in them than the names of images: lists, which Helm replaces whole,
 * and texts around a name. What the user put there may be a secret.
 * @param base coalesced values without the overrides
 * @param options with which they were made; what the chart alone says is no secret
 */
export function copiedWhole(base: Values, overrides: Values, options: RenderOptions): string[] {
  if (!hasValues(options)) return [];
  const copied: string[] = [];
  const walk = (value: unknown, path: LeafPath): void => {
    const original = valueAt(base, path);
    if (Array.isArray(value)) {
      const before = scalarsIn(original);
      if (scalarsIn(value).some((scalar) => before.includes(scalar))) copied.push(formatPath(path));
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, item] of Object.entries(value)) walk(item, [...path, key]);
    } else if (typeof original === 'string' && typeof value === 'string' && !isName(original)) {
      copied.push(formatPath(path));
    }
  };
  walk(overrides, []);
  return copied;
}

/** Texts and numbers; nobody keeps a secret in a boolean. */
function scalarsIn(value: unknown): (string | number)[] {
  if (typeof value === 'number' || (typeof value === 'string' && value !== '')) return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(scalarsIn) : [];
}

/** Whether a text is empty, a reference or a part of one, and nothing else. */
function isName(text: string): boolean {
  return text === '' || tryParseReference(text.replace(/^[a-z]+:\/\/|\/$/g, '')) !== undefined;
}
