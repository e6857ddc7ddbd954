import type { RenderedDocument } from '../helm/documents.ts';
import { headOf } from '../helm/head.ts';
import type { Render, Values } from '../helm/render.ts';
import type { Place } from '../lock/finding.ts';
import { accepted } from './accepted.ts';
import { compositionsIn, type Part, type ReferenceTemplate } from './composition.ts';
import { innerText } from './inner.ts';
import { overlay } from './leaves.ts';
import { hasMarker, markLeaves, readRuns } from './markers.ts';
import { namedInRefusal } from './refused.ts';
import { scalarAt } from './scalar.ts';
import type { Slot } from './slots.ts';

/** Renders the chart with these overrides; throws `chart-render` if the chart refuses them. */
export type RenderWith = (overrides: Values) => Promise<Render>;

/** A render with marked values, and the segments whose markers the chart accepted. */
export interface Probe {
  readonly slots: readonly Slot[];
  readonly documents: readonly RenderedDocument[];
}

/**
 * Renders with all segments marked at once, except those that the chart refuses to change. The segments of one leaf are
 * accepted or refused together, because a leaf is one value.
 */
export async function probe(base: Render, slots: readonly Slot[], render: RenderWith): Promise<Probe> {
  const leaves = [...Map.groupBy(slots, (slot) => slot.leaf).values()];
  const best = await accepted(
    leaves,
    (chosen) => {
      const settings = markLeaves(chosen.flat()).map(({ leaf, value }) => ({ path: leaf.path, value }));
      return render(overlay(base.values, settings));
    },
    (refusal, groups) => {
      const isNamed = namedInRefusal(refusal);
      return groups.filter(([slot]) => slot !== undefined && isNamed(slot.leaf.path));
    },
  );
  return { slots: best?.items.flat() ?? [], documents: best?.result.documents ?? [] };
}

/** Returns the templates of each reference, in the order of the locations; empty if no marker reaches it. */
export function compositionsOf(places: readonly Place[], base: Render, probed: Probe): ReferenceTemplate[][] {
  const before = byPosition(base.documents);
  const after = byPosition(probed.documents);
  // One text may contain many references, and one reference many times: each is searched once.
  const known = new Map<string, Map<string, ReferenceTemplate[]>>();
  const once = (was: string, is: string, written: string): ReferenceTemplate[] => {
    const ofTexts = known.get(was) ?? new Map<string, ReferenceTemplate[]>();
    known.set(was, ofTexts);
    const key = `${written}\n${is}`;
    const found = ofTexts.get(key) ?? compositionsIn(was, is, written, probed.slots);
    ofTexts.set(key, found);
    return found;
  };
  return places.map((place) => {
    const key = `${place.template}\n${place.document}`;
    const was = before.get(key);
    const is = after.get(key);
    if (was === undefined || is === undefined || was.text === is.text || !mayHoldMarker(is)) return [];
    if (place.parts === undefined) {
      return pairsOf(was, is, place).flatMap(([b, m]) => once(b, m, place.written));
    }
    const joined = joinSplit(place, was, is, probed.slots);
    return joined === undefined ? [] : [joined];
  });
}

/** Tests whether a segment occurs in these references and nowhere else in the render. */
export function buildsNothingElse(
  slot: Slot,
  { documents, slots }: Probe,
  compositions: readonly ReferenceTemplate[][],
): boolean {
  const isHere = ({ slot: other }: { readonly slot?: Slot }): boolean => other === slot;
  const inPlaces = compositions.flat(2).filter((part) => part.kind === 'segment' && isHere(part)).length;
  const rendered = documents.flatMap(({ text }) => (hasMarker(text) ? readRuns(text, slots).filter(isHere) : []));
  return inPlaces > 0 && rendered.length === inPlaces;
}

function byPosition(documents: readonly RenderedDocument[]): Map<string, RenderedDocument> {
  return new Map(documents.map((document) => [`${document.template}\n${document.index}`, document]));
}

/** Fast test before parsing; the data of a Secret may contain markers in base64. */
function mayHoldMarker(document: RenderedDocument): boolean {
  const { text } = document;
  const kind = headOf(document)?.kind;
  return (
    kind === undefined ||
    kind === 'Secret' ||
    hasMarker(text) ||
    /(?<![A-Za-z0-9+/])(?![0-9a-f]{60})[A-Za-z0-9+/=]{60}/.test(text)
  );
}

/**
 * Returns the pairs of unmarked and marked text at a location, the narrowest first: the text inside the field if its
 * structure allows, then the field, then the base64 in it, decoded (the data of a Secret or a blob in a script).
 */
function pairsOf(
  was: RenderedDocument,
  is: RenderedDocument,
  { path, within }: Pick<Place, 'path' | 'within'>,
): [string, string][] {
  const b = scalarAt(was.object, path);
  const m = scalarAt(is.object, path);
  if (b === undefined || m === undefined || b === m) return [];
  const inner = within === undefined ? undefined : [innerText(b, within), innerText(m, within)];
  // Lines are not fixed positions: compare all base64 of the text.
  const isBlobInLine = within !== undefined && /(?:^| > )line \d+ > base64/.test(within);
  if (inner?.[0] !== undefined && inner[1] !== undefined && !isBlobInLine) return [[inner[0], inner[1]]];
  const before = b.match(BASE64) ?? [];
  const after = m.match(BASE64) ?? [];
  if (before.length !== after.length) return [[b, m]];
  const decoded = before.map((blob, i): [string, string] => [decode(blob), decode(after[i] ?? '')]);
  return isBlobInLine ? decoded : [[b, m], ...decoded];
}

/** Base64 shorter than any reference is not decoded. */
const BASE64 = /[A-Za-z0-9+/]{16,}={0,2}/g;

function decode(blob: string): string {
  return Buffer.from(blob, 'base64').toString('utf8');
}

/** Joins the templates of the fields of a split reference in the order of the reference. */
function joinSplit(
  place: Place,
  was: RenderedDocument,
  is: RenderedDocument,
  slots: readonly Slot[],
): ReferenceTemplate | undefined {
  const parts: ReferenceTemplate = [];
  let at = 0;
  for (const { path, text } of place.parts ?? []) {
    const start = place.written.indexOf(text, at);
    if (start < 0) return undefined;
    if (start > at) parts.push({ kind: 'literal', text: place.written.slice(at, start) });
    at = start + text.length;
    // The fields of a split reference inside a text are fields of that text.
    const field = place.within === undefined ? { path } : { path: place.path, within: path };
    const pairs = pairsOf(was, is, field);
    const [composition] = pairs.flatMap(([b, m]) => compositionsIn(b, m, text, slots));
    parts.push(...(composition ?? [{ kind: 'literal', text } satisfies Part]));
  }
  if (at < place.written.length) parts.push({ kind: 'literal', text: place.written.slice(at) });
  return parts.some(({ kind }) => kind === 'segment') ? parts : undefined;
}

/** Merges values files as Helm does: maps by key, everything else is replaced. */
export function merge(below: Values, above: Values): Values {
  const result: Record<string, unknown> = { ...below };
  for (const [key, value] of Object.entries(above)) {
    const other = result[key];
    result[key] = isMap(value) && isMap(other) ? merge(other, value) : value;
  }
  return result;
}

function isMap(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
