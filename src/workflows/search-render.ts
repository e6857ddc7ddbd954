import { discoverPlaces, type PlaceFound } from '../discovery/index.ts';
import { type NestedChart, nestedCharts } from '../discovery/nested/index.ts';
import type { Render, Renderer, RenderOptions } from '../helm/render.ts';
import { leavesOf } from '../influence/leaves.ts';
import { compositionsOf, probe } from '../influence/probe.ts';
import { slotPath, slotsOf } from '../influence/slots.ts';

/** One named way to render a chart. */
export interface Profile {
  readonly name: string;
  readonly options: RenderOptions;
}

/** What one render of a chart shows. */
export interface RenderFindings {
  readonly places: readonly PlaceFound[];
  readonly nested: readonly NestedChart[];
}

/**
 * Renders a chart and collects the places of references.
 * @param traced each with the values paths that build it, for the price of one more render
 */
export async function searchRender(
  renderer: Renderer,
  { name, options }: Profile,
  traced = true,
): Promise<RenderFindings> {
  const base = await renderer.render(options);
  const found = discoverPlaces(base.documents, { chart: renderer.chart.metadata.name, profile: name });
  const places = traced ? await withValues(renderer, options, base, found) : found;
  return { places, nested: nestedCharts(base.documents, base.values) };
}

/** Adds to each place the values paths that build it, by one marked render. */
async function withValues(
  renderer: Renderer,
  options: RenderOptions,
  base: Render,
  places: readonly PlaceFound[],
): Promise<PlaceFound[]> {
  const written = [...new Set(places.map((place) => place.written))];
  const slots = leavesOf(base.values).flatMap((leaf) => slotsOf(leaf, written));
  if (slots.length === 0) return [...places];
  const probed = await probe(base, slots, (overrides) => renderer.render(options, overrides));
  return compositionsOf(places, base, probed).map((compositions, i) => {
    const place = places[i] as PlaceFound;
    const paths = compositions.flat().flatMap((part) => (part.kind === 'slot' ? [slotPath(part.slot)] : []));
    return paths.length === 0 ? place : { ...place, values: [...new Set(paths)] };
  });
}
