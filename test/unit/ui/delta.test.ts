import { expect, it } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import { deltaReport } from '../../../src/ui/delta.ts';
import { inspectReport, verifyReport } from '../../../src/ui/reports.ts';

const since = digestOf(Buffer.from('older'));
const delta = { since, blobs: 2, bytes: 1500 };
const line = `a delta: 2 blobs, 1.5 kB, must be in the registry already, by a push of the bundle with the lock ${since.slice(0, 19)}`;
const file = { file: 'v2.tar', size: 3000, blobs: 4, charts: [], images: [] };

it('says what must be there already, and nothing of a whole bundle', () => {
  expect(deltaReport(delta)).toEqual([line]);
  expect(deltaReport(undefined)).toEqual([]);
});

it('is said by inspect and by verify', () => {
  expect(inspectReport({ ...file, delta, lock: undefined })).toBe(`v2.tar: 3.0 kB, 4 blobs\n${line}`);
  const older = inspectReport({ ...file, lockDigest: since, lock: undefined });
  expect(older, 'by the name that the delta calls it').toBe(`v2.tar: 3.0 kB, 4 blobs, lock ${since.slice(0, 19)}`);
  expect(verifyReport({ ...file, delta, problems: [] })).toBe(
    `v2.tar is complete and undamaged: 0 charts, 0 images, 4 blobs, 3.0 kB\n${line}`,
  );
});
