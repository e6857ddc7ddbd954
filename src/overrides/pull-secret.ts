import type { Values } from '../helm/render.ts';
import type { TemplateSource } from '../helm/templates.ts';
import type { Change } from '../influence/changes.ts';
import type { LeafPath } from '../influence/leaves.ts';
import { imageMaps, keysRead, type NamedLeaf, namedLeaves } from '../influence/named-leaves.ts';

/**
 * Form in which a chart takes pull secrets: Kubernetes entries (`[{name: a}]`), a list of names that the template turns
 * into entries, or a single name.
 */
export type Shape = 'entries' | 'names' | 'name';

/** Leaf that may take pull secrets, with the forms that it may have, most likely first. */
export interface SecretLeaf extends NamedLeaf {
  readonly shapes: readonly Shape[];
}

const KEY = /(?:pull|registry|image|docker)[-_]?secrets?(?:[-_]?names?)?$|^regcreds?$/i;
const NAME_BELOW = /^(?:secret|existingSecret)?names?$|^existingSecret$/i;

/** Returns leaves whose key suggests pull secrets: those in the values, and those that only templates read. */
export function secretLeaves(values: Values, templates: readonly TemplateSource[]): SecretLeaf[] {
  const keys = keysRead(templates, (key) => KEY.test(key));
  const maps = imageMaps(values).flatMap((path) => [path, path.slice(0, -1)]);
  const beside = maps.flatMap((path) => keys.map((key) => [...path, key]));
  return namedLeaves(values, templates, isMeant, beside).flatMap((leaf) => {
    const shapes = shapesOf(leaf);
    return shapes.length === 0 ? [] : [{ ...leaf, shapes }];
  });
}

function isMeant(path: LeafPath): boolean {
  const [parent, key] = path.length > 1 ? path.slice(-2) : ['', path[0]];
  if (typeof key !== 'string') return false;
  return KEY.test(key) || (NAME_BELOW.test(key) && KEY.test(String(parent)));
}

/** Returns no form for a leaf whose current value would be overwritten. */
function shapesOf({ path, value }: NamedLeaf): Shape[] {
  if (Array.isArray(value)) {
    if (value.length === 0) return ['entries', 'names'];
    return value.every((item) => typeof item === 'string') ? ['names'] : ['entries'];
  }
  const isEmptyMap = typeof value === 'object' && value !== null && Object.keys(value).length === 0;
  if (isEmptyMap) return ['entries', 'names'];
  if (value !== undefined && value !== null && value !== '') return [];
  const isOne = value === '' || /(?:secret|name|cred|existingSecret)$/i.test(String(path.at(-1)));
  return isOne ? ['name', 'entries', 'names'] : ['entries', 'names', 'name'];
}

/** Returns the leaf's value with a secret added to the existing ones. */
export function withSecret({ value }: NamedLeaf, shape: Shape, secret: string): unknown {
  if (shape === 'name') return secret;
  return [...(Array.isArray(value) ? value : []), shape === 'names' ? secret : { name: secret }];
}

/** Field of pods and service accounts; custom resources of operators use the same name. */
export const FIELD = 'imagePullSecrets';

/**
 * Reports whether a change only adds a pull secret: as a Kubernetes entry, as a name if the CRD says so, or as an
 * environment variable or argument of an operator that creates pods.
 * @param secret name to look for; other secrets added by the same render belong to other trials
 * @param asNames true if the field belongs to a custom resource that lists names
 */
export function addsSecret(change: Change, secret: string, asNames = false): boolean {
  const { path, was, is } = change;
  if (path.at(-1) !== FIELD) return tellsOperator(change, secret);
  if (!Array.isArray(is)) return false;
  const entries = is.map((entry) => JSON.stringify(entry));
  const kept = was === undefined || was === null ? [] : Array.isArray(was) ? was : undefined;
  const old = kept?.map((entry) => JSON.stringify(entry));
  if (old === undefined || old.some((entry) => !entries.includes(entry))) return false;
  const added = JSON.stringify(asNames ? secret : { name: secret });
  const others = entries.filter((entry) => entry !== added && !old.includes(entry));
  return entries.includes(added) && others.every((entry) => !entry.includes(secret));
}

function tellsOperator({ path, was = [], is }: Change, secret: string): boolean {
  if (!/^(?:env|args)$/.test(String(path.at(-1))) || !Array.isArray(is) || !Array.isArray(was)) return false;
  const before = new Set(was.map((item) => JSON.stringify(item)));
  const added = is.map((item) => JSON.stringify(item)).filter((item) => !before.has(item));
  return (
    is.length === was.length + added.length &&
    added.some((item) => item.includes(secret)) &&
    added.every((item) => SPEAKS.test(item))
  );
}

const SPEAKS = /pull[-_]?secrets?/i;

/** Reports whether a container variable or argument passes the secret's name, for pods that the container creates. */
export function tellsOfSecret(value: unknown, secret: string): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([key, item]) => {
    const texts =
      Array.isArray(item) && /^(?:env|args|command)$/.test(key) ? item.map((one) => JSON.stringify(one)) : [];
    if (texts.some((text) => text.includes(secret) && SPEAKS.test(text))) return true;
    return tellsOfSecret(item, secret);
  });
}
