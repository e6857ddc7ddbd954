import type { Render } from '../helm/render.ts';
import type { LocatedReference } from '../inventory/finding.ts';
import type { Target } from '../naming/naming.ts';
import { formatPath } from '../value-tracing/leaves.ts';
import type { Trial } from '../value-tracing/trial.ts';
import type { ValuesNode } from '../value-tracing/values-nodes.ts';
import { addSettings, type ProvenOverrides, type TrialContext, trySettings } from './add-settings.ts';
import type { Relocation } from './derive-overrides.ts';
import {
  type Injection,
  type InjectionForm,
  injectionForms,
  injectionLeaves,
  isInjection,
  isInjectionField,
  withInjection,
} from './injection.ts';
import { isSetIn, type OperatorSetting } from './operator-setting.ts';
import { operatorSettingFor } from './redirect.ts';

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
 * @param operatorContainers returns the containers that receive the name of an operand's image
 */
export async function injectOperatorSettings(
  proved: ProvenOverrides,
  unmovedOperands: readonly LocatedReference[],
  operatorContainers: (operand: LocatedReference) => readonly LocatedReference[],
  target: Target,
  trialContext: TrialContext,
): Promise<ProvenOverrides> {
  let state = proved;
  for (const group of groupInjections(unmovedOperands, operatorContainers, target))
    state = await injectGroup(state, group, trialContext);
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
  return [...distinct].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, setting]) => setting);
}

/**
 * Groups operands by their containers; omits those that no variable or argument moves, or without a container in the
 * chart.
 */
function groupInjections(
  unmovedOperands: readonly LocatedReference[],
  operatorContainers: (operand: LocatedReference) => readonly LocatedReference[],
  target: Target,
): InjectionGroup[] {
  const groups = new Map<
    string,
    { containers: Injection['containers']; settings: Map<string, [OperatorSetting, string]> }
  >();
  for (const operand of unmovedOperands) {
    const setting = operatorSettingFor(operand, target);
    const containers = setting === undefined ? [] : operatorContainers(operand);
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
      (a, b) => b.path.length - a.path.length || (formatPath(a.path) < formatPath(b.path) ? -1 : 1),
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
