import type { Inside } from '../workflows/inside/listed.ts';
import { count, table } from './text.ts';

/** What only the files of operators' images name, for people. */
export function insideReport({ found, open, images }: Inside): string {
  if (images.length === 0)
    return 'no operator was looked into: the charts have none that may create pods by itself and whose image can be read';
  const rows = found.map(({ reference, confidence, confirmed, evidence, file, line, image }) => [
    reference,
    `${confidence}${confirmed ? ', is there' : ''}`,
    evidence,
    `${image} /${file}${line === undefined ? '' : ` line ${line}`}`,
  ]);
  const names = images.map(({ image }) => image).join(', ');
  const older = images.reduce((sum, one) => sum + one.older, 0);
  const summary = [
    `${count(found.length, 'image')} named inside ${names} and nowhere else; --include-inside takes what is high or medium`,
    ...(older === 0 ? [] : [`${count(older, 'name')} in manifests of older releases are not listed`]),
    ...open.map(({ possible, evidence, file }) => {
      const some = possible.slice(0, 3).join(', ');
      return `not certain (${evidence}, in /${file}): ${some}${possible.length > 3 ? ` or ${possible.length - 3} more` : ''}`;
    }),
    ...images.flatMap(({ image, givenUp }) => givenUp.map((what) => `not looked at in ${image}: ${what}`)),
  ].join('\n');
  return rows.length === 0 ? summary : `${table(['MAY BE CHOSEN', 'SURE', 'SINCE', 'NAMED IN'], rows)}\n\n${summary}`;
}
