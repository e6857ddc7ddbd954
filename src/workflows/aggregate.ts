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

/** Options for umbrella overrides. */
export interface AggregateOptions extends ValuesOptions {
  /** The installer logs in to a private ECR (default: true). */
  readonly ecrAuth?: boolean;
}

/**
 * Overrides of an umbrella chart and of the charts that its values install, as one values file of the umbrella chart.
 */
export interface Aggregate {
  readonly chart: string;
  readonly version: string;
  readonly profile: string;
  readonly overrides: Values;
  /** Overrides as commented YAML, for `helm -f`. */
  readonly yaml: string;
  /** Proofs of all charts, the umbrella chart first. */
  readonly parts: readonly PartProof[];
  /** Paths of values copied whole from the user's values, as in {@link Overrides}. */
  readonly copied: readonly string[];
  /** References that no values move, or that the render does not prove to be moved, one sentence each. */
  readonly left: readonly string[];
  /** Required references that are missing from the bundle; empty without a bundle. */
  readonly notInBundle: readonly string[];
}

/**
 * Derives one values file for a chart whose values install other charts; for a configuration file, one per chart and
 * profile. With a bundle, the installed charts come from the bundle too.
 * @throws AirgapError `usage` if a named chart installs no other charts; errors of deriving the umbrella chart's
 *   overrides
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
        // The umbrella chart's references include those of all charts that it installs.
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
  // A configuration file may also list charts that install no others; these get the overrides of a single chart.
  if (options.jobs === undefined && tree.parts.length === 1 && tree.left.length === 0) {
    throw new AirgapError('usage', `the values of chart ${name} ${version} install no other charts`, {
      hint: 'run without --format aggregate for the overrides of a single chart',
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
    'Proved by rendering each chart as it is installed. Private references:',
    ...parts.map(({ chart, version: own, proof }) => `  ${chart} ${own}: ${proof.rewritten} of ${proof.references}`),
    ...residue.map(
      ({ chart, reference, template, path }) => `Still public: ${reference} (${chart}: ${template} ${path})`,
    ),
    ...left.map((what) => `Not moved: ${what}`),
  ];
}
