import { formatPath } from '../../base/field-path.ts';
import { compareText } from '../../base/text-order.ts';
import type { RenderedDocument } from '../../helm/documents.ts';
import type { Values } from '../../helm/render.ts';
import type { TemplateSource } from '../../helm/subcharts.ts';
import { type Change, changeKey } from '../../value-tracing/changes.ts';
import type { LeafPath } from '../../value-tracing/leaves.ts';
import type { Trial } from '../../value-tracing/trial.ts';
import { imageMaps, keysReadByTemplates, type ValuesNode, valuesNodes } from '../../value-tracing/values-nodes.ts';
import type { PodWithoutSecret, Proof, PullSecretForm } from '../proof/proof.ts';
import type { Relocation } from '../proof/relocation.ts';
import { addSettings, type ProvenOverrides, type TrialContext, trySettings } from '../settings/accepted-settings.ts';
import { type Setting, settingAt } from '../settings/setting.ts';
import { addsPullSecret, isChecksum, isValuesCopy, PULL_SECRETS_FIELD } from './secret-changes.ts';
import {
  findSecretHolders,
  operatorPodImages,
  type PullSecretHolder,
  podsByKey,
  podsWithoutSecret,
  smallestCover,
} from './secret-holders.ts';

/** Options for adding a pull secret. */
export interface PullSecretOptions extends TrialContext {
  /** Name of the secret, which must be created separately. */
  readonly secret: string;
  /** Release namespace. */
  readonly namespace: string;
  readonly relocation: Relocation;
}

/** Overrides with a pull secret, and the pods that no value reaches. */
export interface PullSecretOverrides extends ProvenOverrides {
  readonly podsWithoutSecret: readonly PodWithoutSecret[];
  /** Images of pods that the installed software creates. */
  readonly unknownImages: readonly string[];
  /** Values that set the secret, and their form. */
  readonly setBy: NonNullable<Proof['pullSecretBy']>;
}

interface SecretTrial extends Trial {
  readonly leaf: PullSecretLeaf;
  readonly form: PullSecretForm;
}

const ALLOWED_CHANGES = { isWhole: (key: string | number): boolean => key === PULL_SECRETS_FIELD };

/**
 * Finds values that set the pull secret of pods and service accounts, and sets as few as possible: chart-wide values
 * first, then specific ones for the remaining pods. Settings that change anything else are not used.
 */
export async function addPullSecret(proved: ProvenOverrides, options: PullSecretOptions): Promise<PullSecretOverrides> {
  const { secret, namespace, relocation } = options;
  const unknownImages = ({ renders }: ProvenOverrides): string[] => {
    const references = relocation.variants.map((variant) => [...variant.references, ...variant.operands]);
    return operatorPodImages(renders, references, secret);
  };
  const holders = (renders: ProvenOverrides['renders']): PullSecretHolder[] => findSecretHolders(renders, namespace);
  const pods = holders(proved.renders).filter(({ role }) => role === 'pod');
  if (pods.length > 0 && podsWithoutSecret(holders(proved.renders), secret).length === 0)
    return {
      ...proved,
      podsWithoutSecret: [],
      unknownImages: unknownImages(proved),
      setBy: [],
    };
  const findPodsWithout = ({ renders }: ProvenOverrides): PodWithoutSecret[] => [
    ...podsWithoutSecret(holders(renders), secret),
    ...refusedResources(options, holders(renders)),
  ];
  const [{ values } = { values: {} }] = proved.renders;
  const leaves = pullSecretLeaves(values, await options.templates());
  const isChartWide = ({ path }: PullSecretLeaf): boolean => path[0] === 'global' || path.length === 1;
  let state = proved;
  for (const group of [leaves.filter(isChartWide), leaves.filter((leaf) => !isChartWide(leaf))]) {
    for (const round of [0, 1, 2]) {
      // A leaf without effect may belong to a disabled component: try its other forms only if pods still lack the
      // secret.
      const isDone = findPodsWithout(state).length === 0;
      if (round > 0 && isDone) break;
      state = await addToFewestLeaves(
        state,
        group.filter(({ path }) => !isSet(state, path)),
        round,
        options,
      );
    }
  }
  const previousSettings = new Set(proved.settings);
  const secretSettings = state.settings.filter(
    (setting) => !previousSettings.has(setting) && !isSet(proved, setting.path),
  );
  return {
    ...state,
    podsWithoutSecret: findPodsWithout(state),
    unknownImages: unknownImages(state),
    setBy: secretSettings.map(({ path, value }) => ({ path: formatPath(path), form: formOf(value) })),
  };
}

/** Returns resources whose CRD rejects the secret in every form that a value produces. */
function refusedResources(
  { relocation, secret }: PullSecretOptions,
  holders: readonly PullSecretHolder[],
): PodWithoutSecret[] {
  const hasSecret = (pod: PodWithoutSecret): boolean =>
    holders.some(
      ({ kind, name, template, secrets }) =>
        kind === pod.kind && name === pod.name && template === pod.template && secrets.includes(secret),
    );
  const refused = relocation.crdValidator.violations().filter(({ field }) => field.includes(PULL_SECRETS_FIELD));
  return [...podsByKey(refused).values()].filter((pod) => !hasSecret(pod));
}

function formOf(value: unknown): PullSecretForm {
  if (!Array.isArray(value)) return 'name';
  return typeof value.at(-1) === 'string' ? 'names' : 'entries';
}

