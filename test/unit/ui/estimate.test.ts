import { expect, it } from 'vitest';
import type { Estimate } from '../../../src/base/events.ts';
import { estimateText } from '../../../src/ui/estimate.ts';

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

it('says what the bundle holds, what is to be fetched, and the room on the disk', () => {
  expect(estimateText(plain)).toBe(
    'the bundle: 1 chart, 12 images, 87 blobs, 1.3 GB; 1.2 GB to fetch\n1.3 GB of disk needed, 20.0 GB free',
  );
});

it('says what need not be fetched, and why', () => {
  const text = estimateText({ ...plain, shared: 340_000_000, fetched: 0, reused: 1_000_000_000, resumed: 200_000_000 });
  expect(text.split('\n')[0]).toMatch(
    /; 0 B to fetch, 1\.0 GB from earlier bundles, 200 MB kept from an earlier run, 340 MB saved by sharing$/,
  );
});

it('says how many pulls registries leave', () => {
  const quotas = [
    { registry: 'docker.io', remaining: 74, limit: 100, seconds: 21600 },
    { registry: 'hub.example', remaining: 5, seconds: 90 },
    { registry: 'other.example', remaining: 1 },
  ];
  expect(estimateText({ ...plain, quotas })).toMatch(
    /free; docker\.io: 74 of 100 pulls per 6 h left; hub\.example: 5 pulls per 90 s left; other\.example: 1 pull left$/,
  );
});
