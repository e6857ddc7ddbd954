import { expect, it } from 'vitest';
import { verifyReport } from '../../../src/ui/reports.ts';
import type { Verification } from '../../../src/workflows/inspect.ts';

const whole: Verification = { file: 'b.tar', size: 5000, blobs: 3, charts: [], images: [], problems: [] };

it('what is whole is said to be, and with which key, and who packed it where that was somebody else', () => {
  const line = 'b.tar is complete and undamaged: 0 charts, 0 images, 3 blobs, 5.0 kB';
  expect(verifyReport(whole)).toBe(line);
  expect(verifyReport({ ...whole, packedByAnother: true, signedBy: `sha256:${'1'.repeat(64)}` }).split('\n')).toEqual([
    line,
    `signed by sha256:${'1'.repeat(64)}`,
    'packed by another tool: its content was checked, not how that lies in it',
  ]);
});

it('what is wrong is listed with what it affects', () => {
  const problems = [
    { message: 'x is damaged', affects: ['quay.io/a:1'] },
    { message: 'byte 7 is not what was written', affects: [] },
  ];
  expect(verifyReport({ ...whole, packedByAnother: true, problems })).toBe(
    'b.tar is damaged:\n  - x is damaged (affects quay.io/a:1)\n  - byte 7 is not what was written',
  );
});
