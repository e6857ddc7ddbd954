import { jsonText } from '../../base/printable.ts';
import { formatTargetReference, type Target } from '../../naming/naming.ts';
import { formatReference, type Reference, tryParseReference } from '../../oci/reference.ts';
import type { GeneratedFiles } from './format.ts';

/** Formats a JSON object of normalized original references and their private references. */
export function formatImageMap(references: readonly Reference[], target: Target): GeneratedFiles {
  const pairs = references.map(
    (reference) => [formatReference(reference), formatTargetReference(target, reference)] as const,
  );
  const text = `${jsonText(Object.fromEntries(pairs), 2)}\n`;
  return { files: [{ path: 'images.json', text }], left: [] };
}

/** Reports whether a text is such a map of any references; only then the file may be overwritten. */
export function isImageMap(text: string): boolean {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return false;
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return false;
  const isReference = (name: unknown): boolean =>
    typeof name === 'string' && name.includes('/') && tryParseReference(name) !== undefined;
  return Object.entries(json).every((pair) => pair.every(isReference));
}
