import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { UnmappedReference } from '../../src/overrides/proof/proof.ts';
import { withoutTagAndDigest } from '../../src/value-tracing/name-segments.ts';
import type { CorpusChart } from '../../test/support/corpus.ts';
import { escapeRegExp } from '../../test/support/escape-reg-exp.ts';
import { runOk } from '../programs.ts';
import { type Difference, differences, fieldOf, reasonOf } from './differences.ts';
import { beyondOverrides, derive, type Helms, leftIn, type ProofBeyondOverrides, render } from './renders.ts';

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

/**
 * Derives the overrides of a chart with the built plugin, and compares plain Helm's renders without and with them.
 * @param folder an empty folder
 */
export function judge(chart: CorpusChart, helms: Helms, target: string, folder: string): Judged {
  const { helm, counting } = helms;
  const before = render(chart, helm, []);
  const rendersBefore = counting.renders();
  const tool = derive(chart, helms, target);
  const renders = counting.renders() - rendersBefore;
  const again = render(chart, helm, []);
  const ratio = tool.seconds / Math.min(before.seconds, again.seconds);
  const nothing = { references: 0, rewritten: 0, unmapped: [], silent: [], changes: [] };
  const failed = { ...nothing, chart: chart.name, renders, ratio };
  if (tool.answer === undefined) return { ...failed, problem: tool.problem };
  const { overrides, proof } = tool.answer;
  const file = join(folder, 'overrides.json');
  writeFileSync(file, JSON.stringify(overrides));
  const after = render(chart, helm, ['-f', file]);
  if (after.status !== 0) return { ...failed, problem: after.problem };

  const left = leftIn(after.stdout, chart);
  const named = new Set(proof.residue.map(({ reference }) => reference));
  const random = new Set(differences(before.stdout, again.stdout).map(fieldOf));
  const operands = chart.images.filter(({ how }) => how === 'operator-binary').map(({ normalized }) => normalized);
  const expected = { target, switches: switchesOf(overrides), operands };
  const changes = differences(before.stdout, after.stdout).filter(
    (difference) => !random.has(fieldOf(difference)) && reasonOf(difference, expected) === 'other',
  );
  const isComplete = proof.residue.length === 0;
  const unpacked = isComplete ? '' : unpack(chart.archive, join(folder, 'unpacked'));
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
    after: isComplete ? undefined : beyondOverrides('post-render', chart, helms, target, folder),
    changed: isComplete ? undefined : beyondOverrides('repack', chart, helms, target, folder),
    problem: tool.status === (isComplete ? 0 : 3) ? undefined : `values ended with ${tool.status}`,
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

/** Unpacks a chart. @returns the folder */
function unpack(archive: string, folder: string): string {
  mkdirSync(folder, { recursive: true });
  runOk('tar', ['-xzf', archive, '-C', folder]);
  return folder;
}

/**
 * Finds the line, counted from 1, in which a template has a reference literally, so that no value can map it; undefined if
 * the template builds it.
 * @param folder an unpacked chart
 * @param template path as Helm prints it; below an alias the folder has another name, so the path after `templates/` is
 *   compared
 */
export function lineOf(folder: string, template: string, written: string): number | undefined {
  const end = template.slice(template.lastIndexOf('/templates/'));
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => `/${file}`.endsWith(end));
  const [file] = files.includes(template) ? [template] : files;
  if (file === undefined || !template.includes('/templates/')) return undefined;
  const lines = readFileSync(join(folder, file), 'utf8').split('\n');
  const indexes = [written, withoutTagAndDigest(written)].map((text) => lines.findIndex((line) => holds(line, text)));
  const found = indexes.find((index) => index >= 0);
  return found === undefined ? undefined : found + 1;
}

function holds(line: string, text: string): boolean {
  const code = line.replaceAll(/\{\{.*?\}\}/g, (action) => (/["'`]/.test(action) ? action : ''));
  return new RegExp(`(?<![\\w./@-])${escapeRegExp(text)}(?![\\w/-])`).test(code);
}
