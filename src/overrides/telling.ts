import type { RenderedDocument } from '../helm/documents.ts';

/** Environment variable or argument that passes an image to an operator. */
export interface Telling {
  readonly kind: 'env' | 'argument';
  /** Name of the variable or flag. */
  readonly name: string;
  readonly value: string;
}

/**
 * Reports whether an object contains the setting: as a container's variable or argument (`--flag=value`, or two
 * consecutive arguments), or as a field named like the variable, as in a ConfigMap used with `envFrom`.
 */
export function isToldIn(document: RenderedDocument, telling: Telling): boolean {
  // Most documents contain neither, and reading the object parses the document.
  const { text } = document;
  return text.includes(telling.name) && text.includes(telling.value) && says(document.object, telling);
}

function says(value: unknown, telling: Telling): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { kind, name, value: wanted } = telling;
  if (Array.isArray(value)) {
    const isArgument = (item: unknown, i: number): boolean =>
      item === `${name}=${wanted}` || (item === name && value[i + 1] === wanted);
    return (kind === 'argument' && value.some(isArgument)) || value.some((item) => says(item, telling));
  }
  const entries = value as Readonly<Record<string, unknown>>;
  if (kind === 'env' && (entries[name] === wanted || (entries.name === name && entries.value === wanted))) return true;
  return Object.values(entries).some((item) => says(item, telling));
}
