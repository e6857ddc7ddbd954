import { expect, it } from 'vitest';
import { verifyReport } from '../../../../src/cli/reports/reports.ts';
import type { Verification } from '../../../../src/workflows/inspect/inspect.ts';

const whole: Verification = { file: 'b.tar', size: 5000, blobs: 3, charts: [], images: [], problems: [] };

it('is one line for an undamaged bundle, and one each for its signature and another packer', () => {
  const [line] = verifyReport(whole).split('\n');
  expect(line).toMatch(/^b\.tar .*0 charts, 0 images, 3 blobs, 5\.0 kB$/);
  expect(verifyReport(whole)).toBe(line);
  const signedBy = `sha256:${'1'.repeat(64)}` as const;
  const [first, signed, packed, ...more] = verifyReport({ ...whole, packedByAnother: true, signedBy }).split('\n');
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
