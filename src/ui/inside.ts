import type { Inside } from '../workflows/inside/listed.ts';
import { count, table } from './text.ts';

/** Returns a table of the images found only by the operator image scan; empty if there are none. */
export function insideTable({ found }: Inside): string {
  if (found.length === 0) return '';
  const rows = found.map(({ reference, confidence, confirmed, evidence, file, line, image }) => [
    reference,
    `${confidence}${confirmed ? ', in registry' : ''}`,
    evidence,
    `${image} /${file}${line === undefined ? '' : ` line ${line}`}`,
  ]);
  return table(['CANDIDATE', 'CONFIDENCE', 'EVIDENCE', 'FOUND IN'], rows);
}

/** Returns what the operator image scan read, skipped and left uncertain. */
export function insideSummary(inside: Inside): string {
  const { found, images } = inside;
  if (images.length === 0)
    return 'no operator image was scanned: no chart has a readable image of an operator that may create pods';
  const names = images.map(({ image }) => image).join(', ');
  const older = images.reduce((sum, one) => sum + one.older, 0);
  return [
    `${count(found.length, 'image')} found only inside ${names}; --include-inside adds those of high or medium confidence`,
    ...(older === 0 ? [] : [`${count(older, 'name')} in manifests of older releases not listed`]),
    ...doubts(inside),
  ].join('\n');
}

/** Returns table and summary of the operator image scan. */
export function insideReport(inside: Inside): string {
  return [insideTable(inside), insideSummary(inside)].filter((text) => text !== '').join('\n\n');
}

/** Returns the report for a scan that was not requested explicitly; undefined if there is nothing to report. */
export function insideNews(inside: Inside): string | undefined {
  if (inside.found.length > 0) return insideReport(inside);
  const news = doubts(inside);
  return news.length === 0 ? undefined : news.join('\n');
}

/** Returns a line for each uncertain reference and for each part of an image that was not scanned. */
function doubts({ open, images }: Inside): string[] {
  const uncertain = open.map(({ possible, evidence, file }) => {
    const some = possible.slice(0, 3).join(', ');
    return `not certain (${evidence}, in /${file}): ${some}${possible.length > 3 ? ` or ${possible.length - 3} more` : ''}`;
  });
  return [
    ...uncertain,
    ...images.flatMap(({ image, givenUp }) => givenUp.map((what) => `not scanned in ${image}: ${what}`)),
  ];
}
