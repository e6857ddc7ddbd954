import type { RenderedDocument } from '../helm/documents.ts';

/** Environment variable or argument that passes an image to an operator. */
export interface OperatorSetting {
  readonly kind: 'env' | 'argument';
  /** Name of the variable or flag. */
  readonly name: string;
  readonly value: string;
}

/**
 * Reports whether an object contains the setting: as a container's variable or argument (`--flag=value`, or two
 * consecutive arguments), or as a field named like the variable, as in a ConfigMap used with `envFrom`.
 */
export function isSetIn(document: RenderedDocument, setting: OperatorSetting): boolean {
  // Most documents contain neither, and reading the object parses the document.
  const { text } = document;
  return text.includes(setting.name) && text.includes(setting.value) && containsSetting(document.object, setting);
}

function containsSetting(value: unknown, setting: OperatorSetting): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { kind, name, value: expected } = setting;
  if (Array.isArray(value)) {
    const isArgument = (item: unknown, i: number): boolean =>
      item === `${name}=${expected}` || (item === name && value[i + 1] === expected);
    return (kind === 'argument' && value.some(isArgument)) || value.some((item) => containsSetting(item, setting));
  }
  const entries = value as Readonly<Record<string, unknown>>;
  if (kind === 'env' && (entries[name] === expected || (entries.name === name && entries.value === expected)))
    return true;
  return Object.values(entries).some((item) => containsSetting(item, setting));
}
