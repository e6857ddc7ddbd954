import { printableLine } from '../base/printable.ts';
import type { Explained, Explanation } from '../workflows/explain.ts';
import { count, lined } from './text.ts';

/** More occurrences than anybody reads; programs get them all. */
const SHOWN = 40;

/** Where a text stands and what became of it, for people. */
export function explainReport({ text, charts, bare }: Explanation): string {
  const parts = charts.map((chart) => chartText(text, chart));
  if (bare === undefined) return parts.join('\n\n');
  const verdicts = bare.verdicts.map(({ evidence, taken, reference, confidence, because }) => {
    const outcome = taken ? `taken as ${reference}, ${confidence}` : 'not taken';
    return `  ${EVIDENCE[evidence].padEnd(WIDTH)}  ${outcome}: ${because}`;
  });
  const wants = bare.wants.map((want) => `  ${want}`);
  return [
    ...parts,
    lined([`${text} by itself:`, ...verdicts]),
    lined(['What it takes outside a pod spec:', ...wants]),
  ].join('\n\n');
}

type Evidence = NonNullable<Explanation['bare']>['verdicts'][number]['evidence'];

const EVIDENCE: Readonly<Record<Evidence, string>> = {
  typed: 'as an image field of a pod spec',
  key: 'behind a name that says image',
  context: 'below a name that speaks of images',
  none: 'where no name says so',
};
const WIDTH = Math.max(...Object.values(EVIDENCE).map((words) => words.length));

function chartText(
  text: string,
  { name, version, occurrences, profiles, nested }: Explanation['charts'][number],
): string {
  const within =
    nested.length === 0
      ? []
      : [`not looked at: the charts that it brings along (${nested.join(', ')}); name them as charts to see into them`];
  if (occurrences.length === 0) {
    return lined([`${text} is not in what ${name} ${version} renders (${profiles.join(', ')})`, ...within]);
  }
  const taken = occurrences.filter((one) => one.taken);
  const ordered = [...taken, ...occurrences.filter((one) => !one.taken)];
  const more = ordered.length > SHOWN ? [`and ${ordered.length - SHOWN} more (-o json has them all)`] : [];
  const title = `${text} stands in ${count(occurrences.length, 'place')} of ${name} ${version}, taken in ${taken.length}`;
  const places = ordered.slice(0, SHOWN).map((one) => `${occurrenceText(one, text)}\n`);
  return [printableLine(title), '', ...places, lined([...more, ...within])].join('\n').trimEnd();
}

function occurrenceText(one: Explained, asked: string): string {
  const { kind, name, path, within, template, hook, text, taken, reference, confidence, how, because, profiles } = one;
  const object = kind === '' ? [] : [`${kind}/${name}`];
  const place = [...object, path].filter((part) => part !== '').join(' ');
  const inside = within === undefined ? '' : `, ${within}`;
  const hooked = hook === undefined ? '' : `, hook ${hook}`;
  return lined([
    `  ${taken ? 'taken' : 'not taken'}  ${place}${inside}`,
    `    ${template}, profile ${profiles.join(', ')}${hooked}`,
    ...(text === asked ? [] : [`    text: ${text}`]),
    ...(taken ? [`    as ${reference}, ${confidence} (${how})`] : []),
    `    because ${because}`,
  ]);
}
