import type { RenderedDocument } from '../helm/documents.ts';
import { occurrences } from '../influence/slots.ts';
import type { Place } from '../lock/finding.ts';
import { isShared, isUnderTarget, type Target, targetText } from '../oci/naming.ts';
import { formatReference, parseReference } from '../oci/reference.ts';
import type { Shape } from './pull-secret.ts';
import { isRedirected } from './redirect.ts';
import type { PodWithout } from './secret-holders.ts';

/** Reference that is still public with the overrides, or differs from the name under which push stores the image. */
export interface Residue {
  readonly reference: string;
  readonly chart: string;
  readonly profile: string;
  readonly template: string;
  readonly path: string;
  /** Text at the location with the overrides. */
  readonly written: string;
  /** Reason why no value changes it, if known. */
  readonly because?: string;
}

/** Result of comparing one render with and without the overrides. */
export interface RenderProof {
  /** Distinct references without the overrides. */
  readonly references: readonly string[];
  readonly residue: readonly Residue[];
}

/** Combined result for all renders of a chart. */
export interface Proof {
  /** Number of distinct references without the overrides. */
  readonly references: number;
  /** Number of them that appear nowhere any more and have the exact name given by push everywhere. */
  readonly rewritten: number;
  readonly residue: readonly Residue[];
  /** The overrides were not rendered, so nothing is proved. */
  readonly skipped?: true;
  /** Values that set the pull secret, each with the form that the chart and its CRDs accept. */
  readonly pullSecretBy?: readonly { readonly path: string; readonly form: Shape }[];
  /** Pods without the requested pull secret. They do not fail the proof: a node may have credentials. */
  readonly withoutPullSecret?: readonly PodWithout[];
  /** Variables and arguments that the overrides add to operators, for images that the operators choose. */
  readonly injected?: readonly { readonly name: string; readonly value: string }[];
  /** Images of pods that the installed software creates; whether these have the secret is unknown. */
  readonly pullSecretUnknown?: readonly string[];
  /** Result of pinning, if requested. */
  readonly pins?: Pins;
}

/** Result of pinning references to digests. */
export interface Pins {
  /** Number of references that have a digest everywhere because of pinning. */
  readonly pinned: number;
  /** Number of bundled references that have no digest without pinning. */
  readonly pinnable: number;
  /** Locations where the chart accepts no digest. */
  readonly left: readonly { readonly reference: string; readonly template: string; readonly path: string }[];
}

/** Location with its normalised reference. */
export type ReferencePlace = Place & { readonly reference: string };

/**
 * Compares two renders of a chart, without and with the overrides. Three independent checks, since each has gaps: every
 * original location must have its exact private name; every reference in the new render must be under the target; and
 * no original reference may appear anywhere in the new text.
 * @param operands images that an operator chooses at run time: the render must contain the setting that moves them
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

/** Combines the proofs of one chart. Each reference counts once, and counts as moved if it is moved in all renders. */
export function together(proofs: readonly RenderProof[]): Proof {
  const residue = proofs.flatMap((proof) => proof.residue);
  const left = new Set(residue.map(({ reference }) => reference));
  const references = [...new Set(proofs.flatMap((proof) => proof.references))];
  const rewritten = references.filter((reference) => !left.has(reference)).length;
  return { references: references.length, rewritten, residue };
}

/** Returns the private reference expected at a location; the reference itself if it is already private. */
function wantedReference({ reference }: ReferencePlace, target: Target): string {
  const parsed = parseReference(reference);
  return isUnderTarget(target, parsed) ? formatReference(parsed) : targetText(target, parsed);
}

/** Reports whether a text contains a private name that is not the beginning of a longer one. A digest may follow. */
function holds(text: string, wanted: string): boolean {
  const names = [wanted, wanted.replace(/:latest$/, '')];
  const goesOn = (at: number, name: string): boolean => /^(?:[\w/:-]|\.\w)/.test(text.slice(at + name.length));
  return names.some((name) => occurrences(text, name, /(?!)/, /(?!)/).some((at) => !goesOn(at, name)));
}

/**
 * Reports whether a text contains a whole reference. A reference without registry or tag is too common a word to search
 * for.
 */
function stands(text: string, written: string): boolean {
  if (!/[/:]/.test(written) || !text.includes(written)) return false;
  const found = occurrences(text, written, /[\w./@-]/, /[\w/@:-]/);
  // A dot either ends a sentence or continues the tag.
  return found.some((at) => !/^\.\w/.test(text.slice(at + written.length)));
}

/** Key that is equal for references at the same location. */
export function keyOfPlace({ template, document, path, within }: Place): string {
  return [template, document, path, within ?? ''].join('\n');
}

function describe(place: ReferencePlace, written: string): Residue {
  const { reference, chart, profile, template } = place;
  return { reference, chart, profile, template, path: pathOf(place), written };
}

/** Formats the path of a location in its template, for reports and proofs. */
export function pathOf({ path, within }: Place): string {
  return within === undefined ? path : `${path} (${within})`;
}

/** Reports whether the reference at a location is unmapped, or its text now appears elsewhere in the template. */
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
