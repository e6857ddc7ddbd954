import { expect, test } from 'vitest';
import type { Finding } from '../../../src/lock/finding.ts';
import { bundleReport, imagesReport } from '../../../src/ui/reports.ts';
import type { BundleResult } from '../../../src/workflows/bundle.ts';

/** `images` lists candidates that `bundle` leaves out: both say so, since their counts differ. */

const finding = (reference: string, confidence: Finding['confidence']): Finding => ({
  reference,
  confidence,
  need: 'install',
  found: [],
});
const [SURE, MAYBE] = [finding('quay.io/a/app:1', 'certain'), finding('quay.io/a/maybe:1', 'possible')];

test('images counts what is only possible apart', () => {
  const told = (images: Finding[]): string => imagesReport({ charts: [], images, choices: [] });
  expect(told([SURE, MAYBE])).toMatch(/^2 images\n1 of them only possible: .*--include/m);
  expect(told([SURE])).toMatch(/\n1 image$/);
});

test('bundle names what it left out', () => {
  const lock = { charts: [], images: [{}] };
  const result = { status: 'written', path: 'b.tar', size: 1, blobs: 1, lock, dropped: [], fetched: 1, reused: 0 };
  const told = (possible: string[]): string =>
    bundleReport({ ...result, resumed: 0, possible } as unknown as BundleResult);
  expect(told([MAYBE.reference])).toMatch(/1 image, .*\nonly possible, .*--include.*: quay\.io\/a\/maybe:1$/);
  expect(told([])).not.toContain('possible');
});

test('bundle says at the end where signatures are not known', () => {
  const lock = { charts: [], images: [{}] };
  const result = {
    path: 'b.tar',
    size: 1,
    blobs: 1,
    lock,
    dropped: [],
    possible: [],
    fetched: 1,
    reused: 0,
    resumed: 0,
  };
  const unanswered = [{ registry: 'quay.io', images: ['quay.io/a:1', 'quay.io/b:1'], reason: 'answers 500' }];
  for (const status of ['written', 'up-to-date', 'planned']) {
    const report = bundleReport({ ...result, status, unanswered } as unknown as BundleResult);
    expect(report).toMatch(/\n.*quay\.io.*2 images/);
  }
});
