import { declaredPlaces, withoutContradictions } from '../discovery/declared/index.ts';
import { discoverPlaces, type PlaceFound } from '../discovery/index.ts';
import { type NestedChart, nestedCharts } from '../discovery/nested/index.ts';
import { type NetworkNeed, networkNeeds } from '../discovery/network/index.ts';
import { applyRules, builtInRules, type Rule } from '../discovery/rules/index.ts';
import type { Render, Renderer, RenderOptions } from '../helm/render.ts';
import { chartFiles } from '../helm/templates.ts';
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
  /** What the workloads would fetch from the internet besides images. */
  readonly network: readonly NetworkNeed[];
}

export interface RenderSearch {
  /** Operator rules besides the built-in ones. */
  readonly rules: readonly Rule[];
  /** Whether each place gets the values paths that build it, for the price of one more render. */
  readonly traced: boolean;
}

/** Files of a chart that list images. */
const LISTS = /(?:^|\/)(?:Chart\.yaml|requirements\.yaml|Images\.lock)$/;

/** Renders a chart and collects what it shows: what stands in the render, what rules know, what the chart declares. */
export async function searchRender(
  renderer: Renderer,
  { name, options }: Profile,
  { rules, traced }: RenderSearch,
): Promise<RenderFindings> {
  const { metadata, folder } = renderer.chart;
  const context = { chart: metadata.name, profile: name };
  const base = await renderer.render(options);
  const { documents, values } = base;
  const found = discoverPlaces(documents, context);
  const places = traced ? await withValues(renderer, options, base, found) : found;
  const known = [...places, ...applyRules([...builtInRules, ...rules], { metadata, documents, places, context })];
  const declared = declaredPlaces({ metadata, files: await chartFiles(folder, LISTS), values, context });
  return {
    places: [...known, ...withoutContradictions(declared, known)],
    nested: nestedCharts(documents, values),
    network: networkNeeds(documents, context),
  };
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
