import type { Inside } from '../workflows/inside/listed.ts';
import { count, table } from './text.ts';

/** What only the files of operators' images name, for people. */
export function insideReport(inside: Inside): string {
  const { found, images } = inside;
  if (images.length === 0)
    return 'no operator was looked into: the charts have none that may create pods by itself and whose image can be read';
  const names = images.map(({ image }) => image).join(', ');
  const older = images.reduce((sum, one) => sum + one.older, 0);
  const summary = [
    `${count(found.length, 'image')} named inside ${names} and nowhere else; --include-inside takes what is high or medium`,
    ...(older === 0 ? [] : [`${count(older, 'name')} in manifests of older releases are not listed`]),
    ...doubts(inside),
  ].join('\n');
  if (found.length === 0) return summary;
  const rows = found.map(({ reference, confidence, confirmed, evidence, file, line, image }) => [
    reference,
    `${confidence}${confirmed ? ', is there' : ''}`,
    evidence,
    `${image} /${file}${line === undefined ? '' : ` line ${line}`}`,
  ]);
  return `${table(['MAY BE CHOSEN', 'SURE', 'SINCE', 'NAMED IN'], rows)}\n\n${summary}`;
}

/** The same where nobody asked for it: nothing when nothing was found and nothing is doubtful. */
export function insideNews(inside: Inside): string | undefined {
  if (inside.found.length > 0) return insideReport(inside);
  const news = doubts(inside);
  return news.length === 0 ? undefined : news.join('\n');
}

/** What could not be told for sure, and what was not looked at; a line each. */
function doubts({ open, images }: Inside): string[] {
  const uncertain = open.map(({ possible, evidence, file }) => {
    const some = possible.slice(0, 3).join(', ');
    return `not certain (${evidence}, in /${file}): ${some}${possible.length > 3 ? ` or ${possible.length - 3} more` : ''}`;
  });
  return [
    ...uncertain,
    ...images.flatMap(({ image, givenUp }) => givenUp.map((what) => `not looked at in ${image}: ${what}`)),
  ];
}
