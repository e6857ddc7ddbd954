import { count } from '../../base/count.ts';
import type { OperatorScanReport } from '../../operator-scan/index.ts';
import { table } from './text.ts';

/** Returns a table of the images found only by the operator image scan; empty if there are none. */
export function operatorScanTable({ found }: OperatorScanReport): string {
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
export function operatorScanSummary(scan: OperatorScanReport): string {
  const { found, images } = scan;
  if (images.length === 0)
    return 'no operator image was scanned: no chart has a readable image of an operator that may create pods';
  const names = images.map(({ image }) => image).join(', ');
  const olderNames = images.reduce((sum, { older }) => sum + older, 0);
  return [
    `${count(found.length, 'image')} found only inside ${names}; --include-inside adds those of high or medium confidence`,
    ...(olderNames === 0 ? [] : [`${count(olderNames, 'name')} in manifests of older releases not listed`]),
    ...scanGaps(scan),
  ].join('\n');
}

/** Returns table and summary of the operator image scan. */
export function operatorScanReport(scan: OperatorScanReport): string {
  return [operatorScanTable(scan), operatorScanSummary(scan)].filter((text) => text !== '').join('\n\n');
}

/** Returns the report for a scan that was not requested explicitly; undefined if there is nothing to report. */
export function operatorScanNotes(scan: OperatorScanReport): string | undefined {
  if (scan.found.length > 0) return operatorScanReport(scan);
  const gaps = scanGaps(scan);
  return gaps.length === 0 ? undefined : gaps.join('\n');
}

/** Returns a line for each uncertain reference and for each part of an image that was not scanned. */
function scanGaps({ open, images }: OperatorScanReport): string[] {
  const uncertain = open.map(({ possible, evidence, file }) => {
    const examples = possible.slice(0, 3).join(', ');
    return `not certain (${evidence}, in /${file}): ${examples}${possible.length > 3 ? ` or ${possible.length - 3} more` : ''}`;
  });
  return [
    ...uncertain,
    ...images.flatMap(({ image, givenUp }) => givenUp.map((part) => `not scanned in ${image}: ${part}`)),
  ];
}
