import { count } from '../../base/count.ts';
import { printableLine } from '../../base/printable.ts';
import type { Missing } from '../../inventory/missing-images.ts';
import { locationText } from './images.ts';

/** Maximum number of missing images in a report; JSON has all. */
const MAX_SHOWN = 20;

/** Formats the images that are needed and do not exist, with who needs them. No lines without any. */
export function missingLines(missing: readonly Missing[]): string[] {
  if (missing.length === 0) return [];
  const more = missing.length - MAX_SHOWN;
  return [
    `missing, ${count(missing.length, 'image')} that the registries do not have:`,
    ...missing.slice(0, MAX_SHOWN).map((image) => `  ${printableLine(missingText(image))}`),
    ...(more > 0 ? [`  and ${more} more (-o json lists all)`] : []),
  ];
}

function missingText({ reference, why, allowed, found }: Missing): string {
  const [first] = found;
  const needed =
    first === undefined ? '' : `, needed by ${first.chart === '' ? '' : `${first.chart}: `}${locationText(first)}`;
  const accepted =
    allowed === undefined ? '' : `; accepted${allowed.reason === undefined ? '' : `: ${allowed.reason}`}`;
  return `${reference}${needed}: ${why}${accepted}`;
}
