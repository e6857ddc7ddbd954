import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AirgapError } from '../../../../src/base/errors.ts';
import type { ChartJob } from '../../../../src/search/search-charts.ts';
import type { Context } from '../../../../src/session/context.ts';
import { explain } from '../../../../src/workflows/images/explain.ts';
import { type WhyOptions, why } from '../../../../src/workflows/images/why.ts';
import { CHARTS, chartYaml, writeFiles } from '../../../support/charts.ts';
import { HELMS } from '../../../support/helm.ts';
import { scratchFolder } from '../../../support/scratch.ts';

function jobOf(chart: string, profiles: ChartJob['profiles'] = [{ name: 'default', options: {} }]): ChartJob {
  return { request: { chart }, profiles };
}

describe.for(HELMS.slice(-1))('images --why and --explain with Helm $version', (helm) => {
  const test = it.skipIf(helm.path === undefined);
  const context = (folder: string): Context => ({
    env: { PATH: process.env.PATH, HELM_BIN: helm.path, TMPDIR: folder },
    cwd: CHARTS,
    emit: () => {},
  });

  async function matching(pattern: string, more: Partial<WhyOptions> = {}): Promise<string[]> {
    const scratch = scratchFolder();
    const options = { pattern, charts: [jobOf('shop')], add: [], ...more };
    return (await why(context(scratch), options)).images.map(({ reference }) => reference);
  }

  test('why: a short name matches all its tags, a pattern all its matches', async () => {
    expect(await matching('valkey/valkey')).toEqual(['docker.io/valkey/valkey:8.1.0-alpine']);
    expect(await matching('busybox')).toEqual(['docker.io/library/busybox:1.36.1']);
    expect(await matching('registry.example/shop/w*')).toEqual([
      'registry.example/shop/web:1.4.2',
      'registry.example/shop/worker:1.4.2',
    ]);
  });

  test('why: a missing image fails, with similar ones', async () => {
    const refused = matching('other.example/worker:2');
    await expect(refused).rejects.toMatchObject({ code: 'image-not-found', exitCode: 1 });
    const { hint } = (await refused.catch((error: unknown) => error)) as AirgapError;
    expect(hint).toContain('registry.example/shop/worker:1.4.2');
    expect(hint).toContain("--explain 'other.example/worker:2'");
  });

  test('why: an excluded image fails with the rule', async () => {
    const exclude = [{ pattern: '*/shop/worker*', reason: 'built here' }];
    await expect(matching('registry.example/shop/worker', { exclude })).rejects.toMatchObject({
      code: 'image-not-found',
      message: expect.stringContaining('--exclude */shop/worker* (built here)'),
    });
  });

  test('why: Helm names a template after the alias of its chart', async () => {
    const scratch = scratchFolder();
    const pod = 'apiVersion: v1\nkind: Pod\nspec: {containers: [{image: "r.example/redis:1"}]}\n';
    const chart = await writeFiles(join(scratch, 'app'), {
      'Chart.yaml': chartYaml('app', '1.0.0', 'dependencies:\n  - {name: redis, version: 7.0.0, alias: cache}\n'),
      'charts/redis/Chart.yaml': chartYaml('redis', '7.0.0'),
      'charts/redis/templates/pod.yaml': pod,
    });
    const { images } = await why(context(scratch), { pattern: '*redis*', charts: [jobOf(chart)], add: [] });
    expect(images[0]?.found).toMatchObject([
      {
        template: 'app/charts/cache/templates/pod.yaml',
        subcharts: [{ name: 'redis', version: '7.0.0', alias: 'cache' }],
      },
    ]);
  });

  test('explain: the same location of several profiles once; upgrades, rules and lists too', async () => {
    const scratch = scratchFolder();
    const profiles = [
      { name: 'default', options: {} },
      { name: 'other', options: { set: ['agent.image=quay.io/carried/other:1'] } },
    ];
    const charts = [jobOf('carriers', profiles)];
    const places = async (text: string): Promise<unknown[]> => {
      const explanation = await explain(context(scratch), { text, charts });
      expect(explanation.bare).toBeUndefined();
      const [chart] = explanation.charts;
      return chart?.occurrences.map(({ taken, profiles: names, how, path }) => [taken, names.join(), how, path]) ?? [];
    };
    const upgrades = 'default (upgrade),other (upgrade)';
    expect(await places('carried/upgrade:')).toEqual([
      [true, upgrades, 'pod-spec', 'spec.template.spec.containers[0].image'],
    ]);
    expect(await places('lookalike/url')).toEqual([
      [false, 'default,other', undefined, 'spec.template.spec.containers[0].args[4]'],
    ]);
    expect(await places('maybe/declared')).toMatchObject([[true, 'default,other', 'declared', expect.anything()]]);
  });

  test('explain: a text that is in no render is assessed without context', async () => {
    const scratch = scratchFolder();
    const explanation = await explain(context(scratch), { text: 'nowhere:1', charts: [jobOf('shop')] });
    expect(explanation).toMatchObject({ text: 'nowhere:1', charts: [{ name: 'shop', occurrences: [], nested: [] }] });
    expect(explanation.bare?.verdicts[0]).toMatchObject({ taken: true, reference: 'docker.io/library/nowhere:1' });
  });

  test('explain: nested charts are named', async () => {
    const scratch = scratchFolder();
    const { charts } = await explain(context(scratch), { text: 'installer', charts: [jobOf('platform')] });
    expect(charts[0]?.nested).toContain('shop 1.4.0');
  });

  test('explain: a chart that does not render fails', async () => {
    const scratch = scratchFolder();
    const refused = explain(context(scratch), { text: 'x', charts: [jobOf('broken')] });
    await expect(refused).rejects.toMatchObject({ code: 'chart-render' });
  });
});
