import { expect, it } from 'vitest';
import type { Estimate } from '../../../../src/base/events.ts';
import { estimateText } from '../../../../src/cli/reports/estimate.ts';

const plain: Estimate = {
  charts: 1,
  images: 12,
  blobs: 87,
  size: 1_300_000_000,
  shared: 0,
  fetched: 1_200_000_000,
  reused: 0,
  resumed: 0,
  needed: 1_300_000_000,
  free: 20_000_000_000,
  quotas: [],
};

it('shows the content of the bundle, the downloads and the disk space', () => {
  const [content = '', bytes = '', disk = '', ...more] = estimateText(plain).split('\n');
  expect(content).toMatch(/1 chart, 12 images, 87 blobs, 1\.3 GB$/);
  expect(bytes).toMatch(/^1\.2 GB to fetch$/);
  expect(disk).toMatch(/^1\.3 GB .*20\.0 GB free$/);
  expect(more).toEqual([]);
});

it('shows the bytes that need not be fetched', () => {
  const text = estimateText({ ...plain, shared: 340_000_000, fetched: 0, reused: 1_000_000_000, resumed: 200_000_000 });
  expect(text.split('\n')[1]).toMatch(/^0 B to fetch, 1\.0 GB .*, 200 MB .*, 340 MB /);
});

it('shows the pulls that registries allow', () => {
  const quotas = [
    { registry: 'docker.io', remaining: 74, limit: 100, seconds: 21600 },
    { registry: 'hub.example', remaining: 5, seconds: 90 },
    { registry: 'other.example', remaining: 1 },
  ];
  expect(estimateText({ ...plain, quotas })).toMatch(
    /free\ndocker\.io: 74 of 100 pulls per 6 h left\nhub\.example: 5 pulls per 90 s left\nother\.example: 1 pull left$/,
  );
});
