import { join } from 'node:path';
import { AirgapError } from '../base/errors.ts';
import { openForUse } from '../bundle/open.ts';
import { type Chart, fetchChart } from '../helm/fetch.ts';
import { Helm } from '../helm/helm.ts';
import { Renderer, type Values } from '../helm/render.ts';
import { formatTarget } from '../oci/naming.ts';
import { formatOverrides, valuesOf } from '../overrides/document.ts';
import { type BundledChart, extractCharts } from './bundling/bundled-charts.ts';
import { notIn } from './bundling/bundled-images.ts';
import { type Context, withScratch } from './context.ts';
import { deriveTree, type PartProof } from './overriding/aggregate-tree.ts';
import { asBundled, chartsOf } from './overriding/asked-charts.ts';
import type { OverrideOptions } from './overriding/override-chart.ts';
import type { ValuesOptions } from './values.ts';

export interface AggregateOptions extends ValuesOptions {
  /** Whether the installer is told to log in to a private ECR; it is, unless told. */
  readonly ecrAuth?: boolean;
}

/** Overrides of a chart and of those that its values have installed, as one values file of the outer one. */
export interface Aggregate {
  readonly chart: string;
  readonly version: string;
  readonly overrides: Values;
  /** The same as YAML with comments, for `helm -f`. */
  readonly yaml: string;
  /** The outer chart first. */
  readonly parts: readonly PartProof[];
  /** What no values move, or what cannot be shown to be moved, in words. */
  readonly left: readonly string[];
  /** References that are needed and that the bundle does not hold; empty without a bundle. */
  readonly notInBundle: readonly string[];
}

/**
 * Derives one values file for a chart that installs other charts by a map in its values. Out of a bundle come the charts
 * that it installs as well.
 * @throws AirgapError `usage` for a chart whose values declare none, and what the outer chart's own derivation throws
 */
export function aggregate(context: Context, options: AggregateOptions): Promise<Aggregate> {
  return withScratch(context, async (scratch) => {
    const helm = new Helm(context);
    const source = options.bundle === undefined ? undefined : await openForUse(options.bundle, options);
    try {
      const [outer] = (await chartsOf(source, options, scratch)) as [BundledChart];
      const within = join(scratch, 'within');
      const inner = source === undefined ? [] : await extractCharts(source, undefined, within);
      const given = options.chartSources ?? { mirrors: [], plainHttp: [] };
      const mirrors = inner.length === 0 ? [] : [{ from: '*', to: { folder: within } }];
      const sources = { ...given, mirrors: [...mirrors, ...given.mirrors] };
      const chart = await fetchChart(helm, outer.request, join(scratch, 'outer'), context.cwd, given);
      const { name, version } = chart.metadata;
      const render = { ...options.render, ...asBundled(options.render, outer.rendered) };
      const { target, rules = [], ecrAuth = true } = options;
      const optionsFor = ({ metadata }: Chart): OverrideOptions => {
        const known = inner.find((one) => one.name === metadata.name && one.version === metadata.version);
        const { recipes = [], operands = [] } = known ?? {};
        return { rules, emit: context.emit, recipes, operands };
      };
      const folder = join(scratch, 'charts');
      const search = { context, helm, target, folder, sources, ecrAuth, optionsFor };
      const renderer = new Renderer(helm, chart, join(scratch, 'outer', 'render'));
      const tree = await deriveTree(search, renderer, { name: 'default', options: render });
      if (tree.parts.length === 1 && tree.left.length === 0) {
        throw new AirgapError('usage', `chart ${name} ${version} installs no charts by its values`, {
          hint: 'without --format aggregate it gets the overrides of a single chart',
        });
      }
      const yaml = formatOverrides(headerOf(name, version, formatTarget(target), tree), tree.base, tree.settings);
      const notInBundle = source === undefined ? [] : notIn(source, tree.references, context.emit);
      const overrides = valuesOf(tree.base, tree.settings);
      return { chart: name, version, overrides, yaml, parts: tree.parts, left: tree.left, notInBundle };
    } finally {
      await source?.close();
    }
  });
}

function headerOf(
  name: string,
  version: string,
  target: string,
  { parts, left }: Pick<Aggregate, 'parts' | 'left'>,
): string[] {
  const residue = parts.flatMap(({ proof }) => proof.residue);
  return [
    `Overrides for chart ${name} ${version} and the charts that it installs, target ${target}.`,
    'Proved by rendering each as it is installed; references that are private:',
    ...parts.map(({ chart, version: own, proof }) => `  ${chart} ${own}: ${proof.rewritten} of ${proof.references}`),
    ...residue.map(
      ({ chart, reference, template, path }) => `Still public: ${reference} (${chart}: ${template} ${path})`,
    ),
    ...left.map((what) => `Not moved: ${what}`),
  ];
}
