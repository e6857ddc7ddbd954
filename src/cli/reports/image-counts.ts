import { count } from '../../base/count.ts';
import type { ImageCounts } from '../../inventory/image-counts.ts';

/**
 * Formats the number of images that `images` lists, and how many of them a bundle takes.
 * @param where text on the charts, which follows the number
 */
export function listedImagesText(counts: ImageCounts, where: string): string {
  const { operatorImages, listed, bundled, possible, missing } = counts;
  const shown = count(listed + operatorImages - missing, 'image');
  const parts = [
    ...(possible === 0 ? [] : [`${bundled} that bundle takes`, `${possible} possible (left out unless --include)`]),
    ...numbered(missing, 'more missing from registries'),
  ];
  return `${shown}${where}${parts.length === 0 ? '' : `: ${parts.join(', ')}`}`;
}

/** Formats why a bundle or lock file has other images than `images` lists; empty if it has the same ones. */
export function countDifference(counts: ImageCounts): string {
  const { listed, imageConfigs, operatorImages, possible, missing, unchecked, excluded } = counts;
  const more = [
    ...numbered(imageConfigs, 'more in image configs'),
    ...numbered(operatorImages, 'more in operator images'),
  ];
  const leftOut = [...numbered(possible, 'possible'), ...numbered(unchecked, 'not checked')];
  const isSame = more.length + leftOut.length + missing === 0;
  return [
    ...(isSame ? [] : [[`${listed} that helm airgap images lists`, ...more].join(', ')]),
    ...(leftOut.length === 0 ? [] : [`left out: ${leftOut.join(', ')}`]),
    ...numbered(missing, 'missing from registries'),
    ...numbered(excluded, 'excluded'),
  ].join('; ');
}

function numbered(n: number, what: string): string[] {
  return n === 0 ? [] : [`${n} ${what}`];
}