function isSet({ settings }: ProvenOverrides, path: LeafPath): boolean {
  return settingAt(settings, path) !== undefined;
}

/** Tries each leaf in one of its forms, and sets those that are needed. */
async function addToFewestLeaves(
  state: ProvenOverrides,
  leaves: readonly PullSecretLeaf[],
  round: number,
  options: PullSecretOptions,
): Promise<ProvenOverrides> {
  const { secret, namespace } = options;
  const trials = leaves.flatMap((leaf, i): SecretTrial[] => {
    const form = leaf.forms[round];
    const marker = `agpull${String(i).padStart(4, '0')}z`;
    return form === undefined
      ? []
      : [{ leaf, form, marker, path: leaf.path, value: withPullSecret(leaf, form, marker) }];
  });
  if (trials.length === 0) return state;
  const objectOf = (change: Change, after: ProvenOverrides['renders']): RenderedDocument['object'] =>
    after[change.render]?.documents.find(
      ({ template, index }) => template === change.template && index === change.document,
    )?.object;
  // Copies of the values in a ConfigMap and checksum annotations change as well; a pod restart is harmless.
  const isCopy = (
    change: Change,
    set: readonly { path: LeafPath; value: unknown }[],
    after: ProvenOverrides['renders'],
  ): boolean => isChecksum(change) || isValuesCopy(change, objectOf(change, after), set);
  const adds = (change: Change, name: string, after: ProvenOverrides['renders']): boolean => {
    const object = objectOf(change, after);
    return addsPullSecret(
      change,
      name,
      options.relocation.crdValidator.schemaAt(object, [...change.path, 0])?.type === 'string',
    );
  };
  const judge = ({ marker }: SecretTrial, change: Change, renders: ProvenOverrides['renders']): boolean =>
    adds(change, marker, renders);
  const { passed, after } = await trySettings(state, options, trials, { ...ALLOWED_CHANGES, isIgnored: isCopy, judge });
  const reached = new Map(
    [...passed].map(([trial, changes]) => [
      trial,
      new Set(changes.map((change) => changeKey({ ...change, path: change.path.slice(0, -1) }))),
    ]),
  );
  const order = [...passed.keys()].sort(
    (a, b) => a.path.length - b.path.length || compareText(formatPath(a.path), formatPath(b.path)),
  );
  const settings = smallestCover(findSecretHolders(after, namespace), secret, reached, order).map(
    ({ leaf, form }): Setting => ({
      path: leaf.path,
      value: withPullSecret(leaf, form, secret),
      comment: 'image pull secret',
    }),
  );
  return addSettings(state, options, settings, {
    ...ALLOWED_CHANGES,
    allows: (change, renders) => adds(change, secret, renders) || isCopy(change, settings, renders),
  });
}

/** Leaf that may take pull secrets, with the forms that it may have, most likely first. */
export interface PullSecretLeaf extends ValuesNode {
  readonly forms: readonly PullSecretForm[];
}

const PULL_SECRET_KEY = /(?:pull|registry|image|docker)[-_]?secrets?(?:[-_]?names?)?$|^regcreds?$/i;
const NAME_KEY = /^(?:secret|existingSecret)?names?$|^existingSecret$/i;

/** Returns leaves whose key suggests pull secrets: those in the values, and those that only templates read. */
export function pullSecretLeaves(values: Values, templates: readonly TemplateSource[]): PullSecretLeaf[] {
  const keys = keysReadByTemplates(templates, (key) => PULL_SECRET_KEY.test(key));
  const maps = imageMaps(values).flatMap((path) => [path, path.slice(0, -1)]);
  const candidatePaths = maps.flatMap((path) => keys.map((key) => [...path, key]));
  return valuesNodes(values, templates, isPullSecretPath, candidatePaths).flatMap((leaf) => {
    const forms = possibleForms(leaf);
    return forms.length === 0 ? [] : [{ ...leaf, forms }];
  });
}

function isPullSecretPath(path: LeafPath): boolean {
  const [parent, key] = path.length > 1 ? path.slice(-2) : ['', path[0]];
  if (typeof key !== 'string') return false;
  return PULL_SECRET_KEY.test(key) || (NAME_KEY.test(key) && PULL_SECRET_KEY.test(String(parent)));
}

/** Returns no form for a leaf whose current value would be overwritten. */
function possibleForms({ path, value }: ValuesNode): PullSecretForm[] {
  if (Array.isArray(value)) {
    if (value.length === 0) return ['entries', 'names'];
    return value.every((item) => typeof item === 'string') ? ['names'] : ['entries'];
  }
  const isEmptyMap = typeof value === 'object' && value !== null && Object.keys(value).length === 0;
  if (isEmptyMap) return ['entries', 'names'];
  if (value !== undefined && value !== null && value !== '') return [];
  const isSingleName = value === '' || /(?:secret|name|cred|existingSecret)$/i.test(String(path.at(-1)));
  return isSingleName ? ['name', 'entries', 'names'] : ['entries', 'names', 'name'];
}

/** Returns the leaf's value with a secret added to the existing ones. */
export function withPullSecret({ value }: ValuesNode, form: PullSecretForm, secret: string): unknown {
  if (form === 'name') return secret;
  return [...(Array.isArray(value) ? value : []), form === 'names' ? secret : { name: secret }];
}
