import type { Difference, ReceiptCheck } from '../workflows/verify-receipt.ts';
import { count, lined } from './text.ts';

/** What a registry says of a receipt, for people. */
export function receiptReport({ file, target, finished, ...check }: ReceiptCheck & { file: string }): string {
  const { items, referrers, refused, differences, missing = [] } = check;
  if (differences.length + missing.length > 0) {
    const lines = differences.length === 0 ? [] : [`${target} is not as ${file} says, of ${finished}:`];
    lines.push(...differences.map(differenceText));
    if (missing.length > 0) lines.push(`${file} does not list all of the bundle:`);
    return lined([...lines, ...missing.map((what) => `  - ${what}`)]);
  }
  const belonging = referrers === 0 ? '' : ` and ${count(referrers, 'signature')} and the like`;
  const left = refused === 0 ? [] : [`  ${refused} of what belongs to images it did not take then`];
  return [`${target} has all ${count(items, 'tag')}${belonging} as ${file} says, of ${finished}`, ...left].join('\n');
}

function differenceText({ target, digest, found, unlisted, error }: Difference): string {
  if (error !== undefined) return `  - ${target} cannot be asked for: ${error}`;
  if (unlisted !== undefined) return `  - ${target} is there, and no longer listed as belonging to ${unlisted}`;
  return `  - ${target} is ${found ?? 'not there'}, and was ${digest}`;
}
