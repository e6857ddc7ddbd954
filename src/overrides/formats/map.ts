import { jsonText } from '../../base/printable.ts';
import { type Target, targetText } from '../../oci/naming.ts';
import { formatReference, type Reference } from '../../oci/reference.ts';
import type { Formatted } from './format.ts';

/** A JSON object: each original reference, all defaults filled in, with its private one. */
export function formatMap(references: readonly Reference[], target: Target): Formatted {
  const pairs = references.map((reference) => [formatReference(reference), targetText(target, reference)] as const);
  const text = `${jsonText(Object.fromEntries(pairs), 2)}\n`;
  return { files: [{ path: 'images.json', text }], left: [] };
}
