import { textBefore } from '../base/text-trim.ts';
import type { Values } from '../helm/render.ts';
import type { TemplateSource } from '../helm/subcharts.ts';
import type { Location } from '../inventory/finding.ts';
import type { Change } from '../value-tracing/changes.ts';
import { formatPath } from '../value-tracing/leaves.ts';
import { type ValuesNode, valuesNodes } from '../value-tracing/values-nodes.ts';
import type { OperatorSetting } from './operator-setting.ts';

/** Environment variables or arguments to add to an operator's container. */
export interface Injection {
  readonly kind: OperatorSetting['kind'];
  /** Variables or flags; names are unique. */
  readonly entries: readonly { readonly name: string; readonly value: string }[];
  /** Containers that may receive them, identified by their image fields. */
  readonly containers: readonly Pick<Location, 'template' | 'document' | 'path'>[];
}

/** Form in which a value takes variables and arguments: a Kubernetes list, or a map by name. */
export type InjectionForm = 'entries' | 'map';

const INJECTION_KEY = {
  env: /env(?:s|[vV]ars?|(?:ironment)?[vV]ariables|ironment)?$/i,
  argument: /(?:args|arguments|flags)$/i,
} as const;

/** Returns leaves whose key suggests variables or arguments and whose value is empty, a list or a map. */
export function injectionLeaves(
  kind: Injection['kind'],
  values: Values,
  templates: readonly TemplateSource[],
): ValuesNode[] {
  const leaves = valuesNodes(values, templates, (path) => INJECTION_KEY[kind].test(String(path.at(-1))));
  return leaves.filter(({ value }) => value === undefined || value === null || typeof value === 'object');
}

/** Returns the forms that a leaf may take, most likely first. */
export function injectionForms({ value }: ValuesNode): InjectionForm[] {
  if (Array.isArray(value)) return ['entries'];
  const isEmpty = value === undefined || value === null || Object.keys(value).length === 0;
  return isEmpty ? ['entries', 'map'] : ['map'];
}

/** Returns the leaf's value with the injected entries added. */
export function withInjection({ value }: ValuesNode, form: InjectionForm, { kind, entries }: Injection): unknown {
  if (form === 'map') {
    return Object.fromEntries(
      entries.map(({ name, value: text }) => [kind === 'env' ? name : withoutDashes(name), text]),
    );
  }
  const added = entries.map(({ name, value: text }) => (kind === 'env' ? { name, value: text } : `${name}=${text}`));
  return [...(Array.isArray(value) ? value : []), ...added];
}

/** Reports whether a container field is compared as a whole. */
export function isInjectionField(key: string | number): boolean {
  return key === 'env' || key === 'args' || key === 'command';
}

/**
 * Reports whether a change only adds these entries to one of the containers, under names that it did not have before:
 * server-side apply rejects duplicate variable names. Additional entries of the same names come from other leaves of
 * the trial and are ignored.
 */
export function isInjection(change: Change, { kind, entries, containers }: Injection): boolean {
  const { template, document, path, before, after } = change;
  const field = formatPath(path);
  const isInContainer = containers.some(
    (container) =>
      container.template === template &&
      container.document === document &&
      field === container.path.replace(/\.image$/, kind === 'env' ? '.env' : '.args'),
  );
  if (!isInContainer || !Array.isArray(after)) return false;
  const previousItems = (Array.isArray(before) ? before : []).map((item) => JSON.stringify(item));
  const currentItems = after.map((item) => JSON.stringify(item));
  const names = new Set(entries.map(({ name }) => withoutDashes(name)));
  const isInjected = (setting: ReturnType<typeof parseSetting>): boolean =>
    setting !== undefined && names.has(setting.name);
  if (previousItems.some((item) => !currentItems.includes(item) || isInjected(parseSetting(kind, JSON.parse(item)))))
    return false;
  const added = after
    .filter((item) => !previousItems.includes(JSON.stringify(item)))
    .map((item) => parseSetting(kind, item));
  const isAdded = ({ name, value }: Injection['entries'][number]): boolean =>
    added.some((setting) => setting?.name === withoutDashes(name) && setting.text === value);
  return added.every(isInjected) && entries.every(isAdded);
}

/** Parses a variable or an argument into name and value; the flag's dashes are removed. */
function parseSetting(kind: Injection['kind'], item: unknown): { name: string; text: string } | undefined {
  if (kind === 'env') {
    const { name, value } = (item ?? {}) as { name?: unknown; value?: unknown };
    return { name: String(name), text: String(value) };
  }
  const setting = withoutDashes(String(item));
  const name = textBefore(setting, '=');
  return name === '' || name === setting ? undefined : { name, text: setting.slice(name.length + 1) };
}

function withoutDashes(name: string): string {
  return name.replace(/^-+/, '');
}
