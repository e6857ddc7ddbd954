import { printableLine } from '../base/printable.ts';
import type { Explained, Explanation } from '../workflows/explain.ts';
import { count, lined } from './text.ts';

/** Maximum number of occurrences in the report; JSON and YAML have all. */
const SHOWN = 40;

/** Formats where a text occurs in rendered charts and whether it was taken as an image. */
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
    lined([`${text} on its own:`, ...verdicts]),
    lined(['Required outside a pod spec:', ...wants]),
  ].join('\n\n');
}

type Evidence = NonNullable<Explanation['bare']>['verdicts'][number]['evidence'];

const EVIDENCE: Readonly<Record<Evidence, string>> = {
  typed: 'as an image field of a pod spec',
  key: 'under a key named image or similar',
  context: 'below a key about images',
  none: 'under any other key',
};
const WIDTH = Math.max(...Object.values(EVIDENCE).map((words) => words.length));

function chartText(
  text: string,
  { name, version, occurrences, profiles, nested }: Explanation['charts'][number],
): string {
  const within =
    nested.length === 0
      ? []
      : [`not searched: the charts that it installs (${nested.join(', ')}); pass them as charts to search them`];
  if (occurrences.length === 0) {
    return lined([
      `${text} does not occur in the manifests of ${name} ${version} (profiles: ${profiles.join(', ')})`,
      ...within,
    ]);
  }
  const taken = occurrences.filter((one) => one.taken);
  const ordered = [...taken, ...occurrences.filter((one) => !one.taken)];
  const more = ordered.length > SHOWN ? [`and ${ordered.length - SHOWN} more (-o json lists all)`] : [];
  const title = `${text} occurs in ${count(occurrences.length, 'location')} of ${name} ${version}, taken as an image in ${taken.length}`;
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
