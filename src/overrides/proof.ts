import type { RenderedDocument } from '../helm/documents.ts';
import { occurrences } from '../influence/slots.ts';
import type { Place } from '../lock/finding.ts';
import { isShared, isUnderTarget, type Target, targetText } from '../oci/naming.ts';
import { formatReference, parseReference } from '../oci/reference.ts';
import type { Shape } from './pull-secret.ts';
import { isRedirected } from './redirect.ts';
import type { PodWithout } from './secret-holders.ts';

/** A place that still names a public image, or not exactly the name that push gives it. */
export interface Residue {
  readonly reference: string;
  readonly chart: string;
  readonly profile: string;
  readonly template: string;
  readonly path: string;
  /** What stands there with the overrides. */
  readonly written: string;
  /** Why no value moves it, in words, when that is known. */
  readonly because?: string;
}

/** What one pair of renders shows. */
export interface RenderProof {
  /** Distinct references of before. */
  readonly references: readonly string[];
  readonly residue: readonly Residue[];
}

/** What all pairs of renders of a chart show together. */
export interface Proof {
  /** Distinct references of the chart, before. */
  readonly references: number;
  /** How many of them stand nowhere any more, and everywhere exactly as push names them. */
  readonly rewritten: number;
  readonly residue: readonly Residue[];
  /** Nothing was rendered with the overrides, so nothing is known of them. */
  readonly skipped?: true;
  /** The values that give the pull secret, each in the form that the chart and its definitions take. */
  readonly pullSecretBy?: readonly { readonly path: string; readonly form: Shape }[];
  /** Pods that are pulled without the secret, when one is asked for. They are no residue: a node may have credentials. */
  readonly withoutPullSecret?: readonly PodWithout[];
  /** Variables and arguments that operators get by the overrides, for images that they choose by themselves. */
  readonly injected?: readonly { readonly name: string; readonly value: string }[];
  /** Images of pods that the installed software makes by itself: nothing shows whether these have the secret. */
  readonly pullSecretUnknown?: readonly string[];
  /** How far references have their digests, when that is asked for. */
  readonly pins?: Pins;
}

/** How far pinning went. */
export interface Pins {
  /** References that stand everywhere with their digest, which they had not before. */
  readonly pinned: number;
  /** References that the bundle holds and that have no digest without pinning. */
  readonly pinnable: number;
  /** Where the chart takes no digest. */
  readonly left: readonly { readonly reference: string; readonly template: string; readonly path: string }[];
}

/** A place with the reference that it holds. */
export type ReferencePlace = Place & { readonly reference: string };

/**
 * Compares two renders of a chart, without and with the overrides. Three nets, since each can have a hole: every place
 * of before has to hold its exact private name; no place of after may hold anything that is not under the target; and
 * no text of after may hold a reference of before.
 * @param chosen images that an operator chooses by itself: the render has to show what moves them
 */
export function prove(
  before: readonly ReferencePlace[],
  after: readonly ReferencePlace[],
  documents: readonly RenderedDocument[],
  target: Target,
  chosen: readonly ReferencePlace[] = [],
): RenderProof {
  const residue: Residue[] = [];
  const now = Map.groupBy(after, keyOfPlace);
  const texts = new Map(documents.map((document) => [`${document.template}\n${document.index}`, document]));
  for (const place of before) {
    const wanted = wantedReference(place, target);
    const here = now.get(keyOfPlace(place)) ?? [];
    if (here.some(({ reference }) => reference === wanted)) continue;
    const text = texts.get(`${place.template}\n${place.document}`)?.text ?? '';
    const moved = here.length === 0 && holds(text, wanted);
    if (!moved) residue.push(describe(place, here[0]?.written ?? place.written));
  }
  const known = new Set(residue.map(({ reference, template, path }) => `${reference}\n${template}\n${path}`));
  const add = (entry: Residue): void => {
    const key = `${entry.reference}\n${entry.template}\n${entry.path}`;
    if (!known.has(key)) residue.push(entry);
    known.add(key);
  };
  const right = new Set([...before, ...chosen].map((place) => wantedReference(place, target)));
  const told = new Set(before.map(keyOfPlace));
  for (const place of after) {
    if (right.has(place.reference)) continue;
    const parsed = parseReference(place.reference);
    if (isUnderTarget(target, parsed) && (!isShared(target, parsed) || told.has(keyOfPlace(place)))) continue;
    add(describe(place, place.written));
  }
  const wrong = new Set(residue.map(({ reference }) => reference));
  for (const place of before) {
    if (wrong.has(place.reference) || place.reference === wantedReference(place, target)) continue;
    const document = documents.find(({ text }) => stands(text, place.written));
    if (document) add({ ...describe(place, place.written), template: document.template, path: '' });
  }
  for (const place of chosen) if (!isRedirected(place, documents, target)) add(describe(place, place.written));
  const references = [...new Set([...before, ...chosen].map(({ reference }) => reference))];
  return { references, residue: residue.sort((a, b) => compare(sortKey(a), sortKey(b))) };
}

/** Proofs of one chart put together: a reference counts once, and is moved when it is moved in all of them. */
export function together(proofs: readonly RenderProof[]): Proof {
  const residue = proofs.flatMap((proof) => proof.residue);
  const left = new Set(residue.map(({ reference }) => reference));
  const references = [...new Set(proofs.flatMap((proof) => proof.references))];
  const rewritten = references.filter((reference) => !left.has(reference)).length;
  return { references: references.length, rewritten, residue };
}

/** The private reference of a place; itself when it is private already. */
function wantedReference({ reference }: ReferencePlace, target: Target): string {
  const parsed = parseReference(reference);
  return isUnderTarget(target, parsed) ? formatReference(parsed) : targetText(target, parsed);
}

/** Whether a private name stands in a text, and not one that only begins with it. A digest may follow. */
function holds(text: string, wanted: string): boolean {
  const names = [wanted, wanted.replace(/:latest$/, '')];
  const goesOn = (at: number, name: string): boolean => /^(?:[\w/:-]|\.\w)/.test(text.slice(at + name.length));
  return names.some((name) => occurrences(text, name, /(?!)/, /(?!)/).some((at) => !goesOn(at, name)));
}

/** Whether a reference stands in a text as a whole. One without registry or tag is too common a word to look for. */
function stands(text: string, written: string): boolean {
  if (!/[/:]/.test(written) || !text.includes(written)) return false;
  const found = occurrences(text, written, /[\w./@-]/, /[\w/@:-]/);
  // A dot ends a sentence, or goes on to a longer tag.
  return found.some((at) => !/^\.\w/.test(text.slice(at + written.length)));
}

/** Equal for two places at one position. */
export function keyOfPlace({ template, document, path, within }: Place): string {
  return [template, document, path, within ?? ''].join('\n');
}

function describe(place: ReferencePlace, written: string): Residue {
  const { reference, chart, profile, template } = place;
  return { reference, chart, profile, template, path: pathOf(place), written };
}

/** How residue names a place in its template. */
export function pathOf({ path, within }: Place): string {
  return within === undefined ? path : `${path} (${within})`;
}

/** Whether a place is among the residue, or what it held stands elsewhere in its template now. */
export function isResidue({ residue }: Pick<Proof, 'residue'>, place: Place): boolean {
  return residue.some(
    ({ template, path, written }) =>
      template === place.template && (path === pathOf(place) || written === place.written),
  );
}

function sortKey({ reference, template, path }: Residue): string {
  return [reference, template, path].join('\n');
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
