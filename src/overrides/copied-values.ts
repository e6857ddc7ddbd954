import { hasValues, type RenderOptions, type Values } from '../helm/render.ts';
import { tryParseReference } from '../oci/reference.ts';
import { formatPath, type LeafPath, valueAt } from '../value-tracing/leaves.ts';

/**
 * Returns the paths of override values that copy more than image names from the user's values: lists, which Helm
 * replaces whole, and text around a name. The copied content may include secrets.
 * @param base coalesced values without the overrides
 * @param options render options behind `base`; without user values there is nothing confidential to copy
 */
export function copiedUserValues(base: Values, overrides: Values, options: RenderOptions): string[] {
  if (!hasValues(options)) return [];
  const copied: string[] = [];
  const walk = (value: unknown, path: LeafPath): void => {
    const original = valueAt(base, path);
    if (Array.isArray(value)) {
      const before = scalarsIn(original);
      if (scalarsIn(value).some((scalar) => before.includes(scalar))) copied.push(formatPath(path));
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, item] of Object.entries(value)) walk(item, [...path, key]);
    } else if (typeof original === 'string' && typeof value === 'string' && !isImageName(original)) {
      copied.push(formatPath(path));
    }
  };
  walk(overrides, []);
  return copied;
}

/** Returns strings and numbers; booleans cannot hold a secret. */
function scalarsIn(value: unknown): (string | number)[] {
  if (typeof value === 'number' || (typeof value === 'string' && value !== '')) return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(scalarsIn) : [];
}

/** Reports whether a text is empty, an image reference, or a part of one. */
function isImageName(text: string): boolean {
  return text === '' || tryParseReference(text.replace(/^[a-z]+:\/\/|\/$/g, '')) !== undefined;
}
