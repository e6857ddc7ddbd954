import { valueAt } from '../../base/field-path.ts';
import type { RenderedDocument } from '../../helm/documents.ts';
import type { Render } from '../../helm/render.ts';
import type { LocatedReference, Redirect } from '../../inventory/finding.ts';
import { isUnderTarget, type Target, targetReference } from '../../naming/naming.ts';
import { formatReference, formatRepository, parseReference, type Reference } from '../../oci/reference.ts';
import type { LeafPath } from '../../value-tracing/leaves.ts';
import type { Setting } from '../settings/setting.ts';

/** Reference and the setting that redirects it. */
type RedirectedReference = Pick<LocatedReference, 'reference' | 'redirect' | 'userMade'>;

/**
 * Returns settings for images that only an operator's binary names. Operator rules list the values that redirect such
 * an image. Like all settings, they are proved by the render.
 */
export function redirectSettings(locations: readonly RedirectedReference[], base: Render, target: Target): Setting[] {
  const settings = new Map<string, Setting>();
  for (const location of locations) {
    const { redirect, reference } = location;
    if (redirect?.values === undefined) continue;
    for (const { path, value } of leaves(redirect.values)) {
      const filled = typeof value === 'string' ? fillPlaceholders(value, privateReference(reference, target)) : value;
      if (valueAt(base.values, path) === filled) continue;
      const key = JSON.stringify(path);
      const comment = [settings.get(key)?.comment, reference].filter(Boolean).join('\n');
      settings.set(key, { path, value: filled, comment });
    }
  }
  return [...settings.values()];
}

/**
 * Reports whether the render contains the redirect of an image: all of its values, or the private reference itself. For
 * user-created resources, and for references that the operator assembles, the variable or argument itself must be set,
 * because the chart's own resources may contain the same names.
 */
export function isRedirected(
  location: RedirectedReference,
  documents: readonly RenderedDocument[],
  target: Target,
): boolean {
  if (location.userMade || location.redirect?.value !== undefined) {
    const setting = operatorSettingFor(location, target);
    if (setting !== undefined) return documents.some((document) => isSetIn(document, setting));
  }
  const expected = privateReference(location.reference, target);
  const isRendered = (text: string): boolean => documents.some((document) => document.text.includes(text));
  if (isRendered(formatReference(expected))) return true;
  const texts = expectedTexts(location.redirect).map((text) => fillPlaceholders(text, expected));
  return texts.length > 0 && texts.every(isRendered);
}

/** Returns the variable or argument that redirects an image; undefined if neither does. */
export function operatorSettingFor(location: RedirectedReference, target: Target): OperatorSetting | undefined {
  const { kind, name } = location.redirect ?? { kind: 'none' };
  const value = redirectText(location, target);
  return (kind !== 'env' && kind !== 'argument') || name === undefined || value === undefined
    ? undefined
    : { kind, name, value };
}

function expectedTexts(redirect: Redirect | undefined): string[] {
  if (redirect?.value !== undefined) return redirect.value.split(', ');
  const texts = redirect?.values === undefined ? [] : leaves(redirect.values).map(({ value }) => value);
  // A tag alone proves nothing, because it does not change.
  return texts.filter((value): value is string => typeof value === 'string' && /\{(?!tag\})/.test(value));
}

/** Returns the text for a variable, argument or field; undefined if the redirect needs several texts. */
function redirectText({ redirect, reference }: RedirectedReference, target: Target): string | undefined {
  const text = redirect?.value ?? '{reference}';
  return text.includes(', ') ? undefined : fillPlaceholders(text, privateReference(reference, target));
}

function privateReference(reference: string, target: Target): Reference {
  const parsed = parseReference(reference);
  return isUnderTarget(target, parsed) ? parsed : targetReference(target, parsed);
}

/** Fills in the placeholders of a redirect (inventory/finding.ts). */
function fillPlaceholders(text: string, reference: Reference): string {
  const { registry, path, tag = '' } = reference;
  const slash = path.lastIndexOf('/');
  const repository = formatRepository(reference);
  const parts: Record<string, string> = {
    reference: formatReference(reference),
    repository,
    registry,
    path,
    folder: repository.slice(0, repository.lastIndexOf('/')),
    subfolder: slash < 0 ? '' : path.slice(0, slash),
    name: path.slice(slash + 1),
    tag,
  };
  return text.replace(/\{(\w+)\}/g, (placeholder, name: string) => parts[name] ?? placeholder);
}

function leaves(value: unknown, path: LeafPath = []): { readonly path: LeafPath; readonly value: unknown }[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [{ path, value }];
  return Object.entries(value).flatMap(([key, item]) => leaves(item, [...path, key]));
}

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
