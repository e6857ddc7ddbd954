import { join } from 'node:path';
import { nestedCharts } from '../../discovery/nested/index.ts';
import type { Rule } from '../../discovery/rules/index.ts';
import type { ChartSources } from '../../helm/chart-mirrors.ts';
import { fetchChart } from '../../helm/fetch.ts';
import type { Helm } from '../../helm/helm.ts';
import { type Render, Renderer } from '../../helm/render.ts';
import type { Target } from '../../naming/naming.ts';
import {
  chartReferences,
  type InstalledChart,
  installedNotKnown,
  installedReferences,
  installedWithoutSecret,
  type OverrideOptions,
  overrideChart,
  renderInstalled,
} from '../../overrides/index.ts';
import type { Profile } from '../../search/search-render.ts';
import type { Context } from '../../session/context.ts';
import type { BundledChart } from '../values/bundled-charts.ts';
import type { SourceImages } from './source-images.ts';

/** How charts are installed. */
export interface InstallOptions extends Pick<OverrideOptions, 'inject' | 'operatorDefaults' | 'decisions'> {
  /** Absent to find the references of the charts as they are, without overrides. */
  readonly target?: Target | undefined;
  /**
   * Files with the overrides that are really installed, in the order of `helm -f`. If there are none, overrides are
   * derived, as `values` would write them: that answers whether the images are where the overrides will point, before
   * there are any. A file may be older than the chart or edited, so only the file itself shows what will be pulled.
   */
  readonly overrides: readonly string[];
  /** What is done about references that no value redirects. */
  readonly unmapped?: 'post-render' | 'repack' | undefined;
  /** Name of the pull secret that the installation uses. */
  readonly pullSecret?: string | undefined;
  readonly rules?: readonly Rule[] | undefined;
  readonly chartSources?: ChartSources | undefined;
}

/** The images that one chart pulls with one profile. */
export interface ChartImages extends SourceImages {
  readonly version: string;
  readonly profile: Profile;
  readonly renderer: Renderer;
}

/**
 * Renders a chart as it will be installed, and returns the images that its workloads pull.
 * @param folder for temporary files (absolute)
 * @throws AirgapError errors of fetching and rendering the chart
 */
export async function chartImages(
  context: Context,
  helm: Helm,
  { chart: bundled, profile }: { readonly chart: BundledChart; readonly profile: Profile },
  options: InstallOptions,
  folder: string,
): Promise<ChartImages> {
  const chart = await fetchChart(helm, bundled.request, folder, context.cwd, options.chartSources);
  const renderer = new Renderer(helm, chart, join(folder, 'render'));
  const { name, version } = chart.metadata;
  const { target, pullSecret, rules = [], operatorDefaults = true, decisions } = options;
  const namespace = profile.options.namespace ?? (context.env.HELM_NAMESPACE || 'default');
  const common = { chart: name, version, profile, renderer, namespace };
  if (target === undefined) {
    const { references, notKnown, renders } = await chartReferences(renderer, profile, {
      rules,
      operatorDefaults,
      operands: bundled.operands,
      decisions,
    });
    const nested = nestedIn(renders);
    return { ...common, references, notKnown, nested, whyPublic: () => undefined, lacksSecret: () => false };
  }
  const { unmapped = [], ...installed } = await install(
    context,
    helm,
    renderer,
    bundled,
    { ...options, target },
    profile,
    folder,
  );
  const pods = pullSecret === undefined ? [] : installedWithoutSecret(installed, pullSecret, namespace);
  return {
    ...common,
    references: installedReferences(installed),
    notKnown: installedNotKnown(installed),
    nested: nestedIn(installed.renders),
    whyPublic: ({ reference, template }) =>
      unmapped.find((entry) => entry.reference === reference && entry.template === template)?.because,
    lacksSecret: (located) =>
      located.how === 'pod-spec' &&
      pods.some(
        ({ kind, name: object, template }) =>
          kind === located.kind && object === located.name && template === located.template,
      ),
  };
}

function nestedIn(renders: readonly Render[]): string[] {
  const charts = renders.flatMap(({ documents, values }) => nestedCharts(documents, values));
  return [...new Set(charts.map(({ name }) => name))];
}

/** A chart with overrides, and what these leave public. */
interface Installed extends InstalledChart {
  readonly unmapped?: readonly { readonly reference: string; readonly template: string; readonly because?: string }[];
}

/** Renders a chart with the given overrides, or with derived ones. */
async function install(
  { emit }: Context,
  helm: Helm,
  renderer: Renderer,
  { operands, recipes }: BundledChart,
  options: InstallOptions & { readonly target: Target },
  profile: Profile,
  folder: string,
): Promise<Installed> {
  const { target, overrides, unmapped, pullSecret, rules = [], inject, operatorDefaults = true, decisions } = options;
  const hooks = unmapped === 'post-render' && (await helm.major()) >= 4;
  if (overrides.length > 0) {
    const postRender = unmapped === 'post-render' ? { hooks, pullSecret } : undefined;
    const files = { files: overrides, ...(postRender && { postRender }) };
    return renderInstalled(renderer, profile, target, { rules, operands, operatorDefaults, decisions, ...files });
  }
  const handling =
    unmapped === undefined
      ? undefined
      : unmapped === 'repack'
        ? ({ how: 'repack', folder: join(folder, 'repack') } as const)
        : ({ how: 'post-render', hooks } as const);
  const { relocation, renders, proof } = await overrideChart(renderer, profile, target, {
    ...{ rules, recipes, operands, decisions, inject, operatorDefaults, emit },
    additions: { pullSecret },
    unmappedHandling: handling,
  });
  return { relocation, renders, unmapped: proof.residue };
}
