import { expect, it } from 'vitest';
import { lockFileDriftReport, lockFileReport } from '../../../../src/cli/reports/lock-file.ts';
import { countImages } from '../../../../src/inventory/image-counts.ts';
import type { LockFile, LockFileImage } from '../../../../src/inventory/lock-file.ts';
import type { LockFileDrift } from '../../../../src/inventory/lock-file-drift.ts';
import { digestOf } from '../../../../src/oci/digest.ts';

const [one, two] = [digestOf(Buffer.from('1')), digestOf(Buffer.from('2'))];
const none: LockFileDrift = {
  charts: { added: [], removed: [], changed: [] },
  images: { added: [], removed: [], moved: [], gone: [] },
};

it('is one line without differences', () => {
  expect(lockFileDriftReport('airgap.lock', none)).toMatch(/^airgap\.lock .*up to date$/);
});

it('groups the differences by kind, without empty groups', async () => {
  const report = lockFileDriftReport('airgap.lock', {
    charts: {
      added: [{ name: 'b', version: '2', parent: 'a' }],
      removed: [],
      changed: [
        { name: 'a', version: '1', what: 'version', from: '1', to: '2' },
        { name: 'c', version: '1', what: 'digest', from: one, to: two },
        { name: 'd', version: '1', what: 'place', from: 'd in https://c.example', to: './d' },
      ],
    },
    images: {
      added: [{ reference: 'r.example/x:2', charts: ['a', 'b'] }],
      removed: [],
      moved: [{ reference: 'r.example/y:1', from: one, to: two }],
      gone: [{ reference: 'r.example/z:1', charts: [] }],
    },
  });
  await expect(report).toMatchFileSnapshot('golden/lock-file-drift.txt');
});

it('counts images without a digest', () => {
  const image: Omit<LockFileImage, 'digest'> = {
    reference: 'r.example/a:1',
    need: 'install',
    confidence: 'certain',
    charts: [],
  };
  const lockFile: LockFile = {
    apiVersion: 'airgap/v1',
    kind: 'LockFile',
    charts: [],
    images: [
      { ...image, digest: one },
      { ...image, digest: '' },
    ],
    choices: [],
  };
  const located = { ...image, confidence: 'certain' as const, found: [] };
  const counts = (...images: (typeof located)[]) => countImages({ images, selections: [] });
  const written = { path: 'a.lock', status: 'written', lockFile, counts: counts(located, located) } as const;
  expect(lockFileReport(written, false)).toMatch(/^a\.lock written: 2 images, 1 without a digest$/);
  expect(lockFileReport(written, true)).toMatch(/, 1 without a digest .*--offline/);
  const full = { ...lockFile, images: lockFile.images.slice(0, 1) };
  expect(lockFileReport({ ...written, status: 'up-to-date', lockFile: full, counts: counts(located) }, true)).toBe(
    'a.lock is up to date: 1 image',
  );
});
