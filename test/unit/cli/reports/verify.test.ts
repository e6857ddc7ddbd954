import { expect, it } from 'vitest';
import { receiptReport, verifyReport } from '../../../../src/cli/reports/verify.ts';
import type { Verification } from '../../../../src/workflows/verify/verify.ts';
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

const whole: Verification = { file: 'b.tar', size: 5000, blobs: 3, charts: [], images: [], problems: [] };

it('is one line for an undamaged bundle, and one each for its signature and another packer', () => {
  const [line] = verifyReport(whole).split('\n');
  expect(line).toMatch(/^b\.tar .*0 images, 3 blobs, 5\.0 kB$/);
  expect(verifyReport(whole)).toBe(line);
  const signedBy = `sha256:${'1'.repeat(64)}` as const;
  const [first, signed, packed, ...more] = verifyReport({
    ...whole,
    packedByAnother: true,
    signedBy: [signedBy],
  }).split('\n');
  expect(first).toBe(line);
  expect(signed).toContain(signedBy);
  expect(packed).toContain('another tool');
  expect(more).toEqual([]);
});

it('lists each problem with the images that it affects', () => {
  const problems = [
    { message: 'x is damaged', affects: ['quay.io/a:1'] },
    { message: 'byte 7 is not what was written', affects: [] },
  ];
  const [head, ...lines] = verifyReport({ ...whole, packedByAnother: true, problems }).split('\n');
  expect(head).toContain('b.tar');
  expect(lines).toEqual([
    expect.stringMatching(/^ {2}- x is damaged .*quay\.io\/a:1/),
    '  - byte 7 is not what was written',
  ]);
});
