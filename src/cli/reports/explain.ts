import { count } from '../../base/count.ts';
import { printableLine } from '../../base/printable.ts';
import type { ExplainedOccurrence, ExplainResult } from '../../workflows/images/explain.ts';
import { joinLines } from './text.ts';

/** Maximum number of occurrences in the report; JSON and YAML have all. */
const MAX_SHOWN = 40;

/** Formats where a text occurs in rendered charts and whether it was taken as an image. */
export function explainReport({ text, charts, bare }: ExplainResult): string {
  const chartTexts = charts.map((chart) => chartText(text, chart));
  if (bare === undefined) return chartTexts.join('\n\n');
  const verdicts = bare.verdicts.map(({ evidence, taken, reference, confidence, because }) => {
    const outcome = taken ? `taken as ${reference}, ${confidence}` : 'not taken';
    return `  ${EVIDENCE[evidence].padEnd(EVIDENCE_WIDTH)}  ${outcome}: ${because}`;
  });
  const wants = bare.wants.map((want) => `  ${want}`);
  return [
    ...chartTexts,
    joinLines([`${text} on its own:`, ...verdicts]),
    joinLines(['Required outside a pod spec:', ...wants]),
  ].join('\n\n');
}

type Evidence = NonNullable<ExplainResult['bare']>['verdicts'][number]['evidence'];

const EVIDENCE: Readonly<Record<Evidence, string>> = {
  typed: 'as an image field of a pod spec',
  artifact: 'as a field from which a controller pulls OCI artifacts',
  key: 'under a key named image or similar',
  context: 'below a key about images',
  none: 'under any other key',
};
const EVIDENCE_WIDTH = Math.max(...(['typed', 'key', 'context', 'none'] as const).map((key) => EVIDENCE[key].length));

function chartText(
  text: string,
  { name, version, occurrences, profiles, nested }: ExplainResult['charts'][number],
): string {
  const notSearched =
    nested.length === 0
      ? []
      : [`not searched: the charts that it installs (${nested.join(', ')}); pass them as charts to search them`];
  const subject = `${name} ${version}`.trim();
  if (occurrences.length === 0) {
    const rendered = profiles.length === 0 ? '' : ` (profiles: ${profiles.join(', ')})`;
    return joinLines([
      `${text} does not occur in ${version === '' ? '' : 'the manifests of '}${subject}${rendered}`,
      ...notSearched,
    ]);
  }
  const taken = occurrences.filter((occurrence) => occurrence.taken);
  const ordered = [...taken, ...occurrences.filter((occurrence) => !occurrence.taken)];
  const more = ordered.length > MAX_SHOWN ? [`and ${ordered.length - MAX_SHOWN} more (-o json lists all)`] : [];
  const title = `${text} occurs in ${count(occurrences.length, 'location')} of ${subject}, taken as an image in ${taken.length}`;
  const locations = ordered.slice(0, MAX_SHOWN).map((occurrence) => `${occurrenceText(occurrence, text)}\n`);
  return [printableLine(title), '', ...locations, joinLines([...more, ...notSearched])].join('\n').trimEnd();
}

function occurrenceText(occurrence: ExplainedOccurrence, searchText: string): string {
  const { kind, name, path, within, template, hook, text, taken, reference, confidence, how, because, profiles } =
    occurrence;
  const object = kind === '' ? [] : [`${kind}/${name}`];
  const location = [...object, path].filter((part) => part !== '').join(' ');
  const rendered = profiles.length === 0 ? [] : [`profile ${profiles.join(', ')}`];
  const hooks = hook === undefined ? [] : [`hook ${hook}`];
  const source = [...(template === '' ? [] : [template]), ...rendered, ...hooks].join(', ');
  const withinText = within === undefined ? '' : `, ${within}`;
  return joinLines([
    `  ${taken ? 'taken' : 'not taken'}  ${location}${withinText}`,
    ...(source === '' ? [] : [`    ${source}`]),
    ...(text === searchText ? [] : [`    text: ${text}`]),
    ...(taken ? [`    as ${reference}, ${confidence} (${how})`] : []),
    `    because ${because}`,
  ]);
}
