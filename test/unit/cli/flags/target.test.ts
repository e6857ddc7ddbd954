import { expect, it } from 'vitest';
import { archiveTargetOf } from '../../../../src/cli/flags/target.ts';

const flags = { namingRule: [] };

it('--chart-prefix is the path of chart archives, and not that of charts of bundles', async () => {
  const given = await archiveTargetOf('r.example/m', { ...flags, chartPrefix: 'own' });
  expect([given.chartPrefix, given.archivePrefix]).toEqual([undefined, 'own']);
  const configured = { naming: { chartPrefix: 'helm', rules: [] } };
  const both = await archiveTargetOf('r.example/m', { ...flags, chartPrefix: 'own' }, configured);
  expect([both.chartPrefix, both.archivePrefix]).toEqual(['helm', 'own']);
  const none = await archiveTargetOf('r.example/m', flags);
  expect([none.chartPrefix, none.archivePrefix]).toEqual([undefined, 'm/charts']);
});

it.for(['Own', 'a//b', '../x'])('%s is no path', async (chartPrefix) => {
  await expect(archiveTargetOf('r.example', { ...flags, chartPrefix })).rejects.toMatchObject({ code: 'usage' });
});

it('a path that ECR refuses is an error', async () => {
  const ecr = archiveTargetOf('r.example', { ...flags, chartPrefix: 'a--b', registryType: 'ecr' });
  await expect(ecr).rejects.toMatchObject({ code: 'usage' });
});
