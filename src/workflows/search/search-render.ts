import { withDoubtfulCopies } from '../../discovery/copies.ts';
import { declaredPlaces, withoutContradictions } from '../../discovery/declared/index.ts';
import { discoverPlaces, type PlaceFound } from '../../discovery/index.ts';
import { imageLeaves, influencedPlaces } from '../../discovery/influenced.ts';
import { type NestedChart, nestedCharts } from '../../discovery/nested/index.ts';
import { type NetworkNeed, networkNeeds } from '../../discovery/network/index.ts';
import { type OperatorContainer, operatorsIn } from '../../discovery/operators.ts';
import { checkCount } from '../../discovery/recount.ts';
import { applyRules, builtInRules, type Rule } from '../../discovery/rules/index.ts';
import type { Render, Renderer, RenderOptions, Values } from '../../helm/render.ts';
import { subchartsOf } from '../../helm/subcharts.ts';
import { compositionsOf } from '../../influence/probe.ts';
import { type Slot, slotPath, slotsOf } from '../../influence/slots.ts';
import { type Start, startProbe } from '../../overrides/recipe.ts';

/** A named set of render options. */
export interface Profile {
  readonly name: string;
  readonly options: RenderOptions;
}

/** Results of one render of a chart. */
export interface RenderFindings {
  readonly places: readonly PlaceFound[];
  readonly nested: readonly NestedChart[];
  /** Content other than images that the workloads fetch from the internet. */
  readonly network: readonly NetworkNeed[];
  /** Containers whose images may choose further ones; empty unless requested. */
  readonly operators: readonly OperatorContainer[];
  /** The probe that traced the values, if they were traced. */
  readonly start?: Start;
}

export interface RenderSearch {
  /** Operator rules in addition to the built-in ones. */
  readonly rules: readonly Rule[];
  /** Searches for containers that may create pods. */
  readonly operators?: boolean;
  /** Traces values to the references that they build, with one additional render. */
  readonly traced: boolean;
}

/**
 * Collects the references of a render: in its documents, from operator rules, and declared by the chart.
 * @throws AirgapError `disagreement` if two readings of a document differ
 */
export async function searchRender(
  renderer: Renderer,
  base: Render,
  { name, options }: Profile,
  { rules, traced, operators = false }: RenderSearch,
): Promise<RenderFindings> {
  const { metadata } = renderer.chart;
  const context = { chart: metadata.name, profile: name };
  const { documents, values } = base;
  const standing = discoverPlaces(documents, context);
  checkCount(documents, standing);
  const found = withDoubtfulCopies(standing, values);
  const tracing = traced ? await trace(renderer, options, base, found, context) : undefined;
  const places = tracing?.places ?? found;
  const known = [...places, ...applyRules([...builtInRules, ...rules], { metadata, documents, places, context })];
  const files = await renderer.texts();
  const declared = declaredPlaces({ metadata, files, values, context });
  return {
    ...(tracing === undefined ? {} : { start: tracing.start }),
    places: withSubcharts([...known, ...withoutContradictions(declared, known)], files),
    nested: nestedCharts(documents, values),
    network: networkNeeds(documents, context),
    operators: operators ? operatorsIn(documents, places, (await renderer.crds()).size > 0) : [],
  };
}

function withSubcharts(places: readonly PlaceFound[], files: ReadonlyMap<string, string>): PlaceFound[] {
  const templates = new Set(places.map(({ template }) => template));
  const known = new Map([...templates].map((template) => [template, subchartsOf(files, template)]));
  return places.map((place) => {
    const subcharts = known.get(place.template) ?? [];
    return subcharts.length === 0 ? place : { ...place, subcharts };
  });
}

/**
 * Traces values with one marked render. Adds to each reference the values paths that build it, and returns further
 * references where only the trace found an image leaf.
 */
async function trace(
  renderer: Renderer,
  options: RenderOptions,
  base: Render,
  found: readonly PlaceFound[],
  context: { readonly chart: string; readonly profile: string },
): Promise<{ readonly places: PlaceFound[]; readonly start: Start }> {
  const written = [...new Set(found.map((place) => place.written))];
  const render = (overrides: Values): Promise<Render> => renderer.render(options, overrides);
  const start = await startProbe(base, written, render, { beside: (slots) => unseenImages(base, slots) });
  const { probed } = start;
  const places = compositionsOf(found, base, probed).map((compositions, i) => {
    const place = found[i] as PlaceFound;
    const paths = compositions.flat().flatMap((part) => (part.kind === 'segment' ? [slotPath(part.slot)] : []));
    return paths.length === 0 ? place : { ...place, values: [...new Set(paths)] };
  });
  return { places: [...places, ...influencedPlaces(base, probed, places, context)], start };
}

/** Returns image leaves outside the given segments whose text occurs in the render. */
export function unseenImages({ documents, values }: Render, slots: readonly Slot[]): Slot[] {
  const seen = new Set(slots.map(slotPath));
  return imageLeaves(values)
    .flatMap((leaf) => slotsOf(leaf, [leaf.value]))
    .filter((slot) => !seen.has(slotPath(slot)) && documents.some(({ text }) => text.includes(slot.leaf.value)));
}
