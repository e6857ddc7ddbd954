import { join } from 'node:path';
import { AirgapError } from '../base/errors.ts';
import { formatPath, valueAt } from '../base/field-path.ts';
import { isMapping } from '../base/mapping.ts';
import { runStep } from '../base/step.ts';
import { declarationKeys, type NestedChart, nestedCharts } from '../discovery/nested/index.ts';
import { parseEcrHost } from '../ecr/hosts.ts';
import type { ChartSources } from '../helm/chart-mirrors.ts';
import { type Chart, fetchChart, titleOf } from '../helm/fetch.ts';
import type { Helm } from '../helm/helm.ts';
import { type Render, Renderer, type Values } from '../helm/render.ts';
import { formatTargetReference, type Target } from '../naming/naming.ts';
import { parseReference } from '../oci/reference.ts';
import type { NestedHosts } from '../search/nested-hosts.ts';
import { installOptions, requestOf } from '../search/nested-install.ts';
import type { Profile } from '../search/search-render.ts';
import { ValuesTrace } from '../search/values-trace.ts';
import type { Context } from '../session/context.ts';
import { buildOverlay, type LeafPath } from '../value-tracing/leaves.ts';
import { type OverrideOptions, overrideChart } from './override-chart.ts';
import type { Proof, UnmappedReference } from './proof/proof.ts';
import { wantedReferences } from './proof/relocation.ts';
import type { Setting } from './settings/setting.ts';
import { addressEntries, type ChartEntry, withEntryValues } from './umbrella-entries.ts';

/** Context for deriving the overrides of an umbrella chart. */
export interface UmbrellaSearch {
  readonly context: Context;
  readonly helm: Helm;
  readonly target: Target;
  /** Folder for downloads and renders. */
  readonly folder: string;
  readonly sources: ChartSources;
  /** Decides which hosts named by charts may be contacted, and reports each once. */
  readonly hosts: NestedHosts;
  /** The installer logs in to a private ECR. */
  readonly ecrAuth: boolean;
  /** Returns what is known about a chart before it is rendered. */
  optionsFor(chart: Chart): OverrideOptions;
}

/** Proof of one chart of the tree. */
export interface ChartProof {
  readonly chart: string;
  readonly version: string;
  /** Path of its entry in the umbrella chart's values; empty for the umbrella chart. */
  readonly entry: string;
  readonly proof: Proof;
}

/** Chart with all charts that it installs. */
export interface UmbrellaTree {
  readonly base: Values;
  readonly settings: readonly Setting[];
  readonly references: readonly string[];
  readonly proofs: readonly ChartProof[];
  /** References that no values move, or that the render does not prove to be moved, one sentence each. */
  readonly left: readonly string[];
}

/** Maximum nesting depth of charts. */
const MAX_DEPTH = 4;

/**
 * Derives the overrides of a chart and, recursively, of the charts that its values install, as one values tree. Each
 * chart is proved with the values given by its parent.
 * @param valuesPath path of the chart's values in those of the umbrella chart
 */
export async function deriveTree(
  search: UmbrellaSearch,
  renderer: Renderer,
  profile: Profile,
  valuesPath: LeafPath = [],
  depth = 0,
  parentTrace?: ValuesTrace,
): Promise<UmbrellaTree> {
  const { chart } = renderer;
  const { name, version } = chart.metadata;
  const options = search.optionsFor(chart);
  const { decisions } = options;
  const chartOverrides = await overrideChart(renderer, profile, search.target, options);
  const { emit } = search.context;
  const { render, declared } = await runStep(emit, `finding the charts that ${titleOf(chart)} installs`, async () => {
    const render = await renderer.render(profile.options);
    return { render, declared: nestedCharts(render.documents, render.values) };
  });
  const left: string[] = [];
  const children: ChildChart[] = [];
  const { folder, context } = search;
  const trace =
    depth === 0
      ? await ValuesTrace.of(renderer, profile.options, join(folder, 'trace'), context.cwd)
      : parentTrace && ValuesTrace.within(renderer, profile.options, parentTrace.hosts);
  for (const nested of declared) {
    if (decisions?.excludesChart(nested.name)) {
      emit({ type: 'note', message: `chart ${nested.name} is left out, as --exclude says` });
    } else if (nested.via.values === undefined) {
      const { kind, name: declaringName, template } = nested.via;
      left.push(
        `chart ${nested.name} ${nested.version} is set in ${kind} ${declaringName} (${template}), not in the values`,
      );
    } else if (depth < MAX_DEPTH) {
      const child = await deriveChild(search, nested, nested.via.values, {
        render,
        profile,
        chart,
        valuesPath,
        depth,
        trace,
      });
      if (typeof child === 'string') left.push(child);
      else children.push(child);
    }
  }
  const ownProof = { chart: name, version, entry: formatPath(valuesPath), proof: chartOverrides.proof };
  if (children.length === 0) {
    return {
      base: chartOverrides.base,
      settings: chartOverrides.settings,
      references: chartOverrides.references,
      proofs: [ownProof],
      left,
    };
  }
  const base = withEntryValues(chartOverrides.base, children);
  return runStep(emit, `redirecting the charts that ${titleOf(chart)} installs`, async (advance) => {
    const addressed = await addressEntries(
      children,
      { target: search.target, base, ownSettings: [...chartOverrides.settings, ...loginSettings(search)] },
      (overrides) => renderer.render(profile.options, overrides).finally(advance),
    );
    return {
      base,
      settings: addressed.settings,
      references: [...new Set([chartOverrides, ...children].flatMap(({ references }) => references))].sort(),
      proofs: [
        {
          ...ownProof,
          proof: withMovedByChildren(chartOverrides.proof, addressed.after, renderer, profile, search.target),
        },
        ...children.flatMap(({ proofs }) => proofs),
      ],
      left: [...left, ...addressed.left, ...children.flatMap((child) => child.left)],
    };
  });
}

