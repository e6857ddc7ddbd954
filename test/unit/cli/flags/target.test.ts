import { describe, expect, it } from 'vitest';
import { archiveTargetOf, checkHasTarget, targetsOf } from '../../../../src/cli/flags/target.ts';
import { formatTarget } from '../../../../src/naming/naming.ts';

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

describe('targets of the command line and of the configuration file', () => {
  const names = async (to: readonly string[], configured: readonly string[]): Promise<string[]> =>
    (await targetsOf({ ...flags, to }, { to: [...configured] })).map(formatTarget);

  it.each([
    [[], ['a.example/m', 'b.example', 'a.example/m'], ['a.example/m', 'b.example']],
    [['c.example'], ['a.example'], ['c.example']],
    [[], [], []],
  ])('%j and %j are %j', async (to, configured, expected) => {
    expect(await names(to, configured)).toEqual(expected);
  });

  it('are usage and configuration errors if they are invalid or missing', async () => {
    await expect(names(['https://a'], [])).rejects.toMatchObject({ code: 'usage' });
    await expect(names([], ['https://a'])).rejects.toMatchObject({
      code: 'config',
      reason: expect.stringMatching(/^to\b/),
    });
    expect(() => checkHasTarget([])).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});

describe('an invalid setting is named as it was given', () => {
  const to = ['r.example/m'];
  it.for([
    [{ default: 'unheard' }, {}, 'config', 'naming.default'],
    [{ default: '{unheard}' }, {}, 'config', 'naming.default'],
    [{ default: 'unheard' }, { naming: 'other' }, 'usage', '--naming'],
    [{ chartPrefix: 'Own' }, {}, 'config', 'naming.chartPrefix'],
    [{ chartPrefix: 'own' }, { chartPrefix: 'Own' }, 'usage', '--chart-prefix'],
    [{ chartPrefix: 'a--b' }, { registryType: 'ecr' }, 'config', 'naming.chartPrefix'],
    [{ rules: [{ match: 'a/*', to: '{unheard}' }] }, {}, 'config', 'naming.rules'],
  ] as const)('%j with %j: %s', async ([naming, given, code, origin]) => {
    const config = { to, naming: { ...naming, rules: 'rules' in naming ? [...naming.rules] : [] } };
    const reason = expect.stringContaining(`${origin}`);
    for (const toTarget of [undefined, archiveTargetOf])
      await expect(targetsOf({ ...flags, to, ...given }, config, toTarget)).rejects.toMatchObject({ code, reason });
  });
});
