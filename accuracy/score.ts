import { formatReference, tryParseReference } from '../src/oci/reference.ts';
import type { CorpusChart } from '../test/support/corpus.ts';
import type { Found } from './found.ts';

/**
 * Whose reference it is: one of the chart's own render; one that only an operator's binary knows; one of a chart that
 * the chart's jobs install. Each is scored apart. A reference that is of the chart's own too is of that kind alone.
 */
export type Kind = 'own' | 'operator' | 'child';

/** References of one kind, normalised, each once. */
export interface Part {
  readonly wanted: readonly string[];
  readonly missed: readonly string[];
}

/** How one search did on one chart. */
export interface Score extends Readonly<Record<Kind, Part>> {
  readonly chart: string;
  /** Found and not in the truth. */
  readonly invented: readonly Found[];
  /** Those of the invented that the truth warns of. */
  readonly traps: readonly Found[];
}

/** Scores of many charts together. */
export interface Total extends Readonly<Record<Kind, { readonly wanted: number; readonly found: number }>> {
  readonly invented: number;
  readonly traps: number;
  /** Of the charts' own images: found / wanted, between 0 and 1. */
  readonly recall: number;
  /** Of the charts' own images: found / (found + invented), between 0 and 1. */
  readonly precision: number;
}

/** Compares what was found with certainty enough to be bundled with a chart's truth. */
export function score(chart: CorpusChart, found: readonly Found[]): Score {
  const kinds = kindsOf(chart);
  const sure = found.filter(({ confidence }) => confidence !== 'possible');
  const references = new Set(sure.map(({ reference }) => reference));
  const part = (kind: Kind): Part => {
    const wanted = [...kinds].filter(([, of]) => of === kind).map(([reference]) => reference);
    return { wanted, missed: wanted.filter((reference) => !references.has(reference)) };
  };
  const invented = sure.filter(({ reference }) => !kinds.has(reference) && !chart.ambiguous.includes(reference));
  const traps = invented.filter((one) => chart.traps.some((trap) => isTrap(trap, one)));
  return { chart: chart.name, own: part('own'), operator: part('operator'), child: part('child'), invented, traps };
}

function kindsOf({ images }: CorpusChart): Map<string, Kind> {
  const kinds = new Map<string, Kind>();
  for (const { normalized, how } of images) {
    const kind = how === 'operator-binary' ? 'operator' : how === 'child-chart' ? 'child' : 'own';
    const other = kinds.get(normalized);
    if (other === undefined || kind === 'own' || other === 'operator') kinds.set(normalized, kind);
  }
  return kinds;
}

/** The truth quotes a text, at times more of it than was taken, at times its beginning and `...`. */
function isTrap(trap: string, { reference, written }: Found): boolean {
  const parsed = tryParseReference(trap);
  if (parsed !== undefined && formatReference(parsed) === reference) return true;
  const beginning = trap.endsWith('...') ? trap.slice(0, -3) : undefined;
  return written.some((text) => trap.includes(text) || (beginning !== undefined && text.startsWith(beginning)));
}

/** Adds up. Where nothing was wanted, nothing was missed. */
export function totalOf(scores: readonly Score[]): Total {
  const sum = (count: (score: Score) => number): number => scores.reduce((all, each) => all + count(each), 0);
  const part = (kind: Kind): Total['own'] => {
    const wanted = sum((each) => each[kind].wanted.length);
    return { wanted, found: wanted - sum((each) => each[kind].missed.length) };
  };
  const own = part('own');
  const invented = sum((each) => each.invented.length);
  return {
    own,
    operator: part('operator'),
    child: part('child'),
    invented,
    traps: sum((each) => each.traps.length),
    recall: own.wanted === 0 ? 1 : own.found / own.wanted,
    precision: invented === 0 ? 1 : own.found / (own.found + invented),
  };
}

/** Whether nothing is missing but what only an operator's binary knows, and next to nothing is invented. */
export function isGood({ own, child, traps, precision }: Total): boolean {
  return own.found === own.wanted && child.found === child.wanted && precision >= 0.99 && traps === 0;
}