interface ChildChart extends ChartEntry, UmbrellaTree {
  readonly base: Values;
  readonly settings: readonly Setting[];
}

interface ParentChart {
  readonly render: Render;
  readonly profile: Profile;
  readonly chart: Chart;
  readonly valuesPath: LeafPath;
  readonly depth: number;
  readonly trace: ValuesTrace | undefined;
}

/** Derives a child chart with its tree; returns the reason if that fails. */
async function deriveChild(
  search: UmbrellaSearch,
  nested: NestedChart,
  path: readonly string[],
  { render, profile, chart: parent, valuesPath, depth, trace }: ParentChart,
): Promise<ChildChart | string> {
  const keys = toLeafPath(render.values, path);
  const entry = valueAt(render.values, keys);
  if (!isMapping(entry)) return `${formatPath(keys)}: not an entry of the values`;
  const fields = declarationKeys(entry);
  const childPath = [...keys, fields.values];
  const folder = join(search.folder, formatPath([...valuesPath, ...keys]).replace(/[^\w.-]/g, '_'));
  try {
    const request = await requestOf(nested, folder, search.sources.caFile);
    const { context, sources, hosts } = search;
    const allow = hosts.allow(nested, parent.metadata.name, trace);
    const chart = await fetchChart(search.helm, request, folder, context.cwd, sources, allow);
    const options = await installOptions(nested, profile.options, chart, join(folder, 'given.json'), []);
    const renderer = new Renderer(search.helm, chart, join(folder, 'render'));
    const childProfile = { name: profile.name, options };
    const tree = await deriveTree(search, renderer, childProfile, [...valuesPath, ...childPath], depth + 1, trace);
    const { name, version } = chart.metadata;
    const overrides = buildOverlay(tree.base, tree.settings);
    return { ...tree, keys, fields, name, version, overrides };
  } catch (error) {
    if (!(error instanceof AirgapError) || error.code === 'interrupted') throw error;
    return `${formatPath(keys)}: ${error.message} (installed by ${parent.metadata.name})`;
  }
}

/** Returns the setting that makes the installer log in to a private ECR before it pulls charts. */
function loginSettings({ target: { registry }, ecrAuth }: UmbrellaSearch): Setting[] {
  if (!ecrAuth || parseEcrHost(registry) === undefined) return [];
  return [{ path: ['ecrAuth', 'registry'], value: registry, comment: 'registry that the installer logs in to' }];
}

/** Converts string keys to a leaf path, where list indexes are numbers. */
function toLeafPath(values: Values, path: readonly string[]): LeafPath {
  const keys: (string | number)[] = [];
  for (const key of path) keys.push(Array.isArray(valueAt(values, keys)) ? Number(key) : key);
  return keys;
}

/**
 * Removes unmapped references from a chart's proof that its children's overrides have moved: values for the children
 * appear in the parent's render too. Line numbers in scripts may have changed, so a reference counts as moved if it is
 * gone from the render and its private name is there.
 */
function withMovedByChildren(proof: Proof, after: Render, renderer: Renderer, profile: Profile, target: Target): Proof {
  const remaining = new Set(wantedReferences(after, renderer, profile).map(({ reference }) => reference));
  const isMoved = ({ reference }: UnmappedReference): boolean =>
    !remaining.has(reference) && remaining.has(formatTargetReference(target, parseReference(reference)));
  const unmapped = proof.residue.filter((entry) => !isMoved(entry));
  const moved = new Set(proof.residue.filter(isMoved).map(({ reference }) => reference));
  return { ...proof, rewritten: proof.rewritten + moved.size, residue: unmapped };
}
