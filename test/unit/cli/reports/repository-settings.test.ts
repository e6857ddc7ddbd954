import { expect, test } from 'vitest';
import { settingsLines, settingsPlanReport } from '../../../../src/cli/reports/repository-settings.ts';
import { LEFT_REASONS } from '../../../../src/workflows/repository-settings/plan.ts';
import type { SettingsReport } from '../../../../src/workflows/repository-settings/report.ts';
import { expectLine } from '../../../support/facts.ts';
import { blocksText } from '../../../support/report-text.ts';

const report: SettingsReport = {
  kind: 'private ECR',
  carried: [
    { repository: 'm/a', setting: 'tags', value: { immutable: true, except: ['dev-*', 'latest'] } },
    { repository: 'm/a', setting: 'description', value: `two\nlines ${'x'.repeat(500)}` },
  ],
  left: LEFT_REASONS.map((reason) => ({ setting: 'visibility', reason, repositories: ['m/a', 'm/b'] })),
};

test('a row for each setting, a line for each reason', () => {
  const text = blocksText(settingsPlanReport(report));
  expectLine(text, 'm/a', 'dev-*, latest');
  expect(text.split('\n').filter((line) => line.startsWith('not carried: '))).toHaveLength(LEFT_REASONS.length);
  expect(text).toMatch(/two lines x{40}…$/m);
});

test('what was carried is counted, and immutable tags have a remark', () => {
  const [carried = '', remark = ''] = settingsLines(report);
  expectLine(carried, '1 repository', 'tag immutability', 'description');
  expectLine(remark, '--on-existing-tag');
  const nothing = settingsLines({ ...report, carried: [], left: [] });
  expect(nothing).toHaveLength(1);
});
