import { AirgapError } from '../base/errors.ts';
import type { RenderedDocument } from '../helm/documents.ts';
import type { Render, Values } from '../helm/render.ts';
import type { Place } from '../lock/finding.ts';
import { compositionsIn, type Part } from './composition.ts';
import { overlay } from './leaves.ts';
import { hasMarker, markLeaves } from './markers.ts';
import { scalarAt } from './scalar.ts';
import type { Slot } from './slots.ts';

/** Renders the chart with these values laid over; fails with `chart-render` when the chart refuses them. */
export type RenderWith = (overrides: Values) => Promise<Render>;

/** How often a chart may be rendered to find out which leaf it refuses to see changed. */
const BISECT_LIMIT = 60;

/** A render with marked values, and the slots whose markers the chart accepted. */
export interface Probe {
  readonly slots: readonly Slot[];
  readonly documents: readonly RenderedDocument[];
}

/**
 * Renders with every slot marked, at once. When the chart refuses, the slots it does not refuse are found by halving;
 * a slot that cannot be marked is left out.
 * @param switches values that have to be set for the chart to accept anything (see `overrides/unlock.ts`)
 */
export async function probe(
  base: Render,
  slots: readonly Slot[],
  render: RenderWith,
  switches: Values = {},
): Promise<Probe> {
  let runs = 0;
  const attempt = async (chosen: readonly Slot[]): Promise<Probe | undefined> => {
    runs += 1;
    if (runs > BISECT_LIMIT) return undefined;
    const settings = markLeaves(chosen).map(({ leaf, value }) => ({ path: leaf.path, value }));
    try {
      const { documents } = await render(merge(overlay(base.values, settings), switches));
      return { slots: chosen, documents };
    } catch (error) {
      if (error instanceof AirgapError && error.code === 'chart-render') return undefined;
      throw error;
    }
  };
  // Slots of one leaf are marked together: a leaf is accepted or refused as a whole.
  const leaves = [...Map.groupBy(slots, (slot) => slot.leaf).values()];
  let accepted: Probe = { slots: [], documents: base.documents };
  const add = async (group: readonly (readonly Slot[])[]): Promise<void> => {
    if (group.length === 0) return;
    const result = await attempt([...accepted.slots, ...group.flat()]);
    if (result !== undefined) {
      accepted = result;
      return;
    }
    if (group.length === 1 || runs > BISECT_LIMIT) return;
    const half = Math.ceil(group.length / 2);
    await add(group.slice(0, half));
    await add(group.slice(half));
  };
  await add(leaves);
  return accepted;
}

/** The compositions of each place, in the places' order; none where no marker reaches it. */
export function compositionsOf(places: readonly Place[], base: Render, probed: Probe): Part[][][] {
  const before = byPosition(base.documents);
  const after = byPosition(probed.documents);
  return places.map((place) => {
    const key = `${place.template}\n${place.document}`;
    const was = before.get(key);
    const is = after.get(key);
    if (was === undefined || is === undefined || !mayHoldMarker(is)) return [];
    if (place.parts === undefined) {
      return pairOf(was, is, place.path).flatMap(([b, m]) => compositionsIn(b, m, place.written, probed.slots));
    }
    const joined = joinSplit(place, was, is, probed.slots);
    return joined === undefined ? [] : [joined];
  });
}

function byPosition(documents: readonly RenderedDocument[]): Map<string, RenderedDocument> {
  return new Map(documents.map((document) => [`${document.template}\n${document.index}`, document]));
}

/** Cheap test before parsing; a Secret's data may hold markers in base64. */
function mayHoldMarker({ text }: RenderedDocument): boolean {
  return hasMarker(text) || /^kind: Secret/m.test(text) || /[A-Za-z0-9+/=]{60}/.test(text);
}

/** The text of a field in both renders; decoded too, when it is base64. */
function pairOf(was: RenderedDocument, is: RenderedDocument, path: string): [string, string][] {
  const b = scalarAt(was.object, path);
  const m = scalarAt(is.object, path);
  if (b === undefined || m === undefined) return [];
  const pairs: [string, string][] = [[b, m]];
  if (/^[A-Za-z0-9+/\s]+=*\s*$/.test(b) && b.length >= 8) {
    pairs.push([Buffer.from(b, 'base64').toString('utf8'), Buffer.from(m, 'base64').toString('utf8')]);
  }
  return pairs;
}

/** A split's fields, each with its own composition, put together as the reference is written. */
function joinSplit(
  place: Place,
  was: RenderedDocument,
  is: RenderedDocument,
  slots: readonly Slot[],
): Part[] | undefined {
  const parts: Part[] = [];
  let at = 0;
  for (const { path, text } of place.parts ?? []) {
    const start = place.written.indexOf(text, at);
    if (start < 0) return undefined;
    if (start > at) parts.push({ kind: 'literal', text: place.written.slice(at, start) });
    at = start + text.length;
    const [composition] = pairOf(was, is, path).flatMap(([b, m]) => compositionsIn(b, m, text, slots));
    parts.push(...(composition ?? [{ kind: 'literal', text } satisfies Part]));
  }
  if (at < place.written.length) parts.push({ kind: 'literal', text: place.written.slice(at) });
  return parts.some(({ kind }) => kind === 'slot') ? parts : undefined;
}

/** Values files merged as Helm merges them: maps by key, everything else replaced. */
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
