import { join } from 'node:path';
import { AirgapError } from '../base/errors.ts';
import { type Bundle, openBundle } from '../bundle/read.ts';
import type { Rule } from '../discovery/rules/index.ts';
import { type ChartRequest, fetchChart } from '../helm/fetch.ts';
import { Helm } from '../helm/helm.ts';
import { Renderer, type RenderOptions, type Values } from '../helm/render.ts';
import { formatTarget, type Target } from '../oci/naming.ts';
import { formatReference } from '../oci/reference.ts';
import { formatOverrides } from '../overrides/document.ts';
import type { Proof } from '../overrides/proof.ts';
import { type BundledChart, extractCharts } from './bundled-charts.ts';
import { type Context, withScratch } from './context.ts';
import { overrideChart } from './override-chart.ts';

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
      for (const [i, chart] of charts.entries()) {
        const own = { ...options, render: { ...options.render, ...missing(options.render, chart.rendered) } };
        results.push(await overridesOf(context, helm, chart, own, join(scratch, `chart-${i}`), held));
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
  return [{ request, rendered: {}, recipes: [], operands: [] }];
}

async function overridesOf(
  context: Context,
  helm: Helm,
  { request, recipes, operands }: BundledChart,
  { target, render: options, rules = [] }: ValuesOptions,
  folder: string,
  held: ReadonlySet<string> | undefined,
): Promise<Overrides> {
  const chart = await fetchChart(helm, request, folder, context.cwd);
  const { name, version } = chart.metadata;
  context.emit({ type: 'stage', message: `deriving overrides for ${name} ${version}` });
  const renderer = new Renderer(helm, chart, join(folder, 'render'));
  const profile = { name: 'default', options };
  const { base, settings, overrides, proof, references } = await overrideChart(renderer, profile, target, {
    rules,
    emit: context.emit,
    recipes,
    operands,
  });
  const header = [
    `Overrides for chart ${name} ${version}, target ${formatTarget(target)}.`,
    `Proved by rendering: ${proof.rewritten} of ${proof.references} references are private.`,
    ...proof.residue.map(({ reference, template, path }) => `Still public: ${reference} (${template} ${path})`),
  ];
  const yaml = formatOverrides(header, base, settings);
  const notInBundle = held === undefined ? [] : references.filter((reference) => !held.has(reference));
  return { chart: name, version, profile: profile.name, overrides, yaml, proof, notInBundle };
}
