import type { RenderedDocument } from '../helm/documents.ts';
import { type Documents, keyOfChange } from '../influence/changes.ts';
import { type LeafPath, valueAt } from '../influence/leaves.ts';
import { FIELD } from './pull-secret.ts';

/** Something that has pull secrets, or could: a pod's specification, a service account, an operator's resource. */
export interface Holder {
  /** Where it is, as in {@link keyOfChange}. */
  readonly key: string;
  readonly role: 'pod' | 'account' | 'resource';
  readonly kind: string;
  readonly name: string;
  readonly template: string;
  /** The service account, with its namespace: an account's own, or the one that its pods run under. */
  readonly account: string;
  /** Names of the secrets that it has. */
  readonly secrets: readonly string[];
}

/** A pod, or what makes pods, whose images are pulled without the secret. */
export interface PodWithout {
  readonly kind: string;
  readonly name: string;
  readonly template: string;
}

/**
 * Every pod specification, wherever it sits, every service account, and what else has pull secrets.
 * @param namespace that objects are installed in which name none
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

/** What stands at a path of a document as a holder; undefined when it is none. */
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

/** Whether it has a secret by itself, or by the service account that it runs under. */
function isProvided(holder: Holder, all: readonly Holder[], secrets: ReadonlySet<string>): boolean {
  const has = (other: Holder): boolean => other.secrets.some((name) => secrets.has(name));
  return has(holder) || all.some((other) => isAccountOf(other, holder) && has(other));
}

/** Whether the pods of a holder run under this account. */
function isAccountOf(account: Holder, holder: Holder): boolean {
  return account.role === 'account' && holder.role !== 'account' && account.account === holder.account;
}

/** Pod specifications that have a secret neither by themselves nor by their service account. */
export function unprovided(holders: readonly Holder[], secret: string): Holder[] {
  const wanted = new Set([secret]);
  return holders.filter((holder) => holder.role === 'pod' && !isProvided(holder, holders, wanted));
}

/** Pods without a secret, each once however often it is rendered. */
export function podsWithout(holders: readonly Holder[], secret: string): PodWithout[] {
  const pods = unprovided(holders, secret);
  const distinct = new Map(
    pods.map(({ kind, name, template }) => [`${template}\n${kind}\n${name}`, { kind, name, template }]),
  );
  return [...distinct].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, pod]) => pod);
}

/**
 * The fewest leaves with which everything has a secret that can have one. A service account that rendered pods run under
 * is there for their sake, so it needs none where they have it themselves.
 * @param secret what has it already needs no leaf
 * @param landed where each leaf's secret shows, by the keys of holders
 * @param order leaves from the one that is liked best to the one that is liked least
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
