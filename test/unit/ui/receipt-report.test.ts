import { expect, it } from 'vitest';
import { receiptReport } from '../../../src/ui/receipt-report.ts';
import type { ReceiptCheck } from '../../../src/workflows/verify-receipt.ts';

const check: ReceiptCheck & { file: string } = {
  file: 'receipt.json',
  target: 'r.example/m',
  finished: '2026-01-02T03:04:05.000Z',
  items: 2,
  referrers: 0,
  refused: 0,
  differences: [],
};

it('a receipt that holds is one line, and what was refused then a second', () => {
  const when = 'as receipt.json says, of 2026-01-02T03:04:05.000Z';
  expect(receiptReport(check)).toBe(`r.example/m has all 2 tags ${when}`);
  expect(receiptReport({ ...check, referrers: 3, refused: 1 })).toBe(
    `r.example/m has all 2 tags and 3 signatures and the like ${when}\n  1 of what belongs to images it did not take then`,
  );
});

it('something else, nothing, what is no longer listed, and no answer are told apart', () => {
  const differences = [
    { target: 'r.example/m/a:1', digest: 'sha256:1', found: 'sha256:2' },
    { target: 'r.example/m/b:1', digest: 'sha256:1' },
    { target: 'r.example/m/c@sha256:3', digest: 'sha256:3', found: 'sha256:3', unlisted: 'sha256:4' },
    { target: 'r.example/m/d:1', digest: 'sha256:1', error: 'no route' },
  ];
  expect(receiptReport({ ...check, differences }).split('\n')).toEqual([
    'r.example/m is not as receipt.json says, of 2026-01-02T03:04:05.000Z:',
    '  - r.example/m/a:1 is sha256:2, and was sha256:1',
    '  - r.example/m/b:1 is not there, and was sha256:1',
    '  - r.example/m/c@sha256:3 is there, and no longer listed as belonging to sha256:4',
    '  - r.example/m/d:1 cannot be asked for: no route',
  ]);
});
