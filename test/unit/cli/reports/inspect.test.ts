import { expect, it } from 'vitest';
import { deltaReport, inspectReport } from '../../../../src/cli/reports/inspect.ts';
import { verifyReport } from '../../../../src/cli/reports/verify.ts';
import { digestOf } from '../../../../src/oci/digest.ts';
import { blocksText } from '../../../support/report-text.ts';

const since = digestOf(Buffer.from('older'));
const delta = { since, blobs: 2, bytes: 1500 };
const lines = deltaReport(delta);
const file = { file: 'v2.tar', size: 3000, blobs: 4, charts: [], images: [] };

it('names the omitted blobs and the older bundle, and adds nothing for a complete bundle', () => {
  for (const fact of ['2 blobs', '1.5 kB', since.slice(0, 19)]) expect(lines.join('\n')).toContain(fact);
  expect(deltaReport(undefined)).toEqual([]);
});

it('is part of inspect and verify', () => {
  const text = blocksText(inspectReport({ ...file, delta, lock: undefined }));
  expect(text.split('\n').slice(1)).toEqual(lines);
  const older = blocksText(inspectReport({ ...file, lockDigest: since, lock: undefined }));
  expect(older, 'by the digest that the delta refers to').toContain(since.slice(0, 19));
  expect(older).not.toContain('\n');
  expect(
    verifyReport({ ...file, delta, problems: [] })
      .split('\n')
      .slice(1),
  ).toEqual(lines);
});
