import { valueAt } from '../../base/field-path.ts';
import { compareText } from '../../base/text-order.ts';
import type { RenderedDocument } from '../../helm/documents.ts';
import type { Render } from '../../helm/render.ts';
import type { LocatedReference } from '../../inventory/finding.ts';
import { changeKey, type RenderOutput } from '../../value-tracing/changes.ts';
import type { LeafPath } from '../../value-tracing/leaves.ts';
import type { PodWithoutSecret } from '../proof/proof.ts';
import { PULL_SECRET_NAME, PULL_SECRETS_FIELD } from './secret-changes.ts';

/** Object part that can have pull secrets: a pod spec, a service account, or a custom resource. */
export interface PullSecretHolder {
  /** Position, in the notation of {@link changeKey}. */
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

/**
 * Finds all pod specs, at any depth, all service accounts, and other objects with pull secrets.
 * @param namespace release namespace, for objects without one
 */
export function findSecretHolders(renders: readonly RenderOutput[], namespace: string): PullSecretHolder[] {
  return renders.flatMap(({ documents }, render) =>
    documents.flatMap((document) => {
      if (!/containers:|ServiceAccount|imagePullSecrets/i.test(document.text)) return [];
      const found: PullSecretHolder[] = [];
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
): PullSecretHolder | undefined {
  const value = valueAt(object, path) as Readonly<Record<string, unknown>>;
  const kind = text(valueAt(object, ['kind']));
  const isAccount = path.length === 0 && kind === 'ServiceAccount';
  const isPod = [value.containers, value.initContainers].some(hasImages);
  if (!isAccount && !isPod && !Array.isArray(value[PULL_SECRETS_FIELD])) return undefined;
  const name = text(valueAt(object, ['metadata', 'name']));
  const account = isAccount ? name : text(value.serviceAccountName) || text(value.serviceAccount) || 'default';
  const listed: unknown[] = Array.isArray(value[PULL_SECRETS_FIELD]) ? value[PULL_SECRETS_FIELD] : [];
  return {
    key: changeKey({ render, template, document: index, path }),
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
function hasSecret(holder: PullSecretHolder, all: readonly PullSecretHolder[], secrets: ReadonlySet<string>): boolean {
  const listsSecret = (other: PullSecretHolder): boolean => other.secrets.some((name) => secrets.has(name));
  return listsSecret(holder) || all.some((other) => givesSecrets(other, holder) && listsSecret(other));
}

/**
 * Reports whether the pods of a holder get the secrets of this account: Kubernetes gives them only to pods that list none
 * (plugin/pkg/admission/serviceaccount/admission.go of kubernetes v1.34.4).
 */
function givesSecrets(account: PullSecretHolder, holder: PullSecretHolder): boolean {
  return holder.secrets.length === 0 && isAccountOf(account, holder);
}

/** Reports whether the pods of a holder use this account. */
function isAccountOf(account: PullSecretHolder, holder: PullSecretHolder): boolean {
  return account.role === 'account' && holder.role !== 'account' && account.account === holder.account;
}

/** Returns pod specs that have the secret neither themselves nor through their service account. */
export function holdersWithoutSecret(holders: readonly PullSecretHolder[], secret: string): PullSecretHolder[] {
  const secrets = new Set([secret]);
  return holders.filter((holder) => holder.role === 'pod' && !hasSecret(holder, holders, secrets));
}

/** Returns the distinct pods without the secret over all renders. */
export function podsWithoutSecret(holders: readonly PullSecretHolder[], secret: string): PodWithoutSecret[] {
  const distinct = podsByKey(holdersWithoutSecret(holders, secret));
  return [...distinct].sort(([a], [b]) => compareText(a, b)).map(([, pod]) => pod);
}

/** Returns distinct objects by template, kind and name. */
export function podsByKey(pods: readonly PodWithoutSecret[]): ReadonlyMap<string, PodWithoutSecret> {
  return new Map(pods.map(({ kind, name, template }) => [[template, kind, name].join('\n'), { kind, name, template }]));
}

/**
 * Selects a small set of leaves, greedily, that gives the secret to every holder that can have it. A service account
 * used by rendered pods is not needed if the pods have the secret themselves.
 * @param secret holders that already have it need no leaf
 * @param reached keys of the holders that each leaf reaches
 * @param order leaves in order of preference
 */
export function smallestCover<T>(
  holders: readonly PullSecretHolder[],
  secret: string,
  reached: ReadonlyMap<T, ReadonlySet<string>>,
  order: readonly T[],
): T[] {
  const reachedKeys = new Set([...reached.values()].flatMap((keys) => [...keys]));
  const secrets = new Set([secret]);
  const isGoal = (holder: PullSecretHolder): boolean => {
    if (holder.role === 'pod') return true;
    const isUsed = holders.some((other) => isAccountOf(holder, other));
    return reachedKeys.has(holder.key) && !isUsed;
  };
  const covers = (leaf: T, goal: PullSecretHolder): boolean => {
    const keys = reached.get(leaf) ?? new Set<string>();
    return keys.has(goal.key) || holders.some((other) => keys.has(other.key) && givesSecrets(other, goal));
  };
  let uncovered = holders.filter((holder) => isGoal(holder) && !hasSecret(holder, holders, secrets));
  const selected: T[] = [];
  for (;;) {
    const counts = order.map((leaf) => uncovered.filter((goal) => covers(leaf, goal)).length);
    const highest = Math.max(0, ...counts);
    const best = order[counts.indexOf(highest)];
    if (highest === 0 || best === undefined) return selected;
    selected.push(best);
    uncovered = uncovered.filter((goal) => !covers(best, goal));
  }
}

/**
 * Returns images of pods that the installed software creates, if the manifest that names them does not mention the pull
 * secret. Whether such pods use the secret depends on the software.
 * @param references references in each render, and images that operators choose
 */
export function operatorPodImages(
  renders: readonly Render[],
  references: readonly (readonly LocatedReference[])[],
  secret: string,
): string[] {
  const rendered = new Set(references.flat().flatMap(({ how, reference }) => (how === 'pod-spec' ? reference : [])));
  const unknown = references.flatMap((variantReferences, variantIndex) => {
    const documentsWithSecret = (renders[variantIndex]?.documents ?? []).filter(
      (document) => document.text.includes(secret) && mentionsPullSecret(document.object, secret),
    );
    const mentionsSecret = ({ template, document }: LocatedReference): boolean =>
      documentsWithSecret.some((candidate) => candidate.template === template && candidate.index === document);
    return variantReferences.filter(
      (located) => located.need === 'operand' && !rendered.has(located.reference) && !mentionsSecret(located),
    );
  });
  return [...new Set(unknown.map(({ reference }) => reference))].sort();
}

/** Reports whether a container variable or argument passes the secret's name, for pods that the container creates. */
function mentionsPullSecret(value: unknown, secret: string): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([key, item]) => {
    const texts =
      Array.isArray(item) && /^(?:env|args|command)$/.test(key) ? item.map((element) => JSON.stringify(element)) : [];
    if (texts.some((text) => text.includes(secret) && PULL_SECRET_NAME.test(text))) return true;
    return mentionsPullSecret(item, secret);
  });
}
