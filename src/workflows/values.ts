import { join } from 'node:path';
import { AirgapError } from '../base/errors.ts';
import { type Bundle, openBundle } from '../bundle/read.ts';
import { discoverPlaces, type PlaceFound } from '../discovery/index.ts';
import { applyRules, builtInRules, type Rule } from '../discovery/rules/index.ts';
import { type ChartRequest, fetchChart } from '../helm/fetch.ts';
import { Helm } from '../helm/helm.ts';
import { type Render, Renderer, type RenderOptions, type Values } from '../helm/render.ts';
import { type TemplateSource, templateSources } from '../helm/templates.ts';
import { formatPath } from '../influence/leaves.ts';
import { formatTarget, type Target } from '../oci/naming.ts';
import { formatReference } from '../oci/reference.ts';
import { type Accepted, accept } from '../overrides/accept.ts';
import { type Derivation, derive, fruitless } from '../overrides/derive.ts';
import { formatOverrides, settingsOf } from '../overrides/document.ts';
import { isResidue, type Proof, prove } from '../overrides/proof.ts';
import { redirectSettings, withRedirects } from '../overrides/redirect.ts';
import { type BundledChart, extractCharts } from './bundled-charts.ts';
import { type Context, withScratch } from './context.ts';

export interface ValuesOptions {
  /** A chart as Helm takes it, or, with a bundle, the name of one in it. Undefined: all charts of the bundle. */
  readonly request: ChartRequest | undefined;
  readonly bundle: string | undefined;
  readonly target: Target;
  readonly render: RenderOptions;
  /** Operator rules besides the built-in ones. */
  readonly rules?: readonly Rule[];
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
      for (const [i, { request, rendered }] of charts.entries()) {
        const own = { ...options, render: { ...options.render, ...missing(options.render, rendered) } };
        results.push(await overridesOf(context, helm, request, own, join(scratch, `chart-${i}`), held));
      }
      return results;
    } finally {
      await source?.close();
    }
  });
}

/** What the bundled chart was rendered with, where nothing else is asked for. */
function missing({ kubeVersion, apiVersions = [] }: RenderOptions, rendered: BundledChart['rendered']): RenderOptions {
  return {
    ...(kubeVersion === undefined && rendered.kubeVersion !== undefined ? { kubeVersion: rendered.kubeVersion } : {}),
    ...(apiVersions.length === 0 && rendered.apiVersions !== undefined ? { apiVersions: rendered.apiVersions } : {}),
  };
}

async function chartsOf(
  source: Bundle | undefined,
  { request }: ValuesOptions,
  scratch: string,
): Promise<BundledChart[]> {
  if (source !== undefined) return extractCharts(source, request, scratch);
  if (request === undefined) {
    throw new AirgapError('usage', '--all needs --bundle', { hint: 'name the bundle that holds the charts' });
  }
  return [{ request, rendered: {} }];
}

interface Attempt extends Accepted {
  readonly derivation: Derivation;
  readonly proof: Proof;
}

/** Derives and proves; a second time without the leaves that did not do what they were to do, when there are any. */
async function bestOf(attempt: (without: ReadonlySet<string>) => Promise<Attempt>): Promise<Attempt> {
  const first = await attempt(new Set());
  const idle = fruitless(first.derivation, (place) => isResidue(first.proof, place));
  if (idle.length === 0) return first;
  const second = await attempt(new Set([...idle, ...first.derivation.refused]));
  return second.proof.residue.length < first.proof.residue.length ? second : first;
}

async function overridesOf(
  context: Context,
  helm: Helm,
  request: ChartRequest,
  { target, render: options, rules = [] }: ValuesOptions,
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
  const { metadata } = chart;
  const known = new Set(places.map(({ reference }) => reference));
  const input = { metadata, documents: base.documents, places, context: { chart: name, profile } };
  const chosen = applyRules([...builtInRules, ...rules], input).filter(
    ({ reference, confidence }) => confidence !== 'possible' && !known.has(reference),
  );
  const redirects = redirectSettings(chosen, base, target);
  const attempt = async (without: ReadonlySet<string>): Promise<Attempt> => {
    const templates = (): Promise<TemplateSource[]> => templateSources(chart.folder);
    const derivation = await derive({ base, places, target, render, templates, without });
    const result = await accept(base, withRedirects(settingsOf(derivation), redirects), render);
    const { documents } = result.render;
    return { derivation, ...result, proof: prove(places, search(result.render), documents, target, chosen) };
  };
  const { settings, overrides, refused, proof } = await bestOf(attempt);
  for (const { setting, reason } of refused) {
    context.emit({ type: 'warning', message: `${formatPath(setting.path)} stays as it is: ${reason}` });
  }
  const header = [
    `Overrides for chart ${name} ${version}, target ${formatTarget(target)}.`,
    `Proved by rendering: ${proof.rewritten} of ${proof.references} references are private.`,
    ...proof.residue.map(({ reference, template, path }) => `Still public: ${reference} (${template} ${path})`),
  ];
  const yaml = formatOverrides(header, base.values, settings);
  const needed = [...new Set([...places, ...chosen].map(({ reference }) => reference))].sort();
  const notInBundle = held === undefined ? [] : needed.filter((reference) => !held.has(reference));
  return { chart: name, version, profile, overrides, yaml, proof, notInBundle };
}
