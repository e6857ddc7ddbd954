import { expect, it } from 'vitest';
import { receiptReport } from '../../../../src/cli/reports/receipt-report.ts';
import type { ReceiptCheck } from '../../../../src/workflows/verify/verify-receipt.ts';

const check: ReceiptCheck & { file: string } = {
  file: 'receipt.json',
  target: 'r.example/m',
  finished: '2026-01-02T03:04:05.000Z',
  items: 2,
  referrers: 0,
  refused: 0,
  differences: [],
};

const FACTS = ['r.example/m', 'receipt.json', '2026-01-02T03:04:05.000Z'];

it('is one line if nothing differs, and a second for rejected referrers', () => {
  for (const fact of [...FACTS, '2 tags']) expect(receiptReport(check)).toContain(fact);
  expect(receiptReport(check)).not.toContain('\n');
  const [line, rejected, ...more] = receiptReport({ ...check, referrers: 3, refused: 1 }).split('\n');
  expect(line).toContain('3 referrers');
  expect(rejected).toContain('1 referrer ');
  expect(more).toEqual([]);
});

it('lists changed, missing, unlisted and unreachable content', async () => {
  const differences = [
    { target: 'r.example/m/a:1', digest: 'sha256:1', found: 'sha256:2' },
    { target: 'r.example/m/b:1', digest: 'sha256:1' },
    { target: 'r.example/m/c@sha256:3', digest: 'sha256:3', found: 'sha256:3', unlisted: 'sha256:4' },
    { target: 'r.example/m/d:1', digest: 'sha256:1', error: 'no route' },
  ];
  await expect(receiptReport({ ...check, differences })).toMatchFileSnapshot('golden/receipt-check.txt');
});
