import { join } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { fieldsOf, isMapping, type NestedChart, nestedCharts } from '../../discovery/nested/index.ts';
import { parseEcrHost } from '../../ecr/hosts.ts';
import type { ChartSources } from '../../helm/chart-mirrors.ts';
import { type Chart, fetchChart } from '../../helm/fetch.ts';
import type { Helm } from '../../helm/helm.ts';
import { type Render, Renderer, type Values } from '../../helm/render.ts';
import { formatPath, type LeafPath, valueAt } from '../../influence/leaves.ts';
import { type Target, targetText } from '../../oci/naming.ts';
import { parseReference } from '../../oci/reference.ts';
import { type Setting, valuesOf } from '../../overrides/document.ts';
import { type Entry, withEntries } from '../../overrides/formats/aggregate.ts';
import type { Proof, Residue } from '../../overrides/proof.ts';
import type { Context } from '../context.ts';
import type { NestedHosts } from '../search/nested-hosts.ts';
import { installOptions, requestOf } from '../search/nested-install.ts';
import type { Profile } from '../search/search-render.ts';
import { ValuesTrace } from '../search/values-trace.ts';
import { addressEntries } from './aggregate-address.ts';
import { type OverrideOptions, overrideChart } from './override-chart.ts';
import { surePlaces } from './shown.ts';

export interface AggregateSearch {
  readonly context: Context;
  readonly helm: Helm;
  readonly target: Target;
  /** For downloads and renders. */
  readonly folder: string;
  readonly sources: ChartSources;
  /** Decides which addresses that charts name may be asked, and tells of each host once. */
  readonly hosts: NestedHosts;
  /** Whether the installer is told to log in to a private ECR. */
  readonly ecrAuth: boolean;
  /** What is known about a chart before it is rendered. */
  optionsFor(chart: Chart): OverrideOptions;
}

/** One chart of the tree, proved by itself. */
export interface PartProof {
  readonly chart: string;
  readonly version: string;
  /** Its entry in the values of the outermost chart; empty for that one. */
  readonly entry: string;
  readonly proof: Proof;
}

/** A chart with all that it installs. */
export interface Tree {
  readonly base: Values;
  readonly settings: readonly Setting[];
  readonly references: readonly string[];
  readonly parts: readonly PartProof[];
  /** What no values move, or what cannot be shown to be moved, in words. */
  readonly left: readonly string[];
}

/** As deep as charts within charts are searched. */
const DEPTH = 4;

/**
 * Derives the overrides of a chart and of those that entries of its values install, all the way down, as one values
 * tree, each proved with the values that its parent gives it.
 * @param at keys of the chart's values in those of the outermost chart
 */
export async function deriveTree(
  search: AggregateSearch,
  renderer: Renderer,
  profile: Profile,
  at: LeafPath = [],
  depth = 0,
  outer?: ValuesTrace,
): Promise<Tree> {
  const { chart } = renderer;
  const { name, version } = chart.metadata;
  search.context.emit({ type: 'stage', message: `deriving overrides for ${name} ${version}` });
  const own = await overrideChart(renderer, profile, search.target, search.optionsFor(chart));
  const render = await renderer.render(profile.options);
  const left: string[] = [];
  const children: Child[] = [];
  const { folder, context } = search;
  const trace =
    depth === 0
      ? await ValuesTrace.of(renderer, profile.options, join(folder, 'trace'), context.cwd)
      : outer && ValuesTrace.within(renderer, profile.options, outer.hosts);
  for (const nested of nestedCharts(render.documents, render.values)) {
    if (nested.via.values === undefined) {
      const { kind, name: by, template } = nested.via;
      left.push(`chart ${nested.name} ${nested.version} is named by ${kind} ${by} (${template}), not by the values`);
    } else if (depth < DEPTH) {
      const child = await childOf(search, nested, nested.via.values, { render, profile, chart, at, depth, trace });
      if (typeof child === 'string') left.push(child);
      else children.push(child);
    }
  }
  const part = { chart: name, version, entry: formatPath(at), proof: own.proof };
  if (children.length === 0) {
    return { base: own.base, settings: own.settings, references: own.references, parts: [part], left };
  }
  const base = withEntries(own.base, children);
  const shown = await addressEntries(
    children,
    { target: search.target, base, own: [...own.settings, ...loginOf(search)] },
    (overrides) => renderer.render(profile.options, overrides),
  );
  return {
    base,
    settings: shown.settings,
    references: [...new Set([own, ...children].flatMap(({ references }) => references))].sort(),
    parts: [
      { ...part, proof: settled(own.proof, shown.after, renderer, profile, search.target) },
      ...children.flatMap(({ parts }) => parts),
    ],
    left: [...left, ...shown.left, ...children.flatMap((child) => child.left)],
  };
}

