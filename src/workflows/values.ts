import { join } from 'node:path';
import { AirgapError } from '../base/errors.ts';
import { type Bundle, openBundle } from '../bundle/read.ts';
import type { Rule } from '../discovery/rules/index.ts';
import { type ChartSources, UPSTREAM } from '../helm/chart-mirrors.ts';
import { type ChartRequest, fetchChart } from '../helm/fetch.ts';
import { Helm } from '../helm/helm.ts';
import { Renderer, type RenderOptions, type Values } from '../helm/render.ts';
import { formatTarget, type Target } from '../oci/naming.ts';
import { completionNotes } from '../overrides/completion-notes.ts';
import { formatOverrides } from '../overrides/document.ts';
import { formatMap } from '../overrides/post-render-map.ts';
import { HOOKS_HINT, postRenderNotes, residueNote } from '../overrides/post-render-notes.ts';
import type { Proof, Residue } from '../overrides/proof.ts';
import { type BundledChart, extractCharts } from './bundled-charts.ts';
import { bundledDigests } from './bundled-digests.ts';
import { notIn } from './bundled-images.ts';
import { type Context, withScratch } from './context.ts';
import type { ChartJob } from './discover.ts';
import { overrideChart } from './override-chart.ts';
import type { Profile } from './search-render.ts';

export interface ValuesOptions {
  /** A chart as Helm takes it, or, with a bundle, the name of one in it. Undefined: all charts of the bundle. */
  readonly request: ChartRequest | undefined;
  /** Charts with their profiles, of a configuration file; each profile gets overrides of its own. Instead of the request. */
  readonly jobs?: readonly ChartJob[];
  readonly bundle: string | undefined;
  readonly target: Target;
  readonly render: RenderOptions;
  /** Operator rules besides the built-in ones. */
  readonly rules?: readonly Rule[];
  /** Whether operands get the variable or argument that moves them, where a value adds it to their operator. */
  readonly inject?: boolean;
  /** Whether the overrides are proved by rendering with them; they are, unless told. */
  readonly prove?: boolean;
  /** How chart repositories are reached. */
  readonly chartSources?: ChartSources;
  /** What the file is called that tells a post-renderer what to do about residue; none is wanted when absent. */
  readonly residueMap?: (chart: string, version: string, profile: string) => string;
  /** Name of the secret that pods are to pull with. */
  readonly pullSecret?: string;
  /** Whether references get the digests of the bundle, where the chart takes them. */
  readonly pin?: boolean;
}

/** The overrides of one chart, proved. */
export interface Overrides {
  readonly chart: string;
  readonly version: string;
  readonly profile: string;
  readonly overrides: Values;
  /** The same as YAML with comments, for `helm -f`. */
  readonly yaml: string;
  readonly proof: Proof;
  /** References that the chart needs and the bundle lacks by no choice of anybody; empty without a bundle. */
  readonly notInBundle: readonly string[];
  /** What the overrides need besides; the proof is of both together then. */
  readonly residueMap?: ResidueMap;
}

/** A post-renderer's map, as a file. */
export interface ResidueMap {
  readonly name: string;
  readonly text: string;
  readonly entries: number;
  /** Residue in hooks, which the Helm at hand does not give to a post-renderer. */
  readonly hidden: readonly Residue[];
  /** What to do about that. */
  readonly hint: string;
}

/** Derives the overrides of one chart, or of every chart of a bundle, and proves them by rendering again. */
export function values(context: Context, options: ValuesOptions): Promise<Overrides[]> {
  return withScratch(context, async (scratch) => {
    const helm = new Helm(context);
    const source = options.bundle === undefined ? undefined : await openBundle(options.bundle);
    try {
      const results: Overrides[] = [];
      for (const { chart, profile } of await askedFor(source, options, scratch)) {
        const folder = join(scratch, `overrides-${results.length}`);
        results.push(await overridesOf(context, helm, chart, { ...options, profile }, folder, source));
      }
      return results;
    } finally {
      await source?.close();
    }
  });
}

/** Each chart with each profile under which it is installed. */
async function askedFor(
  source: Bundle | undefined,
  options: ValuesOptions,
  scratch: string,
): Promise<{ readonly chart: BundledChart; readonly profile: Profile }[]> {
  const { jobs, render } = options;
  if (jobs === undefined) {
    const charts = await chartsOf(source, options, scratch);
    return charts.map((chart) => ({ chart, profile: profileOf('default', render, chart) }));
  }
  const asked: { chart: BundledChart; profile: Profile }[] = [];
  for (const { request, profiles } of jobs) {
    for (const { name, options: own } of profiles) {
      const folder = join(scratch, `asked-${asked.length}`);
      const wanted = source === undefined ? request : { chart: nameOf(request), ...versionOf(request) };
      const charts = await chartsOf(source, { request: wanted }, folder, name);
      asked.push(...charts.map((chart) => ({ chart, profile: profileOf(name, own, chart) })));
    }
  }
  return asked;
}

