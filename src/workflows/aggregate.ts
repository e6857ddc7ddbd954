import { join } from 'node:path';
import { AirgapError } from '../base/errors.ts';
import { openForUse } from '../bundle/open.ts';
import type { Bundle } from '../bundle/read.ts';
import { type Chart, fetchChart } from '../helm/fetch.ts';
import { Helm } from '../helm/helm.ts';
import { Renderer, type Values } from '../helm/render.ts';
import { formatTarget } from '../oci/naming.ts';
import { copiedWhole } from '../overrides/copied.ts';
import { formatOverrides, valuesOf } from '../overrides/document.ts';
import { compareWithBundle, type Derived } from './bundling/bundled-beyond.ts';
import { type BundledChart, extractCharts } from './bundling/bundled-charts.ts';
import { notIn } from './bundling/bundled-images.ts';
import { type Context, withScratch } from './context.ts';
import { deriveTree, type PartProof } from './overriding/aggregate-tree.ts';
import { askedFor } from './overriding/asked-charts.ts';
import type { OverrideOptions } from './overriding/override-chart.ts';
import { checkReadBack } from './overriding/read-back.ts';
import { NestedHosts } from './search/nested-hosts.ts';
import type { Profile } from './search/search-render.ts';
import type { ValuesOptions } from './values.ts';

export interface AggregateOptions extends ValuesOptions {
  /** Whether the installer is told to log in to a private ECR; it is, unless told. */
  readonly ecrAuth?: boolean;
}

/** Overrides of a chart and of those that its values have installed, as one values file of the outer one. */
export interface Aggregate {
  readonly chart: string;
  readonly version: string;
  readonly profile: string;
  readonly overrides: Values;
  /** The same as YAML with comments, for `helm -f`. */
  readonly yaml: string;
  /** The outer chart first. */
  readonly parts: readonly PartProof[];
  /** As of a single chart's overrides. */
  readonly copied: readonly string[];
  /** What no values move, or what cannot be shown to be moved, in words. */
  readonly left: readonly string[];
  /** References that are needed and that the bundle does not hold; empty without a bundle. */
  readonly notInBundle: readonly string[];
}

/**
 * Derives one values file for a chart that installs other charts by a map in its values; of a configuration file one for
 * each chart and profile. Out of a bundle come the charts that it installs as well.
 * @throws AirgapError `usage` for a chart by name whose values declare none, and what the outer chart's own derivation throws
 */
export function aggregate(context: Context, options: AggregateOptions): Promise<Aggregate[]> {
  return withScratch(context, async (scratch) => {
    const source = options.bundle === undefined ? undefined : await openForUse(options.bundle, options);
    try {
      const results: Aggregate[] = [];
      const derived: Derived[] = [];
      for (const asked of await askedFor(source, options, scratch)) {
        const folder = join(scratch, `aggregate-${results.length}`);
        const { references, ...result } = await aggregateOf(context, options, asked, folder, source);
        results.push(result);
        // The outermost chart's references are those of all that it installs.
        const own = result.parts.map(({ chart, version }) => ({ chart, version, profile: asked.profile, references }));
        derived.push(...own);
      }
      if (source !== undefined) compareWithBundle(source, derived, options.target, false, context.emit);
      return results;
    } finally {
      await source?.close();
    }
  });
}

async function aggregateOf(
  context: Context,
  options: AggregateOptions,
  { chart: outer, profile }: { readonly chart: BundledChart; readonly profile: Profile },
  folder: string,
  source: Bundle | undefined,
): Promise<Aggregate & { readonly references: readonly string[] }> {
  const helm = new Helm(context);
  const within = join(folder, 'within');
  const inner = source === undefined ? [] : await extractCharts(source, undefined, within, profile.name);
  const given = options.chartSources ?? { mirrors: [], plainHttp: [] };
  const mirrors = inner.length === 0 ? [] : [{ from: '*', to: { folder: within } }];
  const sources = { ...given, mirrors: [...mirrors, ...given.mirrors] };
  const chart = await fetchChart(helm, outer.request, join(folder, 'outer'), context.cwd, given);
  const { name, version } = chart.metadata;
  const { target, rules = [], ecrAuth = true, inject = true, operatorDefaults = true } = options;
  const optionsFor = ({ metadata }: Chart): OverrideOptions => {
    const known = inner.find((one) => one.name === metadata.name && one.version === metadata.version);
    const { recipes = [], operands = [] } = known ?? {};
    return { rules, emit: context.emit, recipes, operands, inject, operatorDefaults };
  };
  const hosts = new NestedHosts(sources, context.emit);
  const search = { context, helm, target, folder: join(folder, 'charts'), sources, hosts, ecrAuth, optionsFor };
  const renderer = new Renderer(helm, chart, join(folder, 'outer', 'render'));
  const tree = await deriveTree(search, renderer, profile);
  // A configuration file may have others beside it, which get the overrides of a single chart.
  if (options.jobs === undefined && tree.parts.length === 1 && tree.left.length === 0) {
    throw new AirgapError('usage', `chart ${name} ${version} installs no charts by its values`, {
      hint: 'without --format aggregate it gets the overrides of a single chart',
    });
  }
  const { parts, left, references } = tree;
  const yaml = formatOverrides(headerOf(name, version, formatTarget(target), tree), tree.base, tree.settings);
  const overrides = valuesOf(tree.base, tree.settings);
  await checkReadBack(renderer, profile.options, overrides, yaml);
  const notInBundle = source === undefined ? [] : notIn(source, references, context.emit);
  const copied = copiedWhole(tree.base, overrides, profile.options);
  return { chart: name, version, profile: profile.name, overrides, yaml, parts, copied, left, notInBundle, references };
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
