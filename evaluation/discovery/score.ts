import { formatReference, tryParseReference } from '../../src/oci/reference.ts';
import type { CorpusChart } from '../../test/support/corpus.ts';
import type { Found } from './search.ts';

/**
 * Origin of a reference: the chart's own render, an operator's binary only, or a chart that the chart's jobs install. Each
 * is scored separately. References that are in the chart's own render too count as `own` only.
 */
export type Kind = 'own' | 'operator' | 'child';

/** References of one kind, normalised, each once. */
interface KindScore {
  readonly expected: readonly string[];
  readonly missed: readonly string[];
}

/** Result of one search on one chart. */
export interface Score extends Readonly<Record<Kind, KindScore>> {
  readonly chart: string;
  /** References that are found and not in the truth. */
  readonly falsePositives: readonly Found[];
  /** False positives that the truth lists as traps. */
  readonly traps: readonly Found[];
}

/** Sums of the scores of many charts. */
export interface Total extends Readonly<Record<Kind, { readonly expected: number; readonly found: number }>> {
  readonly falsePositives: number;
  readonly traps: number;
  /** Of the charts' own images: found / expected, between 0 and 1. */
  readonly recall: number;
  /** Of the charts' own images: found / (found + false positives), between 0 and 1. */
  readonly precision: number;
}

/** Compares the references that would be bundled with a chart's truth. */
export function score(chart: CorpusChart, found: readonly Found[]): Score {
  const kinds = kindsOf(chart);
  const sure = found.filter(({ confidence }) => confidence !== 'possible');
  const references = new Set(sure.map(({ reference }) => reference));
  const scoreOf = (kind: Kind): KindScore => {
    const expected = [...kinds].filter(([, of]) => of === kind).map(([reference]) => reference);
    return { expected, missed: expected.filter((reference) => !references.has(reference)) };
  };
  const falsePositives = sure.filter(({ reference }) => !kinds.has(reference) && !chart.ambiguous.includes(reference));
  const traps = falsePositives.filter((each) => chart.traps.some((trap) => isTrap(trap, each)));
  const [own, operator, child] = [scoreOf('own'), scoreOf('operator'), scoreOf('child')];
  return { chart: chart.name, own, operator, child, falsePositives, traps };
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

/** The truth quotes a trap's text, sometimes with more around it, sometimes its beginning with `...`. */
function isTrap(trap: string, { reference, written }: Found): boolean {
  const parsed = tryParseReference(trap);
  if (parsed !== undefined && formatReference(parsed) === reference) return true;
  const beginning = trap.endsWith('...') ? trap.slice(0, -3) : undefined;
  return written.some((text) => trap.includes(text) || (beginning !== undefined && text.startsWith(beginning)));
}

/** Sums up scores. Recall is 1 if nothing was expected. */
export function totalOf(scores: readonly Score[]): Total {
  const sum = (count: (score: Score) => number): number => scores.reduce((all, each) => all + count(each), 0);
  const totalOfKind = (kind: Kind): Total['own'] => {
    const expected = sum((each) => each[kind].expected.length);
    return { expected, found: expected - sum((each) => each[kind].missed.length) };
  };
  const own = totalOfKind('own');
  const falsePositives = sum((each) => each.falsePositives.length);
  return {
    own,
    operator: totalOfKind('operator'),
    child: totalOfKind('child'),
    falsePositives,
    traps: sum((each) => each.traps.length),
    recall: own.expected === 0 ? 1 : own.found / own.expected,
    precision: falsePositives === 0 ? 1 : own.found / (own.found + falsePositives),
  };
}

/** Returns whether all references except operator images are found, with hardly any false positives. */
export function isGood({ own, child, traps, precision }: Total): boolean {
  return own.found === own.expected && child.found === child.expected && precision >= 0.99 && traps === 0;
}
