import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AirgapEvent } from '../../../../src/base/events.ts';
import type { ChartJob } from '../../../../src/search/search-charts.ts';
import { images, selectFindings } from '../../../../src/workflows/images/images.ts';
import { CHARTS, chartYaml, writeFiles } from '../../../support/charts.ts';
import { HELMS } from '../../../support/helm.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

describe('added images', () => {
  it('are normalized, and certain', () => {
    expect(selectFindings([], { add: ['nginx', 'docker.io/library/nginx:latest', 'quay.io/a/b:1'] }).findings).toEqual([
      expect.objectContaining({ reference: 'docker.io/library/nginx:latest', confidence: 'certain', need: 'install' }),
      expect.objectContaining({ reference: 'quay.io/a/b:1' }),
    ]);
  });

  it('that are invalid are reported together', () => {
    const run = (): unknown => selectFindings([], { add: ['Bad', 'nginx', 'a b'] }).findings;
    expect(run).toThrow(
      expect.objectContaining({
        code: 'several',
        exitCode: 2,
        causes: [
          expect.objectContaining({ code: 'reference-invalid', message: expect.stringContaining('"Bad"') }),
          expect.objectContaining({ code: 'reference-invalid', message: expect.stringContaining('"a b"') }),
        ],
      }),
    );
  });
});

describe('excluded images', () => {
  const all = [
    'docker.io/bitnami/nginx:1',
    'docker.io/library/nginx-exporter:1',
    'docker.io/library/nginx:1.27',
    'docker.io/library/nginx:1.28',
    'quay.io/a/b:1.0',
    `quay.io/a/b:1@${DIGEST}`,
    'quay.io/a/bc:1',
  ];
  const left = (pattern: string): string[] =>
    selectFindings([], { add: all, exclude: [{ pattern }] }).findings.map(({ reference }) => reference);
  const without = (...gone: string[]): string[] => all.filter((reference) => !gone.includes(reference));

  it.each<[string, string[]]>([
    ['nginx', ['docker.io/library/nginx:1.27', 'docker.io/library/nginx:1.28']],
    ['nginx:1.27', ['docker.io/library/nginx:1.27']],
    ['nginx:1.*', ['docker.io/library/nginx:1.27', 'docker.io/library/nginx:1.28']],
    ['docker.io/library/nginx:1.*', ['docker.io/library/nginx:1.27', 'docker.io/library/nginx:1.28']],
    ['bitnami/*', ['docker.io/bitnami/nginx:1']],
    ['quay.io/a/b', [`quay.io/a/b:1@${DIGEST}`, 'quay.io/a/b:1.0']],
    ['quay.io/a/b:1', [`quay.io/a/b:1@${DIGEST}`]],
    [`quay.io/a/b:1@${DIGEST}`, [`quay.io/a/b:1@${DIGEST}`]],
    ['quay.io/*', [`quay.io/a/b:1@${DIGEST}`, 'quay.io/a/b:1.0', 'quay.io/a/bc:1']],
    ['*', all],
    ['*nginx', ['docker.io/library/nginx:1.27', 'docker.io/library/nginx:1.28', 'docker.io/bitnami/nginx:1']],
    ['nginx:1.270', []],
    ['nginx:latest', []],
    ['quay.io/a/b:1.?', []],
    ['quay.io/a', []],
  ])('with %s are %j', (pattern, gone) => {
    expect(left(pattern)).toEqual(without(...gone));
  });

  it('may be added ones', () => {
    expect(selectFindings([], { add: ['redis'], exclude: [{ pattern: 'redis' }] }).findings).toEqual([]);
  });
});

// Helm's versions differ in what values and errors look like; test/unit/helm has both.
describe.for(HELMS.slice(0, 1))('images with Helm $version', (helm) => {
  const test = it.skipIf(helm.path === undefined);
  const job = (chart: string, ...names: string[]): ChartJob => ({
    request: { chart },
    profiles: (names.length > 0 ? names : ['default']).map((name) => ({ name, options: {} })),
  });

  test('returns the images of a chart, each with its location and the values that build it', async () => {
    const scratch = scratchFolder();
    const events: AirgapEvent[] = [];
    const context = {
      env: { PATH: process.env.PATH, HELM_BIN: helm.path, TMPDIR: scratch },
      cwd: CHARTS,
      emit: (event: AirgapEvent) => void events.push(event),
    };
    const result = await images(context, { charts: [job('./shop')], add: [], exclude: [{ pattern: 'busybox' }] });
    expect(result.charts).toEqual([{ name: 'shop', version: '1.4.0', source: 'shop', profiles: ['default'] }]);
    expect(result.images.map(({ reference }) => reference)).toEqual([
      'docker.io/valkey/valkey:8.1.0-alpine',
      'quay.io/shop-tools/reports:0.9.2',
      'registry.example/shop/init:1.36-alpine',
      'registry.example/shop/migrate@sha256:35b3809e556c3eb02c344b10354dadb6a2cfa8134267a910e5717e74d16eca3f',
      'registry.example/shop/proxy:2.3.1',
      'registry.example/shop/web:1.4.2',
      'registry.example/shop/worker:1.4.2',
    ]);
    const location = result.images.find(({ reference }) => reference.includes('/reports:'))?.found[0];
    expect(location).toMatchObject({ template: 'shop/templates/jobs.yaml', values: ['reports.image'] });
    expect(events).toContainEqual(expect.objectContaining({ type: 'step', title: 'fetching chart ./shop' }));
    expect(await readdir(scratch), 'the scratch folder is gone').toEqual([]);
  });

  test('tries every chart, and reports all failures', async () => {
    const scratch = scratchFolder();
    const context = {
      env: { PATH: process.env.PATH, HELM_BIN: helm.path, TMPDIR: scratch },
      cwd: CHARTS,
      emit: () => {},
    };
    const charts = [job('./broken'), job('./hardcoded'), job('./missing-dependency'), job('./nope')];
    const error = await images(context, { charts, add: [] }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'several', exitCode: 1, message: expect.stringMatching(/\b3 of 4 charts\b/) });
    expect(error).toMatchObject({
      causes: [
        { code: 'chart-render', message: expect.stringContaining('database.host') },
        { code: 'chart-invalid', message: expect.stringContaining('missing-dependency') },
        { code: 'chart-not-found', message: expect.stringContaining('./nope') },
      ],
    });
    expect(await readdir(scratch)).toEqual([]);
  });

  test('merges the profiles of a chart', async () => {
    const scratch = scratchFolder();
    await writeFiles(join(scratch, 'web'), {
      'Chart.yaml': chartYaml('web'),
      'templates/a.yaml':
        'kind: Pod\nspec: {containers: [{image: "r.example/{{ .Values.name | default "small" }}:1"}]}\n',
    });
    const context = {
      env: { PATH: process.env.PATH, HELM_BIN: helm.path, TMPDIR: scratch },
      cwd: scratch,
      emit: () => {},
    };
    const profiles = [
      { name: 'small', options: {} },
      { name: 'big', options: { set: ['name=big'] } },
    ];
    const charts = [{ request: { chart: './web' }, profiles }];
    const found = (await images(context, { charts, add: [] })).images;
    expect(found.map(({ reference, found: [location] }) => [reference, location?.profile])).toEqual([
      ['r.example/big:1', 'big'],
      ['r.example/small:1', 'small'],
    ]);
  });
});
