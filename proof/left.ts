import { type CorpusChart, hasReference } from '../test/support/corpus.ts';

/** References that are not in the chart's own render, so that its overrides cannot map them. */
const ELSEWHERE = new Set(['operator-binary', 'child-chart']);

/** Full names of the truth's references that a render has literally. */
export function leftIn(rendered: string, { images }: CorpusChart): string[] {
  const left = images.filter(({ ref, how }) => !ELSEWHERE.has(how) && /[/:]/.test(ref) && hasReference(rendered, ref));
  return [...new Set(left.map(({ normalized }) => normalized))];
}
