import { count, firstOf } from '../../base/count.ts';
import type { OperatorScanReport } from '../../operator-scan/index.ts';
import type { Block, Report, Table } from './report.ts';
import { joinLines } from './text.ts';

/** Maximum number of operator images in the summary; the table names them all. */
const MAX_NAMES = 3;

/** Returns a table of the images found only by the operator image scan; nothing if there are none. */
function operatorScanTable({ found }: OperatorScanReport): Table[] {
  if (found.length === 0) return [];
  const rows = found.map(({ reference, confidence, confirmed, evidence, file, line, image }) => [
    reference,
    `${confidence}${confirmed ? ', in registry' : ''}`,
    evidence,
    `${image} /${file}${line === undefined ? '' : ` line ${line}`}`,
  ]);
  return [{ head: ['CANDIDATE', 'CONFIDENCE', 'EVIDENCE', 'FOUND IN'], rows }];
}

/** Returns what the operator image scan read, skipped and left uncertain. */
function operatorScanSummary(scan: OperatorScanReport): string {
  const { found, images } = scan;
  if (images.length === 0)
    return 'no operator image was scanned: no chart has a readable image of an operator that may create pods';
  const names = firstOf(
    images.map(({ image }) => image),
    MAX_NAMES,
  );
  const olderNames = images.reduce((sum, { older }) => sum + older, 0);
  return joinLines([
    `${count(found.length, 'image')} found only inside ${names}`,
    ...(found.length === 0 ? [] : ['--include-inside adds those of high or medium confidence']),
    ...(olderNames === 0 ? [] : [`${count(olderNames, 'name')} in manifests of older releases not listed`]),
    ...scanGaps(scan),
  ]);
}

/** Formats the operator image scan: a table of what it found, and a summary as note. */
export function operatorScanReport(scan: OperatorScanReport): Report {
  return { result: operatorScanTable(scan), notes: [operatorScanSummary(scan)] };
}

/** Returns notes on a scan that was not requested explicitly; empty if there is nothing to report. */
export function operatorScanNotes(scan: OperatorScanReport): readonly Block[] {
  if (scan.found.length > 0) return [...operatorScanTable(scan), operatorScanSummary(scan)];
  const gaps = scanGaps(scan);
  return gaps.length === 0 ? [] : [joinLines(gaps)];
}

/** Returns a line for each uncertain reference and for each part of an image that was not scanned. */
function scanGaps({ open, images }: OperatorScanReport): string[] {
  const uncertain = open.map(({ possible, evidence, file }) => {
    const examples = possible.slice(0, 3).join(', ');
    return `not certain (${evidence}, in /${file}): ${examples}${possible.length > 3 ? ` or ${possible.length - 3} more (-o json lists all)` : ''}`;
  });
  return [
    ...uncertain,
    ...images.flatMap(({ image, givenUp }) => givenUp.map((part) => `not scanned in ${image}: ${part}`)),
  ];
}
