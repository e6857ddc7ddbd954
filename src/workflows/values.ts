import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AirgapError } from '../base/errors.ts';
import { type Bundle, type BundleChart, openBundle } from '../bundle/read.ts';
import { discoverPlaces, type PlaceFound } from '../discovery/index.ts';
import { type ChartRequest, fetchChart } from '../helm/fetch.ts';
import { Helm } from '../helm/helm.ts';
import { type Render, Renderer, type RenderOptions, type Values } from '../helm/render.ts';
import { templateSources } from '../helm/templates.ts';
import { formatPath } from '../influence/leaves.ts';
import { MediaType } from '../oci/descriptor.ts';
import { readLinks } from '../oci/manifest.ts';
import { formatTarget, type Target } from '../oci/naming.ts';
import { formatReference } from '../oci/reference.ts';
import { accept } from '../overrides/accept.ts';
import { derive } from '../overrides/derive.ts';
import { formatOverrides, settingsOf } from '../overrides/document.ts';
import { type Proof, prove } from '../overrides/proof.ts';
import { type Context, withScratch } from './context.ts';

export interface ValuesOptions {
  /** A chart as Helm takes it, or, with a bundle, the name of one in it. Undefined: all charts of the bundle. */
  readonly request: ChartRequest | undefined;
  readonly bundle: string | undefined;
  readonly target: Target;
  readonly render: RenderOptions;
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
  /** References that the chart needs and the bundle does not hold; empty without a bundle. */
  readonly notInBundle: readonly string[];
}

/** Derives the overrides of one chart, or of every chart of a bundle, and proves them by rendering again. */
export function values(context: Context, options: ValuesOptions): Promise<Overrides[]> {
  return withScratch(context, async (scratch) => {
    const helm = new Helm(context);
    const source = options.bundle === undefined ? undefined : await openBundle(options.bundle);
    try {
      const charts = await chartsOf(source, options, scratch);
      const held = source && new Set(source.images().map(({ reference }) => formatReference(reference)));
      const results: Overrides[] = [];
      for (const [i, request] of charts.entries()) {
        results.push(await overridesOf(context, helm, request, options, join(scratch, `chart-${i}`), held));
      }
      return results;
    } finally {
      await source?.close();
    }
  });
}

async function chartsOf(
  source: Bundle | undefined,
  { request }: ValuesOptions,
  scratch: string,
): Promise<ChartRequest[]> {
  if (source === undefined) {
    if (request === undefined) {
      throw new AirgapError('usage', '--all needs --bundle', { hint: 'name the bundle that holds the charts' });
    }
    return [request];
  }
  const all = source.charts();
  const chosen = all.filter(({ name, version }) => {
    if (request === undefined) return true;
    const isNamed = name === request.chart || `${name}@${version}` === request.chart;
    return (
      isNamed && (request.version === undefined || request.version.replace(/^v/, '') === version.replace(/^v/, ''))
    );
  });
  if (chosen.length === 0 || (request !== undefined && chosen.length > 1)) {
    const list = all.map(({ name, version }) => `${name}@${version}`).join(', ');
    const what =
      chosen.length > 1 ? `several charts named ${request?.chart}` : `no chart ${request?.chart ?? ''}`.trimEnd();
    throw new AirgapError('chart-not-found', `the bundle ${source.path} holds ${what}`, {
      hint: list === '' ? 'it holds no chart at all' : `it holds ${list}`,
    });
  }
  return Promise.all(chosen.map((chart, i) => extract(source, chart, join(scratch, `bundled-${i}`))));
}

async function extract(
  source: Bundle,
  { descriptor, name, version, reference }: BundleChart,
  stem: string,
): Promise<ChartRequest> {
  const manifest = await source.manifest(reference, descriptor.digest);
  const layer = readLinks(descriptor.mediaType, manifest.bytes).blobs.find(
    ({ mediaType }) => mediaType === MediaType.helmChart,
  );
  if (layer === undefined)
    throw new AirgapError('bundle-invalid', `chart ${name} ${version} in ${source.path} has no chart layer`);
  const chart = `${stem}.tgz`;
  await writeFile(chart, await source.read(layer));
  return { chart };
}

async function overridesOf(
  context: Context,
  helm: Helm,
  request: ChartRequest,
  { target, render: options }: ValuesOptions,
  folder: string,
  held: ReadonlySet<string> | undefined,
): Promise<Overrides> {
  const chart = await fetchChart(helm, request, folder, context.cwd);
  const { name, version } = chart.metadata;
  context.emit({ type: 'stage', message: `deriving overrides for ${name} ${version}` });
  const renderer = new Renderer(helm, chart, join(folder, 'render'));
  const render = (overrides?: Values): Promise<Render> => renderer.render(options, overrides);
  const profile = 'default';
  const search = ({ documents }: Render): PlaceFound[] =>
    discoverPlaces(documents, { chart: name, profile }).filter(({ confidence }) => confidence !== 'possible');
  const base = await render();
  const places = search(base);
  const derivation = await derive({ base, places, target, render, templates: () => templateSources(chart.folder) });
  context.emit({ type: 'stage', message: `proving overrides for ${name} ${version}` });
  const { settings, overrides, refused, render: after } = await accept(base, settingsOf(derivation), render);
  for (const { setting, reason } of refused) {
    context.emit({ type: 'warning', message: `${formatPath(setting.path)} stays as it is: ${reason}` });
  }
  const proof = prove(places, search(after), after.documents, target);
  const header = [
    `Overrides for chart ${name} ${version}, target ${formatTarget(target)}.`,
    `Proved by rendering: ${proof.rewritten} of ${proof.references} references are private.`,
    ...proof.residue.map(({ reference, template, path }) => `Still public: ${reference} (${template} ${path})`),
  ];
  const yaml = formatOverrides(header, base.values, settings);
  const needed = [...new Set(places.map(({ reference }) => reference))].sort();
  const notInBundle = held === undefined ? [] : needed.filter((reference) => !held.has(reference));
  return { chart: name, version, profile, overrides, yaml, proof, notInBundle };
}
