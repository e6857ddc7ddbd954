import type { PlaceFound } from '../../discovery/index.ts';
import type { RenderedDocument } from '../../helm/documents.ts';
import { type Change, keyOfChange } from '../../influence/changes.ts';
import { formatPath, type LeafPath } from '../../influence/leaves.ts';
import type { Trial } from '../../influence/trial.ts';
import type { Setting } from '../../overrides/document.ts';
import type { Proof } from '../../overrides/proof.ts';
import {
  addsSecret,
  FIELD,
  type SecretLeaf,
  type Shape,
  secretLeaves,
  withSecret,
} from '../../overrides/pull-secret.ts';
import { fewest, type Holder, holdersIn, type PodWithout, podsWithout } from '../../overrides/secret-holders.ts';
import { isChecksum, isValuesCopy } from '../../overrides/values-copy.ts';
import type { Cluster } from './cluster.ts';
import { extend, type Means, type Proved, tryBeside } from './extension.ts';
import { ownPods } from './own-pods.ts';

/** Options for adding a pull secret. */
export interface PullSecretOptions extends Means {
  /** Name of the secret, which must be created separately. */
  readonly secret: string;
  /** Release namespace. */
  readonly namespace: string;
  readonly cluster: Cluster;
  /** References in each render, and images that operators choose. */
  readonly places: readonly (readonly PlaceFound[])[];
}

/** Overrides with a pull secret, and the pods that no value reaches. */
export interface WithPullSecret extends Proved {
  readonly without: readonly PodWithout[];
  /** Images of pods that the installed software creates. */
  readonly unknown: readonly string[];
  /** Values that set the secret, and their form. */
  readonly by: NonNullable<Proof['pullSecretBy']>;
}

interface SecretTrial extends Trial {
  readonly leaf: SecretLeaf;
  readonly shape: Shape;
}

const ALLOWANCE = { isWhole: (key: string | number): boolean => key === FIELD };

/**
 * Finds values that set the pull secret of pods and service accounts, and sets as few as possible: chart-wide values
 * first, then specific ones for the remaining pods. Settings that change anything else are not used.
 */
export async function addPullSecret(proved: Proved, options: PullSecretOptions): Promise<WithPullSecret> {
  const { secret, namespace } = options;
  const holders = (renders: Proved['renders']): Holder[] => holdersIn(renders, namespace);
  const pods = holders(proved.renders).filter(({ role }) => role === 'pod');
  if (pods.length > 0 && podsWithout(holders(proved.renders), secret).length === 0)
    return { ...proved, without: [], unknown: ownPods(proved.renders, options.places, secret), by: [] };
  const without = ({ renders }: Proved): PodWithout[] => [
    ...podsWithout(holders(renders), secret),
    ...refusedBy(options, holders(renders)),
  ];
  const [{ values } = { values: {} }] = proved.renders;
  const leaves = secretLeaves(values, await options.templates());
  const isWide = ({ path }: SecretLeaf): boolean => path[0] === 'global' || path.length === 1;
  let state = proved;
  for (const some of [leaves.filter(isWide), leaves.filter((leaf) => !isWide(leaf))]) {
    for (const round of [0, 1, 2]) {
      // A leaf without effect may belong to a disabled component: try its other forms only if pods still lack the
      // secret.
      const isDone = without(state).length === 0;
      if (round > 0 && isDone) break;
      state = await addFewest(
        state,
        some.filter(({ path }) => !isSet(state, path)),
        round,
        options,
      );
    }
  }
  const own = new Set(proved.settings);
  const by = state.settings.filter((setting) => !own.has(setting) && !isSet(proved, setting.path));
  return {
    ...state,
    without: without(state),
    unknown: ownPods(state.renders, options.places, secret),
    by: by.map(({ path, value }) => ({ path: formatPath(path), form: formOf(value) })),
  };
}

/** Returns resources whose CRD rejects the secret in every form that a value produces. */
function refusedBy({ cluster, secret }: PullSecretOptions, holders: readonly Holder[]): PodWithout[] {
  const has = (one: PodWithout): boolean =>
    holders.some(
      ({ kind, name, template, secrets }) =>
        kind === one.kind && name === one.name && template === one.template && secrets.includes(secret),
    );
  const refused = cluster.refusals().filter(({ field }) => field.includes(FIELD));
  const distinct = new Map(
    refused.map(({ kind, name, template }) => [`${template}\n${kind}\n${name}`, { kind, name, template }]),
  );
  return [...distinct.values()].filter((one) => !has(one));
}

function formOf(value: unknown): Shape {
  if (!Array.isArray(value)) return 'name';
  return typeof value.at(-1) === 'string' ? 'names' : 'entries';
}

function isSet({ settings }: Proved, path: SecretLeaf['path']): boolean {
  return settings.some((setting) => formatPath(setting.path) === formatPath(path));
}

/** Tries each leaf in one of its forms, and sets those that are needed. */
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
  const objectOf = (change: Change, after: Proved['renders']): RenderedDocument['object'] =>
    after[change.render]?.documents.find(
      ({ template, index }) => template === change.template && index === change.document,
    )?.object;
  // Copies of the values in a ConfigMap and checksum annotations change as well; a pod restart is harmless.
  const isCopy = (
    change: Change,
    set: readonly { path: LeafPath; value: unknown }[],
    after: Proved['renders'],
  ): boolean => isChecksum(change) || isValuesCopy(change, objectOf(change, after), set);
  const adds = (change: Change, name: string, after: Proved['renders']): boolean => {
    const object = objectOf(change, after);
    return addsSecret(change, name, options.cluster.schemaAt(object, [...change.path, 0])?.type === 'string');
  };
  const judge = ({ marker }: SecretTrial, change: Change, all: Proved['renders']): boolean => adds(change, marker, all);
  const { good, after } = await tryBeside(state, options, trials, { ...ALLOWANCE, ignores: isCopy, judge });
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
      comment: 'image pull secret',
    }),
  );
  return extend(state, options, settings, {
    ...ALLOWANCE,
    allows: (change, all) => adds(change, secret, all) || isCopy(change, settings, all),
  });
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
