import { type CorpusChart, stands } from '../test/support/corpus.ts';

/** Not in the chart's own render, so that its own overrides do not reach it. */
const ELSEWHERE = new Set(['operator-binary', 'child-chart']);

/** References of the truth, by their full names, that a render has in so many words. */
export function leftIn(rendered: string, { images }: CorpusChart): string[] {
  const left = images.filter(({ ref, how }) => !ELSEWHERE.has(how) && /[/:]/.test(ref) && stands(rendered, ref));
  return [...new Set(left.map(({ normalized }) => normalized))];
}
