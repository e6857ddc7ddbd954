import type { Values } from '../helm/render.ts';
import type { TemplateSource } from '../helm/subcharts.ts';
import type { Change } from '../value-tracing/changes.ts';
import type { LeafPath } from '../value-tracing/leaves.ts';
import { imageMaps, keysReadByTemplates, type ValuesNode, valuesNodes } from '../value-tracing/values-nodes.ts';

/**
 * Form in which a chart takes pull secrets: Kubernetes entries (`[{name: a}]`), a list of names that the template turns
 * into entries, or a single name.
 */
export type PullSecretForm = 'entries' | 'names' | 'name';

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

/** Field of pods and service accounts; custom resources of operators use the same name. */
export const PULL_SECRETS_FIELD = 'imagePullSecrets';

/**
 * Reports whether a change only adds a pull secret: as a Kubernetes entry, as a name if the CRD says so, or as an
 * environment variable or argument of an operator that creates pods.
 * @param secret name to look for; other secrets added by the same render belong to other trials
 * @param asNames true if the field belongs to a custom resource that lists names
 */
export function addsPullSecret(change: Change, secret: string, asNames = false): boolean {
  const { path, before, after } = change;
  if (path.at(-1) !== PULL_SECRETS_FIELD) return setsOperatorPullSecret(change, secret);
  if (!Array.isArray(after)) return false;
  const entries = after.map((entry) => JSON.stringify(entry));
  const previousItems = before === undefined || before === null ? [] : Array.isArray(before) ? before : undefined;
  const previousEntries = previousItems?.map((entry) => JSON.stringify(entry));
  if (previousEntries === undefined || previousEntries.some((entry) => !entries.includes(entry))) return false;
  const added = JSON.stringify(asNames ? secret : { name: secret });
  const others = entries.filter((entry) => entry !== added && !previousEntries.includes(entry));
  return entries.includes(added) && others.every((entry) => !entry.includes(secret));
}

function setsOperatorPullSecret({ path, before = [], after }: Change, secret: string): boolean {
  if (!/^(?:env|args)$/.test(String(path.at(-1))) || !Array.isArray(after) || !Array.isArray(before)) return false;
  const previous = new Set(before.map((item) => JSON.stringify(item)));
  const added = after.map((item) => JSON.stringify(item)).filter((item) => !previous.has(item));
  return (
    after.length === before.length + added.length &&
    added.some((item) => item.includes(secret)) &&
    added.every((item) => PULL_SECRET_NAME.test(item))
  );
}

const PULL_SECRET_NAME = /pull[-_]?secrets?/i;

/** Reports whether a container variable or argument passes the secret's name, for pods that the container creates. */
export function mentionsPullSecret(value: unknown, secret: string): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([key, item]) => {
    const texts =
      Array.isArray(item) && /^(?:env|args|command)$/.test(key) ? item.map((element) => JSON.stringify(element)) : [];
    if (texts.some((text) => text.includes(secret) && PULL_SECRET_NAME.test(text))) return true;
    return mentionsPullSecret(item, secret);
  });
}
