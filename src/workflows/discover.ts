import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { AirgapError, combine } from '../base/errors.ts';
import { settle } from '../base/pool.ts';
import { discoverPlaces, type PlaceFound } from '../discovery/index.ts';
import { type Chart, type ChartRequest, fetchChart } from '../helm/fetch.ts';
import type { Helm } from '../helm/helm.ts';
import { type Render, Renderer, type RenderOptions } from '../helm/render.ts';
import { leavesOf } from '../influence/leaves.ts';
import { compositionsOf, probe } from '../influence/probe.ts';
import { slotPath, slotsOf } from '../influence/slots.ts';
import type { Context } from './context.ts';

/** One named way to render a chart. */
export interface Profile {
  readonly name: string;
  readonly options: RenderOptions;
}

export interface ChartJob {
  readonly request: ChartRequest;
  /** At least one. */
  readonly profiles: readonly Profile[];
}

/** A chart with what was found in it. */
export interface SearchedChart {
  readonly chart: Chart;
  readonly profiles: readonly Profile[];
  readonly places: readonly PlaceFound[];
}

/**
 * Fetches and renders every chart under every profile and collects the places of references.
 * All charts are tried; failures are reported together.
 * @param scratch folder for downloads and renders
 */
export async function searchCharts(
  context: Context,
  helm: Helm,
  jobs: readonly ChartJob[],
  scratch: string,
): Promise<SearchedChart[]> {
  const outcomes = await settle(jobs, availableParallelism(), (job, i) =>
    searchChart(context, helm, job, join(scratch, String(i))),
  );
  const errors = outcomes.flatMap((outcome) => ('error' in outcome ? [asError(outcome.error)] : []));
  if (errors.length > 0) throw combine(errors, `${errors.length} of ${jobs.length} charts could not be searched`);
  return outcomes.flatMap((outcome) => ('value' in outcome ? [outcome.value] : []));
}

async function searchChart(context: Context, helm: Helm, job: ChartJob, folder: string): Promise<SearchedChart> {
  const { request, profiles } = job;
  context.emit({ type: 'stage', message: `rendering ${request.chart}` });
  const chart = await fetchChart(helm, request, folder, context.cwd);
  const renderer = new Renderer(helm, chart, join(folder, 'render'));
  const places: PlaceFound[] = [];
  for (const profile of profiles) {
    const base = await renderer.render(profile.options);
    const found = discoverPlaces(base.documents, { chart: chart.metadata.name, profile: profile.name });
    places.push(...(await withValues(renderer, profile.options, base, found)));
  }
  return { chart, profiles, places };
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

function asError(error: unknown): AirgapError {
  if (error instanceof AirgapError) return error;
  throw error;
}