interface Child extends Entry, Tree {
  readonly base: Values;
  readonly settings: readonly Setting[];
}

interface Outer {
  readonly render: Render;
  readonly profile: Profile;
  readonly chart: Chart;
  readonly at: LeafPath;
  readonly depth: number;
  readonly trace: ValuesTrace | undefined;
}

/** The child with its tree, or why there is none, in words. */
async function childOf(
  search: AggregateSearch,
  nested: NestedChart,
  path: readonly string[],
  { render, profile, chart: parent, at, depth, trace }: Outer,
): Promise<Child | string> {
  const keys = keysIn(render.values, path);
  const entry = valueAt(render.values, keys);
  if (!isMapping(entry)) return `${formatPath(keys)}: not an entry of the values`;
  const fields = fieldsOf(entry);
  const place = [...keys, fields.values];
  const folder = join(search.folder, formatPath([...at, ...keys]).replace(/[^\w.-]/g, '_'));
  try {
    const request = await requestOf(nested, folder, search.sources.caFile);
    const { context, sources, hosts } = search;
    const allow = hosts.allow(nested, parent.metadata.name, trace);
    const chart = await fetchChart(search.helm, request, folder, context.cwd, sources, allow);
    const options = await installOptions(nested, profile.options, chart, join(folder, 'given.json'), []);
    const renderer = new Renderer(search.helm, chart, join(folder, 'render'));
    const inner = { name: profile.name, options };
    const tree = await deriveTree(search, renderer, inner, [...at, ...place], depth + 1, trace);
    const { name, version } = chart.metadata;
    const overrides = valuesOf(tree.base, tree.settings);
    return { ...tree, keys, fields, name, version, overrides };
  } catch (error) {
    if (!(error instanceof AirgapError) || error.code === 'interrupted') throw error;
    return `${formatPath(keys)}: ${error.message} (which ${parent.metadata.name} brings along)`;
  }
}

/** What has an installer log in before it pulls charts from a private ECR. */
function loginOf({ target: { registry }, ecrAuth }: AggregateSearch): Setting[] {
  if (!ecrAuth || parseEcrHost(registry) === undefined) return [];
  return [{ path: ['ecrAuth', 'registry'], value: registry, comment: 'the installer logs in there to pull charts' }];
}

/** Keys of a list are numbers. */
function keysIn(values: Values, path: readonly string[]): LeafPath {
  const keys: (string | number)[] = [];
  for (const key of path) keys.push(Array.isArray(valueAt(values, keys)) ? Number(key) : key);
  return keys;
}

/**
 * The chart's own proof without the residue that the overrides of its children have moved: what it gives them stands in
 * its render too. Lines of a script are others now, so a reference counts as moved when it stands nowhere any more and
 * its private name does.
 */
function settled(proof: Proof, after: Render, renderer: Renderer, profile: Profile, target: Target): Proof {
  const now = new Set(surePlaces(after, renderer, profile).map(({ reference }) => reference));
  const isMoved = ({ reference }: Residue): boolean =>
    !now.has(reference) && now.has(targetText(target, parseReference(reference)));
  const residue = proof.residue.filter((entry) => !isMoved(entry));
  const moved = new Set(proof.residue.filter(isMoved).map(({ reference }) => reference));
  return { ...proof, rewritten: proof.rewritten + moved.size, residue };
}
