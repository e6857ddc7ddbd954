import { compareText } from '../../base/text-order.ts';
import { documentKey, type RenderedDocument } from '../../helm/documents.ts';
import type { Location } from '../../inventory/finding.ts';
import type { MissingImage } from '../../inventory/inventory.ts';
import type { NotKnown, ReferenceState } from '../../inventory/state.ts';
import { formatTargetReference, isSharedRepository, isUnderTarget, type Target } from '../../naming/naming.ts';
import { formatReference, parseReference } from '../../oci/reference.ts';
import { textsOf } from '../../sweep/strings.ts';
import { occurrences, wholeOccurrences } from '../../value-tracing/name-segments.ts';
import { isRedirected } from './redirect.ts';

/** A reference with its location, as reports name it. */
export interface ReferencePoint {
  readonly reference: string;
  readonly chart: string;
  readonly profile: string;
  readonly template: string;
  readonly path: string;
  /** Text at the location. */
  readonly written: string;
}

/** A reference that stays public on purpose. */
export interface AllowedReference extends ReferencePoint {
  readonly state: Extract<ReferenceState, 'public-on-purpose'>;
  readonly reason: string;
}

/** A reference to an image that its registry does not have. Values may redirect it, but there is nothing to pull. */
interface MissingReference extends ReferencePoint, Pick<MissingImage, 'why' | 'allowed'> {
  readonly state: Extract<ReferenceState, 'missing'>;
}

/**
 * Reference that is still public with the overrides, or differs from the name under which push stores the image. `written` is
 * the text with the overrides.
 */
export interface UnmappedReference extends ReferencePoint {
  /** Reason why no value changes it, if known. */
  readonly because?: string;
  /** It has the host of the target, but is not the name that push gives: nothing is there to pull. */
  readonly wrongName?: true;
}

/** A public name that no program pulls from where it stands. */
export interface ExplainedName extends Pick<UnmappedReference, 'template' | 'path'> {
  /** As it is written. */
  readonly name: string;
  readonly why: string;
}

/** Result of comparing one render with and without the overrides. */
export interface RenderProof {
  /** Distinct references without the overrides. */
  readonly references: readonly string[];
  readonly unmapped: readonly UnmappedReference[];
  /** Names that the sweep found and that may stay public, or not. */
  readonly notKnown?: readonly NotKnown[];
  readonly explained?: readonly ExplainedName[];
  /** Registries and prefixes that stay public on purpose. */
  readonly allowed?: readonly AllowedReference[];
}

/** Combined result for all renders of a chart. */
export interface Proof {
  /** Number of distinct references without the overrides. */
  readonly references: number;
  /** Number of them that appear nowhere any more and have the exact name given by push everywhere. */
  readonly rewritten: number;
  readonly residue: readonly UnmappedReference[];
  /** What is not counted as private, because it was not understood. */
  readonly notKnown?: readonly NotKnown[];
  /** Public names that need not be moved, by where they stand. */
  readonly explained?: readonly ExplainedName[];
  /** References that stay public on purpose; not among `references`. Absent if there are none. */
  readonly allowed?: readonly AllowedReference[];
  /** References to images that do not exist; not among those `rewritten`. Absent if there are none. */
  readonly missing?: readonly MissingReference[];
  /** The overrides were not rendered, so nothing is proved. */
  readonly skipped?: true;
  /** Values that set the pull secret, each with the form that the chart and its CRDs accept. */
  readonly pullSecretBy?: readonly { readonly path: string; readonly form: PullSecretForm }[];
  /** Pods without the requested pull secret. */
  readonly withoutPullSecret?: readonly PodWithoutSecret[];
  /** The user accepts Pods without the pull secret: a node may have credentials. */
  readonly acceptsWithoutPullSecret?: true;
  /** Variables and arguments that the overrides add to operators, for images that the operators choose. */
  readonly injected?: readonly { readonly name: string; readonly value: string }[];
  /** Images of pods that the installed software creates; whether these have the secret is unknown. */
  readonly pullSecretUnknown?: readonly string[];
  /** Result of pinning, if requested. */
  readonly pins?: Pins;
}

/** Pod or pod-creating object without the pull secret. */
export interface PodWithoutSecret {
  readonly kind: string;
  readonly name: string;
  readonly template: string;
}

/**
 * Form in which a chart takes pull secrets: Kubernetes entries (`[{name: a}]`), a list of names that the template turns
 * into entries, or a single name.
 */
export type PullSecretForm = 'entries' | 'names' | 'name';

/** Result of pinning references to digests. */
export interface Pins {
  /** Number of references that have a digest everywhere because of pinning. */
  readonly pinned: number;
  /** Number of bundled references that have no digest without pinning. */
  readonly pinnable: number;
  /** Locations where the chart accepts no digest. */
  readonly left: readonly { readonly reference: string; readonly template: string; readonly path: string }[];
}

/** Location with its normalized reference. */
export type ReferenceLocation = Location & { readonly reference: string };

/**
 * Compares two renders of a chart, without and with the overrides: every original location must have its exact private name, and every
 * reference in the new render must be under the target. That no public name is left anywhere is for the sweep to say (swept.ts).
 * @param operands images that an operator chooses at run time: the render must contain the setting that moves them
 * @param staying references that stay public on purpose, which `after` does not contain: the overrides must not change them
 */
