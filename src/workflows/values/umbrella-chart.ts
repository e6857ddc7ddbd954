import { join } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { runStep } from '../../base/step.ts';
import { openCheckedBundle } from '../../bundle/open.ts';
import type { Bundle } from '../../bundle/reading/bundle.ts';
import { type Chart, fetchChart, titleOf } from '../../helm/fetch.ts';
import { Helm } from '../../helm/helm.ts';
import { Renderer, type Values } from '../../helm/render.ts';
import type { Target } from '../../naming/naming.ts';
import {
  type ChartProof,
  checkReadBack,
  copiedUserValues,
  deriveTree,
  formatOverrides,
  type OverrideOptions,
  stateNotes,
  stillPublicLine,
  titleLine,
} from '../../overrides/index.ts';
import { NestedHosts } from '../../search/nested-hosts.ts';
import type { ReferenceDecisions } from '../../search/reference-decisions.ts';
import type { Profile } from '../../search/search-render.ts';
import { type Context, withScratch } from '../../session/context.ts';
import { buildOverlay } from '../../value-tracing/leaves.ts';
import { compareWithBundle, type DerivedChart } from './bundle-coverage.ts';
import { type BundledChart, extractCharts } from './bundled-charts.ts';
import { decisionsFor, missingFromBundle, warnUnusedAllowed } from './bundled-images.ts';
import { listRequestedCharts } from './requested-charts.ts';
import type { ValuesOptions } from './values.ts';

/** Options for umbrella overrides. */
export interface UmbrellaOptions extends ValuesOptions {
  /** The installer logs in to a private ECR (default: true). */
  readonly ecrAuth?: boolean;
}

/**
 * Overrides of an umbrella chart and of the charts that its values install, as one values file of the umbrella chart.
 */
export interface UmbrellaOverrides {
  readonly chart: string;
  readonly version: string;
  readonly profile: string;
  readonly overrides: Values;
  /** Overrides as commented YAML, for `helm -f`. */
  readonly yaml: string;
  /** Proofs of all charts, the umbrella chart first. */
  readonly proofs: readonly ChartProof[];
  /** Paths of values copied whole from the user's values, as in {@link Overrides}. */
  readonly copied: readonly string[];
  /** References that no values redirect, or whose redirection the render does not prove, one sentence each. */
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
export function umbrellaValues(context: Context, options: UmbrellaOptions): Promise<UmbrellaOverrides[]> {
  return withScratch(context, async (scratch) => {
    const source =
      options.bundle === undefined
        ? undefined
        : await openCheckedBundle(options.bundle, { signers: options.signers, emit: context.emit });
    try {
      const decisions = decisionsFor(context, options, source);
      const results: UmbrellaOverrides[] = [];
      const derived: DerivedChart[] = [];
      for (const requested of await listRequestedCharts(source, options, scratch)) {
        const folder = join(scratch, `aggregate-${results.length}`);
        const { references, ...result } = await deriveUmbrellaOverrides(
          context,
          { ...options, decisions },
          requested,
          folder,
          source,
        );
        results.push(result);
        // The umbrella chart's references include those of all charts that it installs.
        const { profile } = requested;
        derived.push(
          ...result.proofs.map(({ chart, version, proof }) => ({ chart, version, profile, references, proof })),
        );
      }
      warnUnusedAllowed(context.emit, decisions);
      if (source !== undefined) compareWithBundle(source, derived, options.target, false, context.emit);
      return results;
    } finally {
      await source?.close();
    }
  });
}

async function deriveUmbrellaOverrides(
  context: Context,
  options: UmbrellaOptions & { readonly decisions: ReferenceDecisions },
  { chart: umbrella, profile }: { readonly chart: BundledChart; readonly profile: Profile },
  folder: string,
  source: Bundle | undefined,
): Promise<UmbrellaOverrides & { readonly references: readonly string[] }> {
  const helm = new Helm(context);
  const bundledFolder = join(folder, 'within');
  const bundled = source === undefined ? [] : await extractCharts(source, undefined, bundledFolder, profile.name);
  const chartSources = options.chartSources ?? { mirrors: [], plainHttp: [] };
  const mirrors = bundled.length === 0 ? [] : [{ from: '*', to: { folder: bundledFolder } }];
  const sources = { ...chartSources, mirrors: [...mirrors, ...chartSources.mirrors] };
  const chart = await fetchChart(helm, umbrella.request, join(folder, 'outer'), context.cwd, chartSources);
  const { name, version } = chart.metadata;
  const { target, decisions, rules = [], ecrAuth = true, inject = true, operatorDefaults = true } = options;
  const optionsFor = ({ metadata }: Chart): OverrideOptions => {
    const { recipes = [], operands = [] } =
      bundled.find(({ name, version }) => name === metadata.name && version === metadata.version) ?? {};
    return { rules, emit: context.emit, recipes, operands, decisions, inject, operatorDefaults };
  };
  const hosts = new NestedHosts(sources, context.emit);
  const search = { context, helm, target, folder: join(folder, 'charts'), sources, hosts, ecrAuth, optionsFor };
  const renderer = new Renderer(helm, chart, join(folder, 'outer', 'render'));
  const tree = await deriveTree(search, renderer, profile);
  // A configuration file may also list charts that install no others; these get the overrides of a single chart.
  if (options.jobs === undefined && tree.proofs.length === 1 && tree.left.length === 0) {
    throw new AirgapError('usage', `the values of chart ${name} ${version} install no other charts`, {
      hint: 'run without --format aggregate for the overrides of a single chart',
    });
  }
  const { proofs, left, references } = tree;
  const yaml = formatOverrides(headerLines(name, version, target, tree), tree.base, tree.settings);
  const overrides = buildOverlay(tree.base, tree.settings);
  await runStep(context.emit, `reading back the overrides of ${titleOf(chart)}`, () =>
    checkReadBack(renderer, profile.options, overrides, yaml),
  );
  const notInBundle = source === undefined ? [] : missingFromBundle(source, references, decisions, context.emit);
  const copied = copiedUserValues(tree.base, overrides, profile.options);
  return {
    chart: name,
    version,
    profile: profile.name,
    overrides,
    yaml,
    proofs,
    copied,
    left,
    notInBundle,
    references,
  };
}

function headerLines(
  name: string,
  version: string,
  target: Target,
  { proofs, left }: Pick<UmbrellaOverrides, 'proofs' | 'left'>,
): string[] {
  const unmapped = proofs.flatMap(({ proof }) => proof.residue);
  return [
    titleLine(`${name} ${version} and the charts that it installs`, target),
    'Proved by rendering each chart as it is installed. Private references:',
    ...proofs.map((part) => `  ${part.chart} ${part.version}: ${part.proof.rewritten} of ${part.proof.references}`),
    ...unmapped.map((entry) => stillPublicLine(entry, `${entry.chart}: ${entry.template} ${entry.path}`)),
    ...proofs.flatMap(({ proof }) => stateNotes(proof)),
    ...left.map((reason) => `Not redirected: ${reason}`),
  ];
}
