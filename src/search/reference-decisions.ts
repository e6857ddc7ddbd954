import { compareText } from '../base/text-order.ts';
import { wildcard } from '../base/wildcard.ts';
import { documentKey, type RenderedDocument } from '../helm/documents.ts';
import type { LocatedReference } from '../inventory/finding.ts';
import type { Inventory, MissingImage } from '../inventory/inventory.ts';
import { missingOf } from '../inventory/missing-images.ts';
import type { ReferenceState } from '../inventory/state.ts';
import { isUnderTarget, type Target } from '../naming/naming.ts';
import { parseReference } from '../oci/reference.ts';
import { referenceMatcher } from '../oci/reference-matcher.ts';
import type { SelectionOptions } from './selection.ts';

/** Images that stay public on purpose, with the reason for reviewers. */
export interface AllowedImages {
  /** Pattern with `*` of normalized references, and of registries and prefixes of images as they are written. */
  readonly image: string;
  /** Pattern with `*` of a template and a field in it, separated by a blank. Default: everywhere. */
  readonly at?: string | undefined;
  /** Pattern with `*` of namespaces. Default: all. */
  readonly namespace?: string | undefined;
  readonly reason: string;
}

/** What the user said about images that stay public. `include` takes precedence over `exclude`. */
export interface OnPurpose extends Pick<SelectionOptions, 'exclude' | 'include'> {
  /** Entries of `--allow-images`. */
  readonly allowed?: readonly AllowedImages[];
}

/** A reference that stays as it is. */
export type StayingReference = LocatedReference & { readonly stays: true; readonly reason: string };

/** What is known of an image that does not exist. */
export type Missing = Pick<MissingImage, 'why' | 'allowed'>;

/** What is decided about references before any value is set: which stay public, and which images do not exist. */
export class ReferenceDecisions {
  /** Entries of `--allow-images`. */
  readonly allowed: readonly AllowedImages[];
  readonly #namespace: string;
  readonly #target: Target | undefined;
  readonly #rules: readonly { readonly entry: AllowedImages; readonly matches: (reference: string) => boolean }[];
  readonly #used = new Set<AllowedImages>();
  readonly #missing: ReadonlyMap<string, Missing>;
  /** Patterns with `*` of charts that other charts install, and that are left out with all their images. */
  readonly excludedCharts: readonly string[];

