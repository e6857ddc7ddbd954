import { expect, test } from 'vitest';
import { bundleReport } from '../../../../src/cli/reports/bundle.ts';
import { imagesReport } from '../../../../src/cli/reports/images.ts';
import type { Finding } from '../../../../src/inventory/finding.ts';
import { countImages } from '../../../../src/inventory/image-counts.ts';
import type { BundleResult } from '../../../../src/workflows/bundle/pack.ts';
import { reportText } from '../../../support/report-text.ts';

/** `images` lists possible images that `bundle` leaves out: both reports say so, because their counts differ. */

const finding = (reference: string, confidence: Finding['confidence']): Finding => ({
  reference,
  confidence,
  need: 'install',
  found: [],
});
const counted = (images: Finding[]) => countImages({ images, selections: [] });
const report = (images: Finding[]) => imagesReport({ charts: [], images, choices: [], counts: counted(images) });
const [SURE, MAYBE] = [finding('quay.io/a/app:1', 'certain'), finding('quay.io/a/maybe:1', 'possible')];

test('images counts possible images separately', () => {
  const notes = (images: Finding[]): string => reportText(report(images)).notes;
  expect(notes([SURE, MAYBE])).toMatch(/^2 images\b.*\b1 that bundle takes\b.*\b1 possible\b.*--include/);
  expect(notes([SURE])).toBe('1 image');
});

test('images prints the table as result and the summary as note', () => {
  const { result, notes } = reportText(report([SURE, MAYBE]));
  expect(result.split('\n')).toHaveLength(3);
  for (const { reference } of [SURE, MAYBE]) {
    expect(result).toContain(reference);
    expect(notes).not.toContain(reference);
  }
  expect(report([])).toEqual({ result: [], notes: ['0 images'] });
});

test('bundle names the possible images that it left out', () => {
  const lock = { charts: [], images: [{}] };
  const result = {
    status: 'written',
    path: 'b.tar',
    size: 1,
    blobs: 1,
    lock,
    missing: [],
    dropped: [],
    fetched: 1,
    reused: 0,
  };
  const bundled = (possible: Finding[]) => {
    const fields = {
      resumed: 0,
      possible: possible.map(({ reference }) => reference),
      counts: counted([SURE, ...possible]),
    };
    return reportText(bundleReport({ ...result, ...fields } as unknown as BundleResult));
  };
  const leftOut = bundled([MAYBE]);
  expect(leftOut.result).toMatch(/^b\.tar .*1 image, /);
  expect(leftOut.notes).toMatch(/^1 image: 2 that helm airgap images lists\b.*\b1 possible$/m);
  expect(leftOut.notes).toMatch(/^1 possible image .*--include.*:\n {2}quay\.io\/a\/maybe:1$/m);
  expect(bundled([]).notes).not.toContain('possible');
  const many = bundled(
    ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => finding(`quay.io/${name}:1`, 'possible')),
  ).notes;
  expect(many).toMatch(/7 possible images .*helm airgap images.*\n.* and 2 more$/);
});

test('bundle notes where referrers may be missing', () => {
  const lock = { charts: [], images: [{}] };
  const estimate = {
    charts: 0,
    images: 1,
    blobs: 1,
    size: 1,
    shared: 0,
    fetched: 1,
    reused: 0,
    resumed: 0,
    quotas: [],
  };
  const result = {
    path: 'b.tar',
    size: 1,
    blobs: 1,
    lock,
    missing: [],
    dropped: [],
    possible: [],
    counts: counted([SURE]),
    fetched: 1,
    reused: 0,
    resumed: 0,
    estimate: { ...estimate, needed: 1, free: 2 },
  };
  const unanswered = [{ registry: 'quay.io', images: ['quay.io/a:1', 'quay.io/b:1'], reason: 'answers 500' }];
  for (const status of ['written', 'up-to-date', 'planned']) {
    const { notes } = reportText(bundleReport({ ...result, status, unanswered } as unknown as BundleResult));
    expect(notes).toMatch(/2 images.*quay\.io/);
  }
});
