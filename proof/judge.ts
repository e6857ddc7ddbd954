import type { CorpusChart } from '../test/support/corpus.ts';
import type { UnmappedReference } from '../src/overrides/proof/proof.ts';
import { changedChart } from './changed-chart.ts';
import { join } from 'node:path';
import { leftIn } from './left.ts';
import { lineOf, unpack } from './hard-coded.ts';
import { reasonOf } from './explain.ts';
import { type CountingHelm, run } from './programs.ts';
import { type Difference, differences, fieldOf } from './difference.ts';
import { type ProofBeyondOverrides, postRendered } from './post-rendered.ts';
import { writeFileSync } from 'node:fs';

/** Targets: a private ECR, and a host with a port, which some charts cannot handle. */
export const TARGETS = [
  '123456789012.dkr.ecr.eu-central-1.amazonaws.com/mirror',
  'registry.example:5000/mirror',
] as const;

export interface LocatedUnmapped extends UnmappedReference {
  /** Line of the template, counted from 1; undefined if the template does not have it literally. */
  readonly line: number | undefined;
  /** A value would map it, but the chart refuses that value, for example by a schema without ports. */
  readonly isRefused: boolean;
}

/** Verdict on the overrides of one chart. */
export interface Judged {
  readonly chart: string;
  /** Figures of `values`. */
  readonly references: number;
  readonly rewritten: number;
  readonly unmapped: readonly LocatedUnmapped[];
  /** References of the truth that are in the render and not reported as unmapped. */
  readonly silent: readonly string[];
  /** Fields that differ for no accepted reason. */
  readonly changes: readonly Difference[];
  readonly renders: number;
  /** Wall time of `values`, relative to one bare render. */
  readonly ratio: number;
  /** With a post-renderer; undefined if nothing is left for it. */
  readonly after?: ProofBeyondOverrides;
  /** With a changed chart in place of a post-renderer. */
  readonly changed?: ProofBeyondOverrides;
  /** Message of a failure. */
  readonly problem?: string;
}

/** The parts of `values -o json` that are read here. */
export interface Answer {
  readonly overrides: Readonly<Record<string, unknown>>;
  readonly changedChart?: { readonly file: string };
  readonly proof: {
    readonly references: number;
    readonly rewritten: number;
    readonly residue: readonly UnmappedReference[];
  };
}

export interface Programs {
  readonly airgap: string;
  readonly helm: string;
  readonly counting: CountingHelm;
}

/**
 * Derives the overrides of a chart with the built plugin, and compares plain Helm's renders without and with them.
 * @param folder an empty folder
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
  const nothing = { references: 0, rewritten: 0, unmapped: [], silent: [], changes: [] };
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
    unmapped: proof.residue.map((each) => ({
      ...each,
      line: lineOf(unpacked, each.template, each.written),
      isRefused: /\b(?:refuse|reject|schema|not accept)/i.test(each.because ?? ''),
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

/** Keys that are set to true. */
function switchesOf(overrides: unknown): string[] {
  if (typeof overrides !== 'object' || overrides === null) return [];
  return Object.entries(overrides).flatMap(([key, value]) => (value === true ? [key] : switchesOf(value)));
}

/** Returns whether every reference is private, or reported and out of reach of any value; and nothing else differs. */
export function isGood({ silent, changes, unmapped, problem }: Judged): boolean {
  const isUnreachable = unmapped.every(({ line, isRefused }) => line !== undefined || isRefused);
  return silent.length === 0 && changes.length === 0 && isUnreachable && problem === undefined;
}
