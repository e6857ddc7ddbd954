import { keyOfChange } from '../../influence/changes.ts';
import { formatPath } from '../../influence/leaves.ts';
import type { Trial } from '../../influence/trial.ts';
import type { Setting } from '../../overrides/document.ts';
import {
  addsSecret,
  FIELD,
  type SecretLeaf,
  type Shape,
  secretLeaves,
  withSecret,
} from '../../overrides/pull-secret.ts';
import { fewest, type Holder, holdersIn, type PodWithout, podsWithout } from '../../overrides/secret-holders.ts';
import { extend, type Means, type Proved, tryBeside } from './extension.ts';

export interface PullSecretOptions extends Means {
  /** Name of the secret, which is there already or made by somebody else. */
  readonly secret: string;
  /** Where the chart is installed. */
  readonly namespace: string;
}

/** Overrides with a pull secret, and the pods that no value gives it to. */
export interface WithPullSecret extends Proved {
  readonly without: readonly PodWithout[];
}

interface SecretTrial extends Trial {
  readonly leaf: SecretLeaf;
  readonly shape: Shape;
}

const ALLOWANCE = { isWhole: (key: string | number): boolean => key === FIELD };

/**
 * Finds the values that give a pull secret to pods and service accounts, and sets the fewest that do: one that reaches
 * the whole chart first, and for what is left its own. Nothing else may change by it.
 */
export async function addPullSecret(proved: Proved, options: PullSecretOptions): Promise<WithPullSecret> {
  const { secret, namespace } = options;
  const holders = (renders: Proved['renders']): Holder[] => holdersIn(renders, namespace);
  if (podsWithout(holders(proved.renders), secret).length === 0) return { ...proved, without: [] };
  const [{ values } = { values: {} }] = proved.renders;
  const leaves = secretLeaves(values, await options.templates());
  const isWide = ({ path }: SecretLeaf): boolean => path[0] === 'global' || path.length === 1;
  let state = proved;
  for (const some of [leaves.filter(isWide), leaves.filter((leaf) => !isWide(leaf))]) {
    for (const round of [0, 1, 2]) {
      // What does not land may be of a component that is off: its other shapes matter only for pods that are left.
      const isDone = podsWithout(holders(state.renders), secret).length === 0;
      if (round > 0 && isDone) break;
      state = await addFewest(
        state,
        some.filter(({ path }) => !isSet(state, path)),
        round,
        options,
      );
    }
  }
  return { ...state, without: podsWithout(holders(state.renders), secret) };
}

function isSet({ settings }: Proved, path: SecretLeaf['path']): boolean {
  return settings.some((setting) => formatPath(setting.path) === formatPath(path));
}

/** Tries each leaf in one of its shapes, and sets those that are needed. */
async function addFewest(
  state: Proved,
  leaves: readonly SecretLeaf[],
  round: number,
  options: PullSecretOptions,
): Promise<Proved> {
  const { secret, namespace } = options;
  const trials = leaves.flatMap((leaf, i): SecretTrial[] => {
    const shape = leaf.shapes[round];
    const marker = `agpull${String(i).padStart(4, '0')}z`;
    return shape === undefined
      ? []
      : [{ leaf, shape, marker, path: leaf.path, value: withSecret(leaf, shape, marker) }];
  });
  if (trials.length === 0) return state;
  const judge = ({ marker }: SecretTrial, change: Parameters<typeof addsSecret>[0]): boolean =>
    addsSecret(change, marker);
  const { good, after } = await tryBeside(state, options, trials, { ...ALLOWANCE, judge });
  const landed = new Map(
    [...good].map(([trial, changes]) => [
      trial,
      new Set(changes.map((change) => keyOfChange({ ...change, path: change.path.slice(0, -1) }))),
    ]),
  );
  const order = [...good.keys()].sort(
    (a, b) => a.path.length - b.path.length || compare(formatPath(a.path), formatPath(b.path)),
  );
  const settings = fewest(holdersIn(after, namespace), secret, landed, order).map(
    ({ leaf, shape }): Setting => ({
      path: leaf.path,
      value: withSecret(leaf, shape, secret),
      comment: 'the secret to pull with',
    }),
  );
  return extend(state, options, settings, { ...ALLOWANCE, allows: (change) => addsSecret(change, secret) });
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
