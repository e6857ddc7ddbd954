import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Residue } from '../src/overrides/proof.ts';
import type { CorpusChart } from '../test/support/corpus.ts';
import { changedChart } from './changed-chart.ts';
import { type Difference, differences, fieldOf } from './difference.ts';
import { reasonOf } from './explain.ts';
import { lineOf, unpack } from './hard-coded.ts';
import { leftIn } from './left.ts';
import { type Otherwise, postRendered } from './post-rendered.ts';
import { type CountingHelm, run } from './programs.ts';

/** Where everything goes: a private ECR, and a host with a port, which is what charts trip over. */
export const TARGETS = [
  '123456789012.dkr.ecr.eu-central-1.amazonaws.com/mirror',
  'registry.example:5000/mirror',
] as const;

export interface PlacedResidue extends Residue {
  /** In the template, counted from 1; undefined when the template does not have it in so many words. */
  readonly line: number | undefined;
  /** Whether `values` tells that a value would do and the chart refuses it, as a schema without ports does. */
  readonly isRefused: boolean;
}

/** How the overrides of one chart did. */
export interface Judged {
  readonly chart: string;
  /** What `values` says. */
  readonly references: number;
  readonly rewritten: number;
  readonly residue: readonly PlacedResidue[];
  /** References of the truth that stand in the render and not in the residue. */
  readonly silent: readonly string[];
  /** Fields that differ for another reason than a reference, a switch, or the sum of something that differs. */
  readonly changes: readonly Difference[];
  readonly renders: number;
  /** Wall time, of `values` to one bare render. */
  readonly ratio: number;
  /** Undefined when nothing is left for a post-renderer. */
  readonly after?: Otherwise;
  /** The same with a changed chart in place of a post-renderer. */
  readonly changed?: Otherwise;
  /** What ended badly. */
  readonly problem?: string;
}

/** `values -o json`, as far as it is read here. */
export interface Answer {
  readonly overrides: Readonly<Record<string, unknown>>;
  readonly changedChart?: { readonly file: string };
  readonly proof: { readonly references: number; readonly rewritten: number; readonly residue: readonly Residue[] };
}

export interface Programs {
  readonly airgap: string;
  readonly helm: string;
  readonly counting: CountingHelm;
}

/**
 * Derives the overrides of a chart as users do, and looks at what plain Helm makes of them.
 * @param folder an empty one
 */
export function judge(chart: CorpusChart, programs: Programs, target: string, folder: string): Judged {
  const { airgap, helm, counting } = programs;
  const render = (more: readonly string[]) => {
    const args = ['template', chart.render.releaseName, chart.archive, ...chart.flags, ...more];
    return run(helm, args, process.env);
  };
  const bare = [render([])];
  counting.take();
  const env = { ...process.env, HELM_BIN: counting.path };
  const tool = run(airgap, ['values', chart.archive, '--to', target, ...chart.flags, '-o', 'json'], env);
  const renders = counting.take();
  bare.push(render([]));
  const [before = '', again = ''] = bare.map(({ stdout }) => stdout);
  const ratio = tool.seconds / Math.min(...bare.map(({ seconds }) => seconds));
  const nothing = { references: 0, rewritten: 0, residue: [], silent: [], changes: [] };
  const failed = { ...nothing, chart: chart.name, renders, ratio };
  if (tool.stdout === '') return { ...failed, problem: tool.stderr.trim().slice(-600) };
  const { overrides, proof } = JSON.parse(tool.stdout) as Answer;
  const file = join(folder, 'overrides.json');
  writeFileSync(file, JSON.stringify(overrides));
  const after = render(['-f', file]);
  if (after.status !== 0) return { ...failed, problem: after.stderr.trim().slice(-600) };

  const left = leftIn(after.stdout, chart);
  const named = new Set(proof.residue.map(({ reference }) => reference));
  const random = new Set(differences(before, again).map(fieldOf));
  const operands = chart.images.filter(({ how }) => how === 'operator-binary').map(({ normalized }) => normalized);
  const expected = { target, switches: switchesOf(overrides), operands };
  const changes = differences(before, after.stdout).filter(
    (difference) => !random.has(fieldOf(difference)) && reasonOf(difference, expected) === 'other',
  );
  const unpacked = proof.residue.length === 0 ? '' : unpack(chart.archive, join(folder, 'unpacked'));
  return {
    chart: chart.name,
    references: proof.references,
    rewritten: proof.rewritten,
    residue: proof.residue.map((one) => ({
      ...one,
      line: lineOf(unpacked, one.template, one.written),
      isRefused: /\b(?:refuse|reject|schema|not accept)/i.test(one.because ?? ''),
    })),
    silent: left.filter((reference) => !named.has(reference)),
    changes,
    renders,
    ratio,
    ...(proof.residue.length === 0
      ? {}
      : {
          after: postRendered(chart, programs, target, folder),
          changed: changedChart(chart, programs, target, folder),
        }),
    ...(tool.status === (proof.residue.length === 0 ? 0 : 3) ? {} : { problem: `values ended with ${tool.status}` }),
  };
}

/** Keys of what is switched on. */
function switchesOf(overrides: unknown): string[] {
  if (typeof overrides !== 'object' || overrides === null) return [];
  return Object.entries(overrides).flatMap(([key, value]) => (value === true ? [key] : switchesOf(value)));
}

/** Whether everything is private, or named and out of reach of any value; and nothing else differs. */
export function isGood({ silent, changes, residue, problem }: Judged): boolean {
  const isBeyond = residue.every(({ line, isRefused }) => line !== undefined || isRefused);
  return silent.length === 0 && changes.length === 0 && isBeyond && problem === undefined;
}
