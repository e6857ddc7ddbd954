import { count } from '../../base/count.ts';
import type { ReceiptCheck, ReceiptDifference } from '../../workflows/verify/verify-receipt.ts';
import { joinLines } from './text.ts';

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
