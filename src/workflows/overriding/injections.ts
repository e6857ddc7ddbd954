import type { PlaceFound } from '../../discovery/index.ts';
import type { Render } from '../../helm/render.ts';
import { formatPath } from '../../influence/leaves.ts';
import type { NamedLeaf } from '../../influence/named-leaves.ts';
import type { Trial } from '../../influence/trial.ts';
import type { Target } from '../../oci/naming.ts';
import {
  type Injection,
  injectionLeaves,
  injects,
  isWhole,
  type Shape,
  shapesOf,
  withInjection,
} from '../../overrides/injection.ts';
import { tellingOf } from '../../overrides/redirect.ts';
import { isToldIn, type Telling } from '../../overrides/telling.ts';
import type { Moving } from './derivation.ts';
import { extend, type Means, type Proved, tryBeside } from './extension.ts';

interface InjectionTrial extends Trial {
  readonly leaf: NamedLeaf;
  readonly shape: Shape;
  readonly meant: Injection;
}

/** Variables or arguments for the same containers, with the reference that each moves. */
interface Group extends Injection {
  readonly references: ReadonlyMap<string, string>;
}

/**
 * Passes private image names to operators through environment variables or arguments, where the chart has a value for
 * additional ones (such as `extraEnv`). Settings that change anything else are not used.
 * @param unmovedOperands operands that are not moved yet
 * @param operatorContainers returns the containers that receive the name of an operand's image
 */
export async function inject(
  proved: Proved,
  left: readonly PlaceFound[],
  tellers: (operand: PlaceFound) => readonly PlaceFound[],
  target: Target,
  means: Means,
): Promise<Proved> {
  let state = proved;
  for (const group of groupsOf(left, tellers, target)) state = await injectGroup(state, group, means);
  return state;
}

/** Returns operator settings that the overrides add, distinct and sorted by name. */
export function injectedIn({ variants, target }: Moving, renders: readonly Render[]): Omit<Telling, 'kind'>[] {
  const told = variants.flatMap(({ base, chosen }, i) => {
    const isTold = (telling: Telling, documents: Render['documents'] = []): boolean =>
      documents.some((document) => isToldIn(document, telling));
    const tellings = chosen.flatMap((place) => tellingOf(place, target) ?? []);
    return tellings.filter((one) => isTold(one, renders[i]?.documents) && !isTold(one, base.documents));
  });
  const distinct = new Map(told.map(({ name, value }) => [`${name}\n${value}`, { name, value }]));
  return [...distinct].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
}

/**
 * Groups operands by their containers; omits those that no variable or argument moves, or without a container in the
 * chart.
 */
function groupsOf(
  left: readonly PlaceFound[],
  tellers: (operand: PlaceFound) => readonly PlaceFound[],
  target: Target,
): Group[] {
  const groups = new Map<string, { containers: Injection['containers']; tellings: Map<string, [Telling, string]> }>();
  for (const operand of left) {
    const telling = tellingOf(operand, target);
    const containers = telling === undefined ? [] : tellers(operand);
    if (telling === undefined || containers.length === 0) continue;
    const at = containers.map(({ template, document, path }) => ({ template, document, path }));
    const key = JSON.stringify([telling.kind, at]);
    const group = groups.get(key) ?? { containers: at, tellings: new Map() };
    // Operands of different versions can share a variable for the repository; the first value counts.
    if (!group.tellings.has(telling.name)) group.tellings.set(telling.name, [telling, operand.reference]);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ containers, tellings }): Group => {
    const all = [...tellings.values()];
    return {
      kind: (all[0] as [Telling, string])[0].kind,
      entries: all.map(([{ name, value }]) => ({ name, value })),
      containers,
      references: new Map(all.map(([{ name }, reference]) => [name, reference])),
    };
  });
}

/** Sets a whole group on one leaf; splits it in half if no leaf takes all entries. */
async function injectGroup(state: Proved, group: Group, means: Means): Promise<Proved> {
  const next = await injectTogether(state, group, means);
  if (next !== state || group.entries.length < 2) return next;
  const half = Math.ceil(group.entries.length / 2);
  const first = await injectGroup(state, { ...group, entries: group.entries.slice(0, half) }, means);
  return injectGroup(first, { ...group, entries: group.entries.slice(half) }, means);
}

/** Tries every leaf in each of its forms, and sets the most specific one that works. */
async function injectTogether(state: Proved, meant: Group, means: Means): Promise<Proved> {
  const [{ values } = { values: {} }] = state.renders;
  const leaves = injectionLeaves(meant.kind, values, await means.templates());
  for (const shape of ['entries', 'map'] as const) {
    const trials = leaves
      .filter((leaf) => shapesOf(leaf).includes(shape))
      .map((leaf, i): InjectionTrial => {
        const marker = `aginject${String(i).padStart(4, '0')}z`;
        const marked = { ...meant, entries: meant.entries.map(({ name }) => ({ name, value: marker })) };
        return { leaf, shape, marker, meant: marked, path: leaf.path, value: withInjection(leaf, shape, marked) };
      });
    if (trials.length === 0) continue;
    const judge = (trial: InjectionTrial, change: Parameters<typeof injects>[0]): boolean =>
      injects(change, trial.meant);
    const { good } = await tryBeside(state, means, trials, { isWhole, judge });
    const order = [...good.keys()].sort(
      (a, b) => b.path.length - a.path.length || (formatPath(a.path) < formatPath(b.path) ? -1 : 1),
    );
    for (const { leaf } of order) {
      const what = meant.kind === 'env' ? 'the variable' : 'the argument';
      const comment = meant.entries.map(({ name }) => `${meant.references.get(name)}, by ${what} ${name}`).join('\n');
      const setting = { path: leaf.path, value: withInjection(leaf, shape, meant), comment };
      const next = await extend(state, means, [setting], { isWhole, allows: (change) => injects(change, meant) });
      if (next !== state) return next;
    }
  }
  return state;
}
