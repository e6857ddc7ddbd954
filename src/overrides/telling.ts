import type { RenderedDocument } from '../helm/documents.ts';

/** An environment variable or argument with its text, by which an operator learns of an image. */
export interface Telling {
  readonly kind: 'env' | 'argument';
  /** Of the variable or the flag. */
  readonly name: string;
  readonly value: string;
}

/**
 * Whether an object says it: a container's variable or argument (`--flag=value`, or the two one after the other), or a
 * field of the variable's name, as ConfigMaps have it that become an environment.
 */
export function isToldIn(document: RenderedDocument, telling: Telling): boolean {
  // Most documents have neither, and to take the object out is to parse it.
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
