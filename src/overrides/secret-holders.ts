import type { RenderedDocument } from '../helm/documents.ts';
import { type Documents, keyOfChange } from '../influence/changes.ts';
import { type LeafPath, valueAt } from '../influence/leaves.ts';
import { FIELD } from './pull-secret.ts';

/** Object part that can have pull secrets: a pod spec, a service account, or a custom resource. */
export interface Holder {
  /** Position, in the notation of {@link keyOfChange}. */
  readonly key: string;
  readonly role: 'pod' | 'account' | 'resource';
  readonly kind: string;
  readonly name: string;
  readonly template: string;
  /** Service account as `namespace/name`: the account itself, or the one that the pods use. */
  readonly account: string;
  /** Names of its pull secrets. */
  readonly secrets: readonly string[];
}

/** Pod or pod-creating object without the pull secret. */
export interface PodWithout {
  readonly kind: string;
  readonly name: string;
  readonly template: string;
}

/**
 * Finds all pod specs, at any depth, all service accounts, and other objects with pull secrets.
 * @param namespace release namespace, for objects without one
 */
export function holdersIn(renders: readonly Documents[], namespace: string): Holder[] {
  return renders.flatMap(({ documents }, render) =>
    documents.flatMap((document) => {
      if (!/containers:|ServiceAccount|imagePullSecrets/i.test(document.text)) return [];
      const found: Holder[] = [];
      walk(document.object, [], (path) => {
        const holder = holderAt(document, render, path, namespace);
        if (holder !== undefined) found.push(holder);
      });
      return found;
    }),
  );
}

/** Returns the holder at a path of a document; undefined if there is none. */
function holderAt(
  { object, template, index }: RenderedDocument,
  render: number,
  path: LeafPath,
  namespace: string,
): Holder | undefined {
  const own = valueAt(object, path) as Readonly<Record<string, unknown>>;
  const kind = text(valueAt(object, ['kind']));
  const isAccount = path.length === 0 && kind === 'ServiceAccount';
  const isPod = [own.containers, own.initContainers].some(hasImages);
  if (!isAccount && !isPod && !Array.isArray(own[FIELD])) return undefined;
  const name = text(valueAt(object, ['metadata', 'name']));
  const account = isAccount ? name : text(own.serviceAccountName) || text(own.serviceAccount) || 'default';
  const listed: unknown[] = Array.isArray(own[FIELD]) ? own[FIELD] : [];
  return {
    key: keyOfChange({ render, template, document: index, path }),
    role: isAccount ? 'account' : isPod ? 'pod' : 'resource',
    kind,
    name,
    template,
    account: `${text(valueAt(object, ['metadata', 'namespace'])) || namespace}/${account}`,
    secrets: listed.map((entry) => text(entry) || text(valueAt(entry, ['name']))),
  };
}

function hasImages(containers: unknown): boolean {
  return Array.isArray(containers) && containers.some((container) => text(valueAt(container, ['image'])) !== '');
}

function walk(value: unknown, path: LeafPath, visit: (path: LeafPath) => void): void {
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) walk(item, [...path, i], visit);
    return;
  }
  visit(path);
  for (const [key, item] of Object.entries(value)) walk(item, [...path, key], visit);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Reports whether a holder has one of the secrets, itself or through its service account. */
function isProvided(holder: Holder, all: readonly Holder[], secrets: ReadonlySet<string>): boolean {
  const has = (other: Holder): boolean => other.secrets.some((name) => secrets.has(name));
  return has(holder) || all.some((other) => isAccountOf(other, holder) && has(other));
}

/** Reports whether the pods of a holder use this account. */
function isAccountOf(account: Holder, holder: Holder): boolean {
  return account.role === 'account' && holder.role !== 'account' && account.account === holder.account;
}

/** Returns pod specs that have the secret neither themselves nor through their service account. */
export function unprovided(holders: readonly Holder[], secret: string): Holder[] {
  const wanted = new Set([secret]);
  return holders.filter((holder) => holder.role === 'pod' && !isProvided(holder, holders, wanted));
}

/** Returns the distinct pods without the secret over all renders. */
export function podsWithout(holders: readonly Holder[], secret: string): PodWithout[] {
  const pods = unprovided(holders, secret);
  const distinct = new Map(
    pods.map(({ kind, name, template }) => [`${template}\n${kind}\n${name}`, { kind, name, template }]),
  );
  return [...distinct].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, pod]) => pod);
}

/**
 * Selects a small set of leaves, greedily, that gives the secret to every holder that can have it. A service account
 * used by rendered pods is not needed if the pods have the secret themselves.
 * @param secret holders that already have it need no leaf
 * @param reached keys of the holders that each leaf reaches
 * @param order leaves in order of preference
 */
export function fewest<T>(
  holders: readonly Holder[],
  secret: string,
  landed: ReadonlyMap<T, ReadonlySet<string>>,
  order: readonly T[],
): T[] {
  const reached = new Set([...landed.values()].flatMap((keys) => [...keys]));
  const given = new Set([secret]);
  const isGoal = (holder: Holder): boolean => {
    if (holder.role === 'pod') return true;
    const isUsed = holders.some((other) => isAccountOf(holder, other));
    return reached.has(holder.key) && !isUsed;
  };
  const provides = (leaf: T, goal: Holder): boolean => {
    const keys = landed.get(leaf) ?? new Set<string>();
    return keys.has(goal.key) || holders.some((other) => keys.has(other.key) && isAccountOf(other, goal));
  };
  let open = holders.filter((holder) => isGoal(holder) && !isProvided(holder, holders, given));
  const chosen: T[] = [];
  for (;;) {
    const counts = order.map((leaf) => open.filter((goal) => provides(leaf, goal)).length);
    const most = Math.max(0, ...counts);
    const best = order[counts.indexOf(most)];
    if (most === 0 || best === undefined) return chosen;
    chosen.push(best);
    open = open.filter((goal) => !provides(best, goal));
  }
}
