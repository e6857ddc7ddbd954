import type { Values } from '../helm/render.ts';
import { scalarAt } from '../value-tracing/scalar.ts';
import type { LocatedReference } from './located-reference.ts';

/**
 * Marks references that are mere copies of values as `possible`. Some charts pass all their values to a program, as
 * JSON or YAML in a variable or a file. Such a copy contains a value but does not use it: a name whose tag is added by
 * a template is no reference by itself, and the images of a disabled component are not pulled. Complete references keep
 * their confidence, because the program may read them from the copy.
 * @param values the coalesced values of the same render
 */
export function demoteValuesCopies(references: readonly LocatedReference[], values: Values): LocatedReference[] {
  const paths = references.map((reference) => copiedPath(reference, values));
  // A single key occurs in many texts. It only counts if the same text also contains a longer path of the values.
  const copies = new Set(references.flatMap((reference, i) => (paths[i]?.includes('.') ? [textKey(reference)] : [])));
  return references.map((reference, i) => {
    const isCopy = paths[i] !== undefined && copies.has(textKey(reference));
    return isCopy && (reference.need === 'optional' || !hasTagOrDigest(reference.written))
      ? { ...reference, confidence: 'possible' }
      : reference;
  });
}

/** Splits off the last step inside a text if it is a field; undefined otherwise. */
function lastField(within: string): { readonly before: string; readonly path: string } | undefined {
  const start = within.lastIndexOf(' > ');
  const lastStep = start < 0 ? within : within.slice(start + ' > '.length);
  const path = /^(?:json|yaml):([^>]+)$/.exec(lastStep)?.[1];
  return path === undefined ? undefined : { before: within.slice(0, within.length - lastStep.length), path };
}

/** Returns the path inside the text if the values have the same text at that path. */
function copiedPath({ within = '', written }: LocatedReference, values: Values): string | undefined {
  const path = lastField(within)?.path;
  const value = path === undefined ? undefined : scalarAt(values, path);
  return value !== undefined && value !== '' && written.startsWith(value) ? path : undefined;
}

/** Key of the rendered text that contains a reference. */
function textKey({ template, document, path, within = '' }: LocatedReference): string {
  return [template, document, path, lastField(within)?.before].join('\n');
}

function hasTagOrDigest(written: string): boolean {
  return /[:@]/.test(written.slice(written.lastIndexOf('/') + 1));
}
