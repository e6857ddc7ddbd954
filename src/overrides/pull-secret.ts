import type { Values } from '../helm/render.ts';
import type { TemplateSource } from '../helm/templates.ts';
import type { Change } from '../influence/changes.ts';
import type { LeafPath } from '../influence/leaves.ts';
import { imageMaps, keysRead, type NamedLeaf, namedLeaves } from '../influence/named-leaves.ts';

/**
 * How charts take pull secrets: as Kubernetes has them (`[{name: a}]`), as a list of names that the template makes
 * entries of, or as one name.
 */
export type Shape = 'entries' | 'names' | 'name';

/** A leaf that may be for pull secrets, and the shapes that it may have, the likelier first. */
export interface SecretLeaf extends NamedLeaf {
  readonly shapes: readonly Shape[];
}

const KEY = /(?:pull|registry|image|docker)[-_]?secrets?(?:[-_]?names?)?$|^regcreds?$/i;
const NAME_BELOW = /^(?:secret|existingSecret)?names?$|^existingSecret$/i;

/** Leaves whose key speaks of pull secrets: those in the values, and those that only templates read. */
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

/** None for what holds something that another name would replace. */
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

/** What to set on a leaf so that a secret is taken besides those that are there. */
export function withSecret({ value }: NamedLeaf, shape: Shape, secret: string): unknown {
  if (shape === 'name') return secret;
  return [...(Array.isArray(value) ? value : []), shape === 'names' ? secret : { name: secret }];
}

/** Where Kubernetes has them, in pods and service accounts alike; resources of operators use the same name. */
export const FIELD = 'imagePullSecrets';

/**
 * Whether a change is nothing but a secret more: as Kubernetes wants it, as a list of names where a definition says so, or
 * as an operator is told by an environment variable or an argument for the pods that it makes.
 * @param secret that is looked at; others that come along are somebody else's
 * @param asNames whether the field is one of a custom resource that has names
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

/** Whether a variable or an argument of a container names the secret, for the pods that it makes. */
export function tellsOfSecret(value: unknown, secret: string): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([key, item]) => {
    const texts =
      Array.isArray(item) && /^(?:env|args|command)$/.test(key) ? item.map((one) => JSON.stringify(one)) : [];
    if (texts.some((text) => text.includes(secret) && SPEAKS.test(text))) return true;
    return tellsOfSecret(item, secret);
  });
}
