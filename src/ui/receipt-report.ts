import type { ReceiptCheck } from '../workflows/verify-receipt.ts';
import { count } from './text.ts';

/** What a registry says of a receipt, for people. */
export function receiptReport({ file, target, finished, items, differences }: ReceiptCheck & { file: string }): string {
  if (differences.length === 0) return `${target} has all ${count(items, 'tag')} as ${file} says, of ${finished}`;
  const lines = differences.map(({ target: name, digest, found, error }) =>
    error === undefined
      ? `  - ${name} is ${found ?? 'not there'}, and was ${digest}`
      : `  - ${name} cannot be asked for: ${error}`,
  );
  return [`${target} is not as ${file} says, of ${finished}:`, ...lines].join('\n');
}
