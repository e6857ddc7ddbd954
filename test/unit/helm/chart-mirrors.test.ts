import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ChartRequest } from '../../../src/helm/access.ts';
import { packChart } from '../../../src/helm/chart-archive.ts';
import { applyMirrors, parseChartMirror } from '../../../src/helm/chart-mirrors.ts';
import { chartYaml, writeFiles } from '../../support/charts.ts';
import { scratchFolder } from '../../support/scratch.ts';

const scratch = scratchFolder();
const folder = join(scratch, 'archives');

beforeAll(async () => {
  await writeFiles(folder, { 'broken-2.0.0.tgz': 'no archive', 'notes.txt': 'x' });
  const add = async (name: string, version: string, file = `${name}-${version}.tgz`): Promise<void> => {
    const chart = await writeFiles(join(scratch, `${name}-${version}`, name), {
      'Chart.yaml': chartYaml(name, version),
      'templates/a.yaml': 'a: b\n',
    });
    await packChart(chart, join(folder, file));
  };
  await add('web', '1.2.3');
  await add('web', '1.10.0');
  await add('web', '2.0.0-rc.1');
  await add('web-admin', '9.0.0');
  await add('cert', 'v1.17.2');
  await add('db', '3.0.0', 'renamed.tgz');
});

const mirrored = (mirrors: string[], request: ChartRequest): Promise<ChartRequest | undefined> =>
  applyMirrors(
    mirrors.map((text) => parseChartMirror(text, scratch)),
    request,
  );

describe('a chart mirror', () => {
  it.each(['', 'x', 'charts.example=./x', '*=', 'https://c.example', '*=s3://bucket', '=./x'])('is not %j', (text) => {
    expect(() => parseChartMirror(text, '/')).toThrow(
      expect.objectContaining({ code: 'usage', hint: expect.stringContaining('*=FOLDER') }),
    );
  });

  const web = { chart: 'web', repo: 'https://c.example/stable/', version: '1.2.3', access: { username: 'x' } };
  const oci = { chart: 'oci://r.example/team/web', version: '1.2.3' };
  it.each<[string, ChartRequest, Partial<ChartRequest> | undefined]>([
    ['https://c.example/stable=https://m.example/c', web, { ...web, repo: 'https://m.example/c' }],
    ['https://c.example=https://m.example/c', web, { ...web, repo: 'https://m.example/c/stable' }],
    ['https://c.example/sta=https://m.example/c', web, undefined],
    ['*=https://m.example/all', web, { ...web, repo: 'https://m.example/all' }],
    [
      'https://c.example/stable=oci://m.example/c',
      web,
      { chart: 'oci://m.example/c/web', version: '1.2.3', access: { username: 'x' } },
    ],
    ['oci://r.example=oci://m.example/r', oci, { ...oci, chart: 'oci://m.example/r/team/web' }],
    ['oci://r.example/team/web=oci://m.example/other', oci, { ...oci, chart: 'oci://m.example/other' }],
    ['oci://r.example/team=https://m.example/c', oci, { chart: 'web', repo: 'https://m.example/c', version: '1.2.3' }],
    ['*=oci://m.example/all', oci, { ...oci, chart: 'oci://m.example/all/web' }],
    ['*=oci://m.example/all', { chart: 'oci://r.example/web:1.2.3' }, { chart: 'oci://m.example/all/web:1.2.3' }],
    [
      'https://c.example=https://m.example/c',
      { chart: 'https://c.example/files/web-1.2.3.tgz' },
      { chart: 'https://m.example/c/files/web-1.2.3.tgz' },
    ],
    ['*=https://m.example/all', { chart: './web' }, undefined],
    ['*=https://m.example/all', { chart: 'added/web' }, undefined],
    ['*=https://m.example/all', { chart: 'web', repo: '' }, { chart: 'web', repo: 'https://m.example/all' }],
  ])('%s serves %j', async (mirror, request, expected) => {
    expect(await mirrored([mirror], request)).toEqual(expected);
  });

  it('with the longest match wins, the first one if equal', async () => {
    const mirrors = ['*=https://all.example', 'https://c.example=https://one.example', '*=https://last.example'];
    expect(await mirrored(mirrors, { chart: 'a', repo: 'https://c.example' })).toMatchObject({
      repo: 'https://one.example',
    });
    expect(await mirrored(mirrors, { chart: 'a', repo: 'https://d.example' })).toMatchObject({
      repo: 'https://all.example',
    });
  });
});

describe('a folder of archives', () => {
  const find = async (chart: string, version?: string): Promise<string | undefined> => {
    const request = { chart, repo: 'https://c.example', ...(version === undefined ? {} : { version }) };
    return (await mirrored(['*=archives'], request))?.chart.slice(folder.length + 1);
  };

  it.each([
    ['web', '1.2.3', 'web-1.2.3.tgz'],
    ['web', 'v1.2.3', 'web-1.2.3.tgz'],
    ['cert', '1.17.2', 'cert-v1.17.2.tgz'],
    ['web', undefined, 'web-1.10.0.tgz'],
    ['web', '1.x', 'web-1.10.0.tgz'],
    ['web', '>= 1.0, < 1.5', 'web-1.2.3.tgz'],
    ['web', '2.0.0-rc.1', 'web-2.0.0-rc.1.tgz'],
    ['db', '3.0.0', 'renamed.tgz'],
    ['broken', '2.0.0', 'broken-2.0.0.tgz'],
  ])('has %s %s', async (name, version, file) => {
    expect(await find(name, version)).toBe(file);
  });

  it.each([
    ['web', '1.2.4'],
    ['web', 'latest'],
    ['we', '1.2.3'],
  ])('has no %s %s', async (name, version) => {
    await expect(find(name, version)).rejects.toMatchObject({
      code: 'chart-not-found',
      message: expect.stringContaining(`${name} ${version}`),
      hint: expect.stringContaining('https://c.example'),
    });
  });

  it('leaves charts that it does not contain to the next mirror', async () => {
    const next = await mirrored(['https://c.example=archives', '*=https://m.example'], {
      chart: 'x',
      repo: 'https://c.example',
    });
    expect(next).toMatchObject({ repo: 'https://m.example' });
  });

  it('also serves OCI charts and archives by URL', async () => {
    const chart = join(folder, 'web-1.2.3.tgz');
    for (const address of ['oci://r.example/web:1.2.3', 'https://c.example/web-1.2.3.tgz?x=y']) {
      expect(await mirrored(['*=archives'], { chart: address })).toEqual({ chart });
    }
  });

  it('must exist', async () => {
    await writeFile(join(scratch, 'file'), '');
    for (const name of ['nope', 'file']) {
      const request = mirrored([`*=${name}`], { chart: 'web', repo: 'https://c.example' });
      await expect(request).rejects.toMatchObject({ code: 'file', hint: expect.any(String) });
    }
  });
});
