import { expect, test } from 'vitest';
import type { Cost } from '../../../../evaluation/cost.ts';
import { mirrorTables } from '../../../../evaluation/speed/mirror.ts';

const runs = (...walls: number[]): Cost[] => walls.map((wall) => ({ wall, cpu: wall / 2, memory: 99.9, disk: 0 }));

test('each tool is shown with its fastest setting, by the median, and compared in the same round', () => {
  const first = {
    airgap: runs(2, 3, 4),
    'oras, 4 processes': runs(4, 4, 9),
    'oras, 8 processes': runs(1, 5, 9),
    'regsync with referrers, 4 images': runs(4, 4, 4),
  };
  const again = { ...first, 'oras, 8 processes': runs(1, 1, 1) };
  const [, copied = '', , repeated = ''] = mirrorTables([['small blobs', { first, again }]]);
  const cells = (text: string): string[] => text.split('\n')[2]?.split(' | ') ?? [];
  expect(cells(copied).slice(1, 8)).toEqual([
    '3.00',
    ...['4.00', '4 processes', '**0.50** (0.44–0.75)'],
    ...['4.00', '4 images', '**0.75** (0.50–1.00)'],
  ]);
  expect(cells(repeated).slice(2, 4)).toEqual(['1.00', '8 processes']);
});