  /**
   * @param target its images never stay public
   * @param inventory of the bundle in use: what was excluded or not found when it was made
   * @param namespace of the release, for profiles without one
   */
  constructor(
    { exclude = [], include = [], allowed = [] }: OnPurpose,
    target: Target | undefined,
    inventory: Inventory | undefined,
    namespace = 'default',
  ) {
    this.allowed = allowed;
    this.#namespace = namespace;
    this.#target = target;
    const { choices = [] } = inventory ?? {};
    const included = include.map(({ pattern }) => referenceMatcher(pattern));
    const unlessIncluded =
      (matches: (reference: string) => boolean) =>
      (reference: string): boolean =>
        matches(reference) && !included.some((isIncluded) => isIncluded(reference));
    const excluded = choices.filter(({ rule }) => rule === 'exclude');
    this.#rules = [
      ...allowed.map((entry) => {
        const { test } = wildcard(entry.image);
        return { entry, matches: test };
      }),
      ...exclude.map(({ pattern, reason = `--exclude ${pattern}` }) => ({
        entry: { image: pattern, reason },
        matches: unlessIncluded(referenceMatcher(pattern)),
      })),
      ...excluded.map(({ pattern = '*', reason = `--exclude ${pattern}`, references }) => {
        const names = new Set(references);
        const entry = { image: pattern, reason: `excluded when bundling: ${reason}` };
        return { entry, matches: unlessIncluded((reference) => names.has(reference)) };
      }),
    ];
    this.excludedCharts = [...exclude.map(({ pattern }) => pattern), ...excluded.flatMap(({ charts = [] }) => charts)];
    this.#missing = new Map(missingOf(inventory).map((image) => [image.reference, image]));
  }

  /**
   * Returns the entry by which a reference stays public, if any.
   * @param namespace of the object that has the reference; undefined for that of the release
   * @param at its template and field; an entry for some of these matches no other
   */
  stays(reference: string, namespace: string | undefined, at = ''): AllowedImages | undefined {
    if (this.#target !== undefined && isUnderTarget(this.#target, parseReference(reference))) return undefined;
    return this.#firstMatch((matches) => matches(reference), namespace, at);
  }

  /** Returns the entry by which a registry, or the beginning of a reference, stays public; see {@link stays}. */
  staysName(name: string, namespace: string | undefined, at: string): AllowedImages | undefined {
    return this.#firstMatch((matches) => matches(name) || matches(`${name}/`), namespace, at);
  }

  #firstMatch(
    isMatch: (matches: (text: string) => boolean) => boolean,
    namespace = this.#namespace,
    at: string,
  ): AllowedImages | undefined {
    const isHere = (entry: AllowedImages): boolean =>
      wildcard(entry.namespace ?? '*').test(namespace) && wildcard(entry.at ?? '*').test(at);
    const rule = this.#rules.find(({ entry, matches }) => isMatch(matches) && isHere(entry));
    if (rule !== undefined) this.#used.add(rule.entry);
    return rule?.entry;
  }

  /** Reports whether a chart that another one installs is left out with all its images. */
  excludesChart(name: string): boolean {
    return this.excludedCharts.some((pattern) => wildcard(pattern).test(name));
  }

  /** Says of an image that the bundle lacks why it does not exist; undefined for all others. */
  missing(reference: string): Missing | undefined {
    return this.#missing.get(reference);
  }

  /** Returns the missing images that nobody accepted, sorted. */
  missingImages(): string[] {
    return [...this.#missing].flatMap(([reference, { allowed }]) => (allowed === undefined ? [reference] : [])).sort();
  }

  /** Returns the entries of `--allow-images` by which nothing stayed public so far. */
  unusedAllowed(): readonly AllowedImages[] {
    return this.allowed.filter((entry) => !this.#used.has(entry));
  }
}

/**
 * Separates the references that stay public.
 * @param namespace of the release, if it is known
 */
export function splitStaying<R extends LocatedReference>(
  references: readonly R[],
  decisions: ReferenceDecisions | undefined,
  documents: readonly RenderedDocument[],
  namespace?: string,
): { readonly wanted: readonly R[]; readonly staying: readonly (R & StayingReference)[] } {
  if (decisions === undefined) return { wanted: references, staying: [] };
  // Reading an object parses its document: only namespaces of entries need that.
  const needsObjects = decisions.allowed.some((entry) => entry.namespace !== undefined);
  const byKey = new Map(
    needsObjects ? documents.map((document) => [documentKey(document.template, document.index), document]) : [],
  );
  const wanted: R[] = [];
  const staying: (R & StayingReference)[] = [];
  for (const located of references) {
    const object = byKey.get(documentKey(located.template, located.document))?.object;
    const { namespace: own } = Object(object?.metadata) as { namespace?: unknown };
    const at = `${located.template} ${located.path}`;
    const entry = decisions.stays(located.reference, typeof own === 'string' && own !== '' ? own : namespace, at);
    if (entry === undefined) wanted.push(located);
    else staying.push({ ...located, stays: true, reason: entry.reason });
  }
  return { wanted, staying };
}

/** An image that stays public, wherever it is. */
export interface AllowedName {
  readonly state: Extract<ReferenceState, 'public-on-purpose'>;
  readonly reference: string;
  readonly reason: string;
}

/** Returns each image that stays public once for each reason, sorted. */
export function allowedNames(staying: readonly Pick<StayingReference, 'reference' | 'reason'>[]): AllowedName[] {
  const names = staying.map(({ reference, reason }) => ({ state: 'public-on-purpose' as const, reference, reason }));
  const distinct = new Map(names.map((name) => [`${name.reference}\n${name.reason}`, name]));
  return [...distinct].sort(([a], [b]) => compareText(a, b)).map(([, name]) => name);
}
