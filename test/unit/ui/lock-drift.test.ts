import { expect, it } from 'vitest';
import type { LockDrift } from '../../../src/lock/drift.ts';
import type { LockFile, LockFileImage } from '../../../src/lock/lock-file.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { lockDriftReport, lockFileReport } from '../../../src/ui/lock-drift.ts';

const [one, two] = [digestOf(Buffer.from('1')), digestOf(Buffer.from('2'))];
const none: LockDrift = {
  charts: { added: [], removed: [], changed: [] },
  images: { added: [], removed: [], moved: [], gone: [] },
};

it('says in one line that nothing has changed', () => {
  expect(lockDriftReport('airgap.lock', none)).toBe('airgap.lock is up to date');
});

it('groups what has changed, and leaves out groups with nothing in them', () => {
  const report = lockDriftReport('airgap.lock', {
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
  expect(report).toBe(`airgap.lock is out of date
charts added:
  b 2 (by a)
charts changed:
  a: 1 → 2
  c 1: other content under the same version, ${one.slice(0, 19)} → ${two.slice(0, 19)}
  d 1: place, d in https://c.example → ./d
images added:
  r.example/x:2 (a, b)
tags moved:
  r.example/y:1: ${one.slice(0, 19)} → ${two.slice(0, 19)}
images that their registries do not have:
  r.example/z:1`);
});

it('says how many digests nobody has asked for', () => {
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
  const written = { path: 'a.lock', status: 'written', lockFile } as const;
  expect(lockFileReport(written, false)).toBe('a.lock written: 0 charts, 2 images, 1 without a digest');
  expect(lockFileReport(written, true)).toContain('1 without a digest; no registry was asked');
  const full = { ...lockFile, images: lockFile.images.slice(0, 1) };
  expect(lockFileReport({ ...written, status: 'up-to-date', lockFile: full }, true)).toBe(
    'a.lock is up to date: 0 charts, 1 image',
  );
});