export function prove(
  before: readonly ReferenceLocation[],
  after: readonly ReferenceLocation[],
  documents: readonly RenderedDocument[],
  target: Target,
  operands: readonly ReferenceLocation[] = [],
  staying: readonly (ReferenceLocation & { readonly reason: string })[] = [],
): RenderProof {
  const unmapped: UnmappedReference[] = [];
  const afterByLocation = Map.groupBy(after, locationKey);
  const documentsByKey = new Map(
    documents.map((document) => [documentKey(document.template, document.index), document]),
  );
  for (const location of before) {
    const expected = expectedReference(location, target);
    const atLocation = afterByLocation.get(locationKey(location)) ?? [];
    if (atLocation.some(({ reference }) => reference === expected)) continue;
    const document = documentsByKey.get(documentKey(location.template, location.document));
    const isMoved = atLocation.length === 0 && containsReference(stringsOf(document), expected);
    if (!isMoved) unmapped.push(toUnmapped(location, atLocation[0]?.written ?? location.written));
  }
  const reported = new Set(unmapped.map(({ reference, template, path }) => `${reference}\n${template}\n${path}`));
  const add = (entry: UnmappedReference): void => {
    const key = `${entry.reference}\n${entry.template}\n${entry.path}`;
    if (!reported.has(key)) unmapped.push(entry);
    reported.add(key);
  };
  const expectedReferences = new Set([...before, ...operands].map((location) => expectedReference(location, target)));
  const knownLocations = new Set(before.map(locationKey));
  for (const location of after) {
    if (expectedReferences.has(location.reference)) continue;
    const parsed = parseReference(location.reference);
    if (
      isUnderTarget(target, parsed) &&
      (!isSharedRepository(target, parsed) || knownLocations.has(locationKey(location)))
    )
      continue;
    add(toUnmapped(location, location.written));
  }
  for (const location of operands)
    if (!isRedirected(location, documents, target)) add(toUnmapped(location, location.written));
  for (const location of staying) {
    const [changed] = afterByLocation.get(locationKey(location)) ?? [];
    const because = `it stays public on purpose (${location.reason}), but the overrides change it`;
    if (changed !== undefined && location.template !== '') add({ ...toUnmapped(location, changed.written), because });
  }
  const references = [...new Set([...before, ...operands].map(({ reference }) => reference))];
  return { references, unmapped: unmapped.sort((a, b) => compareText(sortKey(a), sortKey(b))) };
}

/** Combines the proofs of one chart. Each reference counts once, and counts as moved if it is moved in all renders. */
export function combineProofs(proofs: readonly RenderProof[]): Proof {
  const unmapped = proofs.flatMap((proof) => proof.unmapped);
  const unmappedNames = new Set(unmapped.map(({ reference }) => reference));
  const references = [...new Set(proofs.flatMap((proof) => proof.references))];
  const rewritten = references.filter((reference) => !unmappedNames.has(reference)).length;
  const notKnown = proofs.flatMap((proof) => proof.notKnown ?? []);
  const explained = proofs.flatMap((proof) => proof.explained ?? []);
  const allowed = proofs.flatMap((proof) => proof.allowed ?? []);
  return {
    ...{ references: references.length, rewritten, residue: unmapped },
    ...(notKnown.length > 0 && { notKnown: distinct(notKnown) }),
    ...(explained.length > 0 && { explained: distinct(explained) }),
    ...(allowed.length > 0 && { allowed: distinct(allowed) }),
  };
}

/** Drops what a second render of the chart repeats. */
function distinct<T extends object>(entries: readonly T[]): T[] {
  return [...new Map(entries.map((entry) => [JSON.stringify(entry), entry])).values()];
}

/** Returns the private reference expected at a location; the reference itself if it is already private. */
export function expectedReference({ reference }: ReferenceLocation, target: Target): string {
  const parsed = parseReference(reference);
  return isUnderTarget(target, parsed) ? formatReference(parsed) : formatTargetReference(target, parsed);
}

/** Returns the strings that Kubernetes reads in a document, one after the other: without its comments. */
export function stringsOf(document: RenderedDocument | undefined): string {
  const texts = textsOf(document?.object, { fieldPath: { path: '' }, keys: [], kind: '' });
  return [...texts].map(({ text }) => text).join('\n');
}

/** Reports whether a text contains a private name that is not the beginning of a longer one. A digest may follow. */
export function containsReference(text: string, expected: string): boolean {
  const names = [expected, expected.replace(/:latest$/, '')];
  const continues = (offset: number, name: string): boolean =>
    /^(?:[\w/:-]|\.\w)/.test(text.slice(offset + name.length));
  return names.some((name) => occurrences(text, name, /(?!)/, /(?!)/).some((offset) => !continues(offset, name)));
}

/**
 * Reports whether a text contains a whole reference. A reference without registry or tag is too common a word to search
 * for.
 */
export function mentionsReference(text: string, written: string): boolean {
  return /[/:]/.test(written) && wholeOccurrences(text, written).length > 0;
}

/** Key that is equal for references at the same location. */
export function locationKey({ template, document, path, within }: Location): string {
  return [template, document, path, within ?? ''].join('\n');
}

function toUnmapped(location: ReferenceLocation, written: string): UnmappedReference {
  return { ...pointOf(location), written };
}

/** Returns what reports say of a location. */
export function pointOf(location: ReferenceLocation): ReferencePoint {
  const { reference, chart, profile, template, written } = location;
  return { reference, chart, profile, template, path: locationPath(location), written };
}

/** Formats the path of a location in its template, for reports and proofs. */
export function locationPath({ path, within }: Location): string {
  return within === undefined ? path : `${path} (${within})`;
}

/** Reports whether the reference at a location is unmapped, or its text now appears elsewhere in the template. */
export function isUnmapped({ residue: unmapped }: Pick<Proof, 'residue'>, location: Location): boolean {
  return unmapped.some(
    ({ template, path, written }) =>
      template === location.template && (path === locationPath(location) || written === location.written),
  );
}

function sortKey({ reference, template, path }: UnmappedReference): string {
  return [reference, template, path].join('\n');
}
