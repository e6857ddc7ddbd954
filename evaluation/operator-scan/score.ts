import type { ConfirmedCandidate } from '../../src/operator-scan/image/confirm.ts';
import { table } from '../page.ts';
import type { Operator } from './truth.ts';

/** Output of measure.ts. */
export interface Measured {
  readonly candidates: readonly ConfirmedCandidate[];
  /** Number of requests to registries. */
  readonly requests: number;
  readonly programBytes: number;
  readonly textBytes: number;
  /** Wall time and processor time of the scan, in seconds. */
  readonly seconds: number;
  readonly cpu: number;
  /** Bytes above the memory before the scan: at its peak, and after it. */
  readonly peak: number;
  readonly held: number;
}

/** Result of the scan of one operator. */
export interface Score {
  readonly title: string;
  readonly truth: number;
  readonly whole: readonly string[];
  readonly recombined: readonly string[];
  readonly low: readonly string[];
  readonly absent: readonly string[];
  /** Found with high or medium confidence, and not chosen by the operator as its chart installs it. */
  readonly extras: readonly string[];
  readonly high: number;
  readonly falseHigh: readonly string[];
  readonly measured: Measured;
}

/** Goals: share of wrong findings with high confidence, processor seconds per 100 MB, and memory per byte of program. */
const MOST_FALSE = 0.05;
const MOST_SECONDS = 1.5;
const MOST_MEMORY = 3;
const HUNDRED = 100e6;

/** Compares the findings in one operator's image with the images that it chooses. */
export function scoreOf(
  { name, version, image }: Pick<Operator, 'name' | 'version' | 'image'>,
  truth: readonly string[],
  measured: Measured,
): Score {
  const sure = measured.candidates.filter(({ confidence, reference }) => confidence !== 'low' && reference !== image);
  const isTrue = new Set(truth);
  const of = (list: readonly ConfirmedCandidate[]): string[] =>
    list.map(({ reference }) => reference).filter((reference) => isTrue.has(reference));
  const whole = of(sure.filter(({ kind }) => kind !== 'recombined'));
  const recombined = of(sure.filter(({ kind }) => kind === 'recombined'));
  const low = of(measured.candidates.filter(({ confidence }) => confidence === 'low'));
  const found = new Set([...whole, ...recombined, ...low]);
  const high = sure.filter(({ confidence }) => confidence === 'high');
  const extra = (list: readonly ConfirmedCandidate[]): string[] =>
    list.map(({ reference }) => reference).filter((reference) => !isTrue.has(reference));
  return {
    title: `${name} ${version}`,
    truth: truth.length,
    ...{ whole, recombined, low, measured },
    absent: truth.filter((reference) => !found.has(reference)),
    extras: extra(sure),
    high: high.length,
    falseHigh: extra(high),
  };
}

const HEAD = [
  ...['operator', 'images', 'literal', 'recombined', 'low only', 'missed', 'extra, high', 'extra, medium', 'requests'],
  ...['s / 100 MB', 'CPU s / 100 MB', 'program, MB', 'memory / program'],
];

/** Formats a Markdown table with a row for each operator. */
export function tableOf(scores: readonly Score[]): string {
  const rows = scores.map(({ title, truth, whole, recombined, low, absent, extras, falseHigh, measured }) => [
    ...[title, truth, whole.length, recombined.length, low.length, absent.length],
    ...[falseHigh.length, extras.length - falseHigh.length, measured.requests],
    per(measured.seconds, measured).toFixed(2),
    per(measured.cpu, measured).toFixed(2),
    (measured.programBytes / 1e6).toFixed(0),
    (measured.peak / measured.programBytes).toFixed(1),
  ]);
  return table(HEAD, rows);
}

/** Seconds per 100 MB of scanned content. */
function per(seconds: number, { programBytes, textBytes }: Measured): number {
  return (seconds * HUNDRED) / (programBytes + textBytes);
}

/** Formats the sums as sentences. */
export function totalsOf(scores: readonly Score[]): string {
  const sum = (count: (score: Score) => number): number => scores.reduce((total, score) => total + count(score), 0);
  const truth = sum((score) => score.truth);
  const found = sum((score) => score.whole.length + score.recombined.length);
  const high = sum((score) => score.high);
  const wrong = sum((score) => score.falseHigh.length);
  const heldMost = Math.max(...scores.map(({ measured }) => measured.held)) / 1e6;
  return [
    `${found} of ${truth} references are found with high or medium confidence, ${sum((score) => score.low.length)} more with low confidence.`,
    `${wrong} of ${high} findings with high confidence are wrong.`,
    `At most ${heldMost.toFixed(1)} MB of memory remain in use after a scan.`,
  ].join(' ');
}

/** Returns the missed goals. */
export function faults(scores: readonly Score[]): string[] {
  const high = scores.reduce((total, score) => total + score.high, 0);
  const wrong = scores.flatMap((score) => score.falseHigh);
  return [
    ...(wrong.length > high * MOST_FALSE
      ? [`${wrong.length} of ${high} findings with high confidence are wrong: ${wrong.join(', ')}`]
      : []),
    ...scores.flatMap(({ title, measured }) => [
      ...(per(measured.cpu, measured) > MOST_SECONDS
        ? [`${title} takes longer than ${MOST_SECONDS} s per 100 MB`]
        : []),
      ...(measured.peak / measured.programBytes > MOST_MEMORY
        ? [`${title} takes more than ${MOST_MEMORY} times its program's memory`]
        : []),
    ]),
  ];
}
