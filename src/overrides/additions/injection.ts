import { formatPath } from '../../base/field-path.ts';
import { compareText } from '../../base/text-order.ts';
import { textBefore } from '../../base/text-trim.ts';
import type { Render, Values } from '../../helm/render.ts';
import type { TemplateSource } from '../../helm/subcharts.ts';
import type { LocatedReference, Location } from '../../inventory/finding.ts';
import type { Change } from '../../value-tracing/changes.ts';
import type { Trial } from '../../value-tracing/trial.ts';
import { type ValuesNode, valuesNodes } from '../../value-tracing/values-nodes.ts';
import { isSetIn, type OperatorSetting, operatorSettingFor } from '../proof/redirect.ts';
import { type Relocation, trialContext } from '../proof/relocation.ts';
import { addSettings, type ProvenOverrides, type TrialContext, trySettings } from '../settings/accepted-settings.ts';

interface InjectionTrial extends Trial {
  readonly leaf: ValuesNode;
  readonly form: InjectionForm;
  readonly injection: Injection;
}

/** Variables or arguments for the same containers, with the reference that each moves. */
interface InjectionGroup extends Injection {
  readonly references: ReadonlyMap<string, string>;
}

/**
 * Passes private image names to operators through environment variables or arguments, where the chart has a value for
 * additional ones (such as `extraEnv`). Settings that change anything else are not used.
 * @param unmovedOperands operands that are not moved yet
 */
export async function injectOperatorSettings(
  relocation: Relocation,
  proved: ProvenOverrides,
  unmovedOperands: readonly LocatedReference[],
): Promise<ProvenOverrides> {
  const context = trialContext(relocation, proved);
  let state = proved;
  for (const group of groupInjections(relocation, unmovedOperands)) state = await injectGroup(state, group, context);
  return state;
}

/** Returns operator settings that the overrides add, distinct and sorted by name. */
export function findInjectedSettings(
  { variants, target }: Relocation,
  renders: readonly Render[],
): Omit<OperatorSetting, 'kind'>[] {
  const injected = variants.flatMap(({ base, operands }, i) => {
    const isSet = (setting: OperatorSetting, documents: Render['documents'] = []): boolean =>
      documents.some((document) => isSetIn(document, setting));
    const settings = operands.flatMap((operand) => operatorSettingFor(operand, target) ?? []);
    return settings.filter((setting) => isSet(setting, renders[i]?.documents) && !isSet(setting, base.documents));
  });
  const distinct = new Map(injected.map(({ name, value }) => [`${name}\n${value}`, { name, value }]));
  return [...distinct].sort(([a], [b]) => compareText(a, b)).map(([, setting]) => setting);
}

/**
 * Groups operands by their containers; omits those that no variable or argument moves, or without a container in the
 * chart.
 */
function groupInjections(
  { variants, target }: Relocation,
  unmovedOperands: readonly LocatedReference[],
): InjectionGroup[] {
  const groups = new Map<
    string,
    { containers: Injection['containers']; settings: Map<string, [OperatorSetting, string]> }
  >();
  for (const operand of unmovedOperands) {
    const setting = operatorSettingFor(operand, target);
    const containers = setting === undefined ? [] : variants.flatMap((variant) => variant.operatorContainers(operand));
    if (setting === undefined || containers.length === 0) continue;
    const imageFields = containers.map(({ template, document, path }) => ({ template, document, path }));
    const key = JSON.stringify([setting.kind, imageFields]);
    const group = groups.get(key) ?? { containers: imageFields, settings: new Map() };
    // Operands of different versions can share a variable for the repository; the first value counts.
    if (!group.settings.has(setting.name)) group.settings.set(setting.name, [setting, operand.reference]);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ containers, settings }): InjectionGroup => {
    const settingsWithReference = [...settings.values()];
    return {
      kind: (settingsWithReference[0] as [OperatorSetting, string])[0].kind,
      entries: settingsWithReference.map(([{ name, value }]) => ({ name, value })),
      containers,
      references: new Map(settingsWithReference.map(([{ name }, reference]) => [name, reference])),
    };
  });
}

/** Sets a whole group on one leaf; splits it in half if no leaf takes all entries. */
async function injectGroup(
  state: ProvenOverrides,
  group: InjectionGroup,
  trialContext: TrialContext,
): Promise<ProvenOverrides> {
  const next = await injectTogether(state, group, trialContext);
  if (next !== state || group.entries.length < 2) return next;
  const half = Math.ceil(group.entries.length / 2);
  const first = await injectGroup(state, { ...group, entries: group.entries.slice(0, half) }, trialContext);
  return injectGroup(first, { ...group, entries: group.entries.slice(half) }, trialContext);
}

/** Tries every leaf in each of its forms, and sets the most specific one that works. */
async function injectTogether(
  state: ProvenOverrides,
  injection: InjectionGroup,
  trialContext: TrialContext,
): Promise<ProvenOverrides> {
  const [{ values } = { values: {} }] = state.renders;
  const leaves = injectionLeaves(injection.kind, values, await trialContext.templates());
  for (const form of ['entries', 'map'] as const) {
    const trials = leaves
      .filter((leaf) => injectionForms(leaf).includes(form))
      .map((leaf, i): InjectionTrial => {
        const marker = `aginject${String(i).padStart(4, '0')}z`;
        const markedInjection = {
          ...injection,
          entries: injection.entries.map(({ name }) => ({ name, value: marker })),
        };
        return {
          leaf,
          form,
          marker,
          injection: markedInjection,
          path: leaf.path,
          value: withInjection(leaf, form, markedInjection),
        };
      });
    if (trials.length === 0) continue;
    const judge = (trial: InjectionTrial, change: Parameters<typeof isInjection>[0]): boolean =>
      isInjection(change, trial.injection);
    const { passed } = await trySettings(state, trialContext, trials, { isWhole: isInjectionField, judge });
    const order = [...passed.keys()].sort(
      (a, b) => b.path.length - a.path.length || compareText(formatPath(a.path), formatPath(b.path)),
    );
    for (const { leaf } of order) {
      const settingKind = injection.kind === 'env' ? 'the variable' : 'the argument';
      const comment = injection.entries
        .map(({ name }) => `${injection.references.get(name)}, by ${settingKind} ${name}`)
        .join('\n');
      const setting = { path: leaf.path, value: withInjection(leaf, form, injection), comment };
      const next = await addSettings(state, trialContext, [setting], {
        isWhole: isInjectionField,
        allows: (change) => isInjection(change, injection),
      });
      if (next !== state) return next;
    }
  }
  return state;
}

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
function isInjectionField(key: string | number): boolean {
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
