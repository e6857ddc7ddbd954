import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { UnmappedReference } from '../../src/overrides/proof/proof.ts';
import { type CountingHelm, launcher } from '../../test/support/cli.ts';
import { type CorpusChart, hasReference } from '../../test/support/corpus.ts';
import { root, run } from '../programs.ts';

/** The Helm that renders, and the same for the plugin, which counts its renders. */
export interface Helms {
  readonly helm: string;
  readonly counting: CountingHelm;
}

/** The parts of `values -o json` that are read here. */
interface Answer {
  readonly overrides: Readonly<Record<string, unknown>>;
  readonly changedChart?: { readonly file: string };
  readonly proof: {
    readonly references: number;
    readonly rewritten: number;
    readonly residue: readonly UnmappedReference[];
  };
}

/** Result of `values`. */
export interface Derived {
  /** Undefined if it fails. */
  readonly answer: Answer | undefined;
  readonly status: number | null;
  readonly problem: string;
  readonly seconds: number;
}

/** Derives the overrides of a chart with the built plugin. */
export function derive(chart: CorpusChart, helms: Helms, target: string, more: readonly string[] = []): Derived {
  const args = ['values', chart.archive, '--to', target, ...chart.flags, ...more, '-o', 'json'];
  const { stdout, ...ended } = run(launcher, args, { ...process.env, HELM_BIN: helms.counting.path });
  return { ...ended, answer: stdout === '' ? undefined : (JSON.parse(stdout) as Answer) };
}

/** Renders a chart, or a changed one in its place, with plain Helm. */
export function render(chart: CorpusChart, helm: string, more: readonly string[], options: RenderOptions = {}) {
  const { archive = chart.archive, env = {} } = options;
  const args = ['template', chart.render.releaseName, archive, ...chart.flags, ...more];
  return run(helm, args, { ...process.env, ...env });
}

interface RenderOptions {
  readonly archive?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** References that are not in the chart's own render, so that its overrides cannot map them. */
const ELSEWHERE = new Set(['operator-binary', 'child-chart']);

/** Returns the full names of the truth's references that a render has literally. */
export function leftIn(rendered: string, { images }: CorpusChart): string[] {
  const left = images.filter(({ ref, how }) => !ELSEWHERE.has(how) && /[/:]/.test(ref) && hasReference(rendered, ref));
  return [...new Set(left.map(({ normalized }) => normalized))];
}

/** References that stay public with a post-renderer or a changed chart besides the overrides. */
export interface ProofBeyondOverrides {
  /** Full names that `values` reports as unmapped. */
  readonly unmapped: readonly string[];
  /** Full names that are in Helm's output, reported or not. */
  readonly left: readonly string[];
  readonly problem?: string;
}

const WAYS = { 'post-render': renderThroughPostRenderer, repack: renderChanged };

/**
 * Derives the overrides together with a post-renderer's map, or with a changed chart, and renders with both.
 * @param folder for the files
 */
export function beyondOverrides(
  way: keyof typeof WAYS,
  chart: CorpusChart,
  helms: Helms,
  target: string,
  folder: string,
): ProofBeyondOverrides {
  const out = join(folder, `${way}.yaml`);
  const { answer, problem } = derive(chart, helms, target, [`--residue=${way}`, '--out', out]);
  if (answer === undefined) return { unmapped: [], left: [], problem };
  const rendered = WAYS[way](chart, helms.helm, folder, answer);
  if (rendered.status !== 0) return { unmapped: [], left: [], problem: rendered.problem };
  const unmapped = [...new Set(answer.proof.residue.map(({ reference }) => reference))];
  return { unmapped, left: leftIn(rendered.stdout, chart) };
}

function renderChanged(chart: CorpusChart, helm: string, folder: string, { changedChart }: Answer) {
  const archive = changedChart === undefined ? chart.archive : join(folder, changedChart.file);
  return render(chart, helm, ['-f', join(folder, 'repack.yaml')], { archive });
}

/** The post-renderer is a program for Helm 3, a plugin for Helm 4. */
function renderThroughPostRenderer(chart: CorpusChart, helm: string, folder: string) {
  const plugins = join(folder, 'plugins');
  mkdirSync(plugins, { recursive: true });
  symlinkSync(join(root, 'post-renderer'), join(plugins, 'airgap-post-render'));
  const isOld = run(helm, ['version', '--short']).stdout.startsWith('v3.');
  const renderer = isOld ? join(root, 'scripts/airgap-post-render') : 'airgap-post-render';
  const map = { AIRGAP_POST_RENDER_MAP: join(folder, 'post-render.post-render.json') };
  const env = isOld ? map : { ...map, HELM_PLUGINS: plugins };
  return render(chart, helm, ['-f', join(folder, 'post-render.yaml'), '--post-renderer', renderer], { env });
}
