import { expect, it } from 'vitest';
import { doctorReport } from '../../../../src/cli/reports/doctor.ts';
import type { DoctorResult } from '../../../../src/inventory/doctor-result.ts';

const result: DoctorResult = {
  target: 'registry.example/mirror',
  counts: { good: 1, bad: 1, notKnown: 1 },
  checks: [
    { check: 'endpoint', name: 'registry registry.example', status: 'good', message: 'answers' },
    { check: 'login', name: 'registry.example', status: 'bad', message: 'x\ngood       push', hint: 'y\u001b[2J' },
    { check: 'create-repository', status: 'not-known', message: 'not asked' },
  ],
};

it('each finding is one line, with what to do below it', () => {
  const { result: blocks, notes } = doctorReport(result);
  const lines = blocks.join('\n').split('\n');
  expect(lines.map((line) => line.slice(0, 9).trim())).toEqual(['good', 'bad', '', 'not known', '1 good, 1']);
  expect(blocks.join('')).not.toContain('\u001b');
  expect(notes).toEqual([]);
});
