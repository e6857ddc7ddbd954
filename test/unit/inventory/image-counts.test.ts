import { expect, test } from 'vitest';
import type { EvidenceKind, Finding, Location } from '../../../src/inventory/finding.ts';
import { countImages, type ImageCounts } from '../../../src/inventory/image-counts.ts';

const image = (how: readonly EvidenceKind[], confidence: Finding['confidence'] = 'likely', userMade?: true) => ({
  confidence,
  found: how.map((kind): Location => {
    const noLocation = { chart: '', profile: '', template: '', document: 0, kind: '', name: '', path: '', written: '' };
    return { ...noLocation, how: kind, ...(userMade && { userMade }) };
  }),
});

/** Both sums of the same images. */
const sums = ({ listed, imageConfigs, operatorImages, bundled, possible, missing, unchecked }: ImageCounts) => [
  listed + imageConfigs + operatorImages,
  bundled + possible + missing + unchecked,
];

test('of nothing are zero', () => {
  expect(new Set(Object.values(countImages({ images: [], selections: [] })))).toEqual(new Set([0]));
});

test('have each image once by its source, and once by what becomes of it', () => {
  const counts = countImages({
    images: [
      image(['pod-spec', 'image-config'], 'certain'),
      image(['env', 'inside-image'], 'possible'),
      image(['operator-rule'], 'possible', true),
      image(['added']),
      image(['image-config']),
      image(['inside-image']),
      image(['inside-image', 'image-config'], 'possible'),
    ],
    missing: [image(['env']), image(['image-config'])],
    unchecked: [image(['config'])],
    selections: [
      { rule: 'exclude', pattern: 'a*', references: ['a:1', 'a:2'] },
      { rule: 'no-tests', references: ['a:2', 'b:1'] },
      { rule: 'include', pattern: 'c*', references: ['c:1'] },
      { rule: 'dropped', references: ['d:1'] },
    ],
  });
  expect(counts).toEqual({
    ...{ listed: 6, imageConfigs: 2, operatorImages: 2 },
    ...{ bundled: 5, possible: 2, missing: 2, unchecked: 1, excluded: 3 },
  });
  expect(sums(counts)).toEqual([10, 10]);
});