function profileOf(name: string, options: RenderOptions, { rendered }: BundledChart): Profile {
  return { name, options: { ...options, ...asBundled(options, rendered) } };
}

/** What a chart is called in a bundle, as far as its address says. */
function nameOf({ chart }: ChartRequest): string {
  const last = chart.replace(/\/+$/, '').split('/').at(-1) ?? chart;
  return /\.t(?:ar\.)?gz$/.test(last) ? last.replace(/-v?\d+\.\d.*$/, '') : last.replace(/:[^:]*$/, '');
}

function versionOf({ version }: ChartRequest): Pick<ChartRequest, 'version'> {
  // A constraint was resolved when the bundle was made.
  return version !== undefined && /^v?\d+\.\d+\.\d+/.test(version) ? { version } : {};
}

/** What the bundled chart was rendered with, where nothing else is asked for. */
export function asBundled(
  { kubeVersion, apiVersions = [] }: RenderOptions,
  rendered: BundledChart['rendered'],
): RenderOptions {
  return {
    ...(kubeVersion === undefined && rendered.kubeVersion !== undefined ? { kubeVersion: rendered.kubeVersion } : {}),
    ...(apiVersions.length === 0 && rendered.apiVersions !== undefined ? { apiVersions: rendered.apiVersions } : {}),
  };
}

/** The charts that are asked for: out of the bundle, or the one that is named. */
export async function chartsOf(
  source: Bundle | undefined,
  { request }: Pick<ValuesOptions, 'request'>,
  scratch: string,
  profile?: string,
): Promise<BundledChart[]> {
  if (source !== undefined) return extractCharts(source, request, scratch, profile);
  if (request === undefined) {
    throw new AirgapError('usage', '--all needs --bundle', { hint: 'name the bundle that holds the charts' });
  }
  return [{ name: '', version: '', request, rendered: {}, recipes: [], operands: [] }];
}

async function overridesOf(
  context: Context,
  helm: Helm,
  { request, recipes, operands }: BundledChart,
  options: ValuesOptions & { readonly profile: Profile },
  folder: string,
  source: Bundle | undefined,
): Promise<Overrides> {
  const {
    target,
    profile,
    rules = [],
    chartSources = UPSTREAM,
    residueMap,
    pullSecret,
    pin = false,
    prove = true,
    inject = false,
  } = options;
  const chart = await fetchChart(helm, request, folder, context.cwd, chartSources);
  const { name, version } = chart.metadata;
  context.emit({ type: 'stage', message: `deriving overrides for ${name} ${version}` });
  const renderer = new Renderer(helm, chart, join(folder, 'render'));
  const { base, settings, overrides, proof, references, postRender } = await overrideChart(renderer, profile, target, {
    rules,
    emit: context.emit,
    recipes,
    operands,
    prove,
    inject,
    completion: {
      ...(pullSecret === undefined ? {} : { pullSecret }),
      ...(pin && source !== undefined ? { digests: bundledDigests(source, target) } : {}),
    },
    ...(residueMap === undefined ? {} : { postRender: { hooks: (await helm.major()) >= 4 } }),
  });
  const { entries = [], hidden = [] } = postRender ?? {};
  const map = residueMap?.(name, version, profile.name);
  const header = [
    `Overrides for chart ${name} ${version}, target ${formatTarget(target)}.`,
    proof.skipped
      ? `Not proved (--no-proof): nobody has looked whether all ${proof.references} references are private with them.`
      : `Proved by rendering: ${proof.rewritten} of ${proof.references} references are private.`,
    ...(map === undefined ? [] : postRenderNotes(map, entries)),
    ...proof.residue.map((residue) => residueNote(residue, hidden)),
    ...completionNotes(proof),
  ];
  const yaml = formatOverrides(header, base, settings);
  const notInBundle = source === undefined ? [] : notIn(source, references, context.emit);
  const result = { chart: name, version, profile: profile.name, overrides, yaml, proof, notInBundle };
  if (map === undefined) return result;
  const text = formatMap({ chart: name, version, target: formatTarget(target), entries });
  return { ...result, residueMap: { name: map, text, entries: entries.length, hidden, hint: HOOKS_HINT } };
}
