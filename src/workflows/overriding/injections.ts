import type { PlaceFound } from '../../discovery/index.ts';
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
import { redirectText } from '../../overrides/redirect.ts';
import { extend, type Means, type Proved, tryBeside } from './extension.ts';

interface InjectionTrial extends Trial {
  readonly leaf: NamedLeaf;
  readonly shape: Shape;
  readonly meant: Injection;
}

/**
 * Gives operators the private names of images that they choose by themselves, where an environment variable or an
 * argument tells them and the chart lets one be added (an `extraEnv`). Nothing else may change by it.
 * @param left operands that nothing moves yet
 * @param places where references stand in the render, for the containers that run an operator's image
 */
export async function inject(
  proved: Proved,
  left: readonly PlaceFound[],
  places: readonly PlaceFound[],
  target: Target,
  means: Means,
): Promise<Proved> {
  let state = proved;
  for (const operand of left) {
    const meant = injectionOf(operand, places, target);
    if (meant !== undefined) state = await injectOne(state, meant, operand.reference, means);
  }
  return state;
}

/** Undefined for what no variable and no argument moves, or nobody runs here. */
function injectionOf(operand: PlaceFound, places: readonly PlaceFound[], target: Target): Injection | undefined {
  const { redirect, name, kind, template, document, path } = operand;
  if (redirect?.name === undefined || (redirect.kind !== 'env' && redirect.kind !== 'argument')) return undefined;
  // What an image's own config names is told to whatever runs that image.
  const running = places.filter((place) => place.reference === name && place.how === 'pod-spec');
  const containers = kind === 'Image' ? running : [{ template, document, path }];
  const value = redirectText(operand, target);
  return containers.length === 0 || value === undefined
    ? undefined
    : { kind: redirect.kind, name: redirect.name, value, containers };
}

/** Tries every leaf in each of its shapes, and sets the narrowest one that does it. */
async function injectOne(state: Proved, meant: Injection, reference: string, means: Means): Promise<Proved> {
  const [{ values } = { values: {} }] = state.renders;
  const leaves = injectionLeaves(meant.kind, values, await means.templates());
  for (const shape of ['entries', 'map'] as const) {
    const trials = leaves
      .filter((leaf) => shapesOf(leaf).includes(shape))
      .map((leaf, i): InjectionTrial => {
        const marker = `aginject${String(i).padStart(4, '0')}z`;
        const marked = { ...meant, value: marker };
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
      const comment = `${reference}, by ${meant.kind === 'env' ? 'the variable' : 'the argument'} ${meant.name}`;
      const setting = { path: leaf.path, value: withInjection(leaf, shape, meant), comment };
      const next = await extend(state, means, [setting], { isWhole, allows: (change) => injects(change, meant) });
      if (next !== state) return next;
    }
  }
  return state;
}
