import { count } from '../../base/count.ts';
import { unallowed } from '../../inventory/missing-images.ts';
import type { Verification } from '../../workflows/verify/verify.ts';
import type { ReceiptCheck, ReceiptDifference } from '../../workflows/verify/verify-receipt.ts';
import { deltaReport } from './inspect.ts';
import { missingLines } from './missing.ts';
import { notKnownLines } from './not-known.ts';
import { countContent, formatBytes, joinLines } from './text.ts';

/** Formats the result of checking a bundle. */
export function verifyReport(verification: Verification): string {
  const {
    file,
    size,
    blobs,
    charts,
    images,
    tools = [],
    delta,
    signedBy = [],
    packedByAnother,
    problems,
    missing = [],
    notKnown,
  } = verification;
  if (problems.length === 0) {
    const toolCount = tools.length === 0 ? '' : `, ${count(tools.length, 'tool')}`;
    const items = `${countContent(charts.length, images.length)}${toolCount}`;
    const content = `${items}, ${count(blobs, 'blob')}, ${formatBytes(size)}`;
    const signed = signedBy.map((fingerprint) => `signed by ${fingerprint}`);
    const packed = packedByAnother
      ? ['repacked by another tool: the content was checked, not the layout of the archive']
      : [];
    const state = unallowed(missing).length === 0 ? 'complete and undamaged' : 'undamaged, but not complete';
    return [
      `${file} is ${state}: ${content}`,
      ...missingLines(missing),
      ...notKnownLines(notKnown),
      ...signed,
      ...packed,
      ...deltaReport(delta),
    ].join('\n');
  }
  const lines = problems.map(
    ({ message, affects }) => `  - ${message}${affects.length > 0 ? ` (affects ${affects.join(', ')})` : ''}`,
  );
  return joinLines([`${file} is damaged:`, ...lines]);
}

/** Formats the comparison of a receipt with the registry. */
export function receiptReport({ file, target, finished, ...check }: ReceiptCheck & { file: string }): string {
  const { items, referrers, refused, differences, missing = [] } = check;
  if (differences.length + missing.length > 0) {
    const lines = differences.length === 0 ? [] : [`${target} differs from ${file} (${finished}):`];
    lines.push(...differences.map(differenceText));
    if (missing.length > 0) lines.push(`${file} does not list all content of the bundle:`);
    return joinLines([...lines, ...missing.map((message) => `  - ${message}`)]);
  }
  const referrerCount = referrers === 0 ? '' : ` and ${count(referrers, 'referrer')}`;
  const rejected = refused === 0 ? [] : [`  ${count(refused, 'referrer')} rejected by the registry during that push`];
  return [`${target} has all ${count(items, 'tag')}${referrerCount} of ${file} (${finished})`, ...rejected].join('\n');
}

function differenceText({ target, digest, found, unlisted, error }: ReceiptDifference): string {
  if (error !== undefined) return `  - ${target} cannot be checked: ${error}`;
  if (unlisted !== undefined) return `  - ${target} exists but is no longer listed as a referrer of ${unlisted}`;
  return `  - ${target} is ${found ?? 'missing'}, was ${digest}`;
}
