// biome-ignore-all lint/suspicious/noTemplateCurlyInString: texts that look like variables
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readConfig } from '../../../../src/cli/config/read.ts';
import { writeFiles } from '../../../support/charts.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { Terminal } from '../../../support/terminal.ts';

const folder = scratchFolder();

function run(args: readonly string[], input = '') {
  return new Terminal(['import', ...args], {}, folder, input).run();
}

it('without --out, the file is printed, and the rest is on standard error', async () => {
  const { code, out, err } = await run(['-', '--var', 'X=1'], '#!/bin/sh\nIMAGES=(a:$X)\nIMAGES+=("$1")\n');
  expect(code, err).toBe(0);
  expect(parse(out)).toEqual({ apiVersion: 'airgap/v1', kind: 'Config', images: ['docker.io/library/a:1'] });
  expect(err).toMatch(/standard input:3/);
});

it('paths are relative to the file that is written, and exist', async () => {
  await writeFiles(folder, {
    'lists/zarf.yaml': `kind: ZarfPackageConfig
metadata: {name: a}
components:
  - name: a
    charts: [{name: app, localPath: app, namespace: x, valuesFiles: [values.yaml]}]
    manifests: [{name: m, files: [pod.yaml], kustomizations: [overlay]}]
`,
    'lists/app/Chart.yaml': '',
    'values.yaml': '',
    'lists/pod.yaml': '',
    'lists/overlay/kustomization.yaml': '',
    'out/x': '',
  });
  const { code, err } = await run(['lists/zarf.yaml', '--out', 'out/airgap.yaml']);
  expect(code, err).toBe(0);
  expect(await readConfig(join(folder, 'out/airgap.yaml'), {}, new Map())).toMatchObject({
    charts: [{ chart: '../lists/app', namespace: 'x', profiles: [{ values: ['../values.yaml'] }] }],
    manifests: ['../lists/pod.yaml'],
    kustomize: ['../lists/overlay'],
  });
  await writeFiles(folder, { 'lists/gone.yaml': 'charts: [./gone]\n' });
  const gone = await run(['lists/gone.yaml', '-o', 'json']);
  expect([gone.code, JSON.parse(gone.out).errors]).toMatchObject([
    2,
    [{ code: 'config', subjects: [{ name: 'lists/gone.yaml:1' }] }],
  ]);
});

it('a text that the reader would take for a variable stays as it is', async () => {
  await writeFiles(folder, { '${HOME}/x.yaml': '', 'variable.yaml': 'charts: ["./${HOME}"]\n' });
  const { code, err } = await run(['variable.yaml', '--out', 'variable.airgap.yaml']);
  expect(code, err).toBe(0);
  const { charts } = await readConfig(join(folder, 'variable.airgap.yaml'), { HOME: '/secret' }, new Map());
  expect(charts).toEqual([{ chart: './${HOME}' }]);
});

describe('an existing file', () => {
  it('is replaced with --force only', async () => {
    writeFileSync(join(folder, 'mine.yaml'), 'mine');
    writeFileSync(join(folder, 'list.txt'), 'a:1\n');
    const refused = await run(['list.txt', '--out', 'mine.yaml']);
    expect([refused.code, readFileSync(join(folder, 'mine.yaml'), 'utf8')]).toEqual([1, 'mine']);
    expect((await run(['list.txt', '--out', 'mine.yaml', '--force'])).code).toBe(0);
    expect(parse(readFileSync(join(folder, 'mine.yaml'), 'utf8')).images).toEqual(['docker.io/library/a:1']);
  });
});

it('lists of which nothing can be bundled are refused with what they name', async () => {
  const files =
    'apiVersion: content.hauler.cattle.io/v1\nkind: Files\nspec: {files: [{path: a.sh}, {path: "https://u:secret1@b"}]}\n';
  const { code, err } = await run(['-', '--out', 'none.yaml'], files);
  expect([code, existsSync(join(folder, 'none.yaml'))]).toEqual([2, false]);
  expect(err).toMatch(/standard input:3.*a\.sh/);
  expect(err).not.toContain('secret1');
});

it.each([
  ['a file that is not there', ['nowhere.txt']],
  ['a folder', ['.']],
  ['an unknown format', ['list.txt', '--from-format', 'csv']],
  ['a variable without a value', ['list.txt', '--var', 'X']],
])('%s is wrong usage, and nothing is written', async (_, args) => {
  writeFileSync(join(folder, 'list.txt'), 'a:1\n');
  const { code } = await run([...args, '--out', 'never.yaml']);
  expect([code, existsSync(join(folder, 'never.yaml'))]).toEqual([2, false]);
});

it('env files of two destinations are refused, because everything would go to both', async () => {
  writeFileSync(join(folder, 'a.env'), 'SOURCE_URL=a.example\nDEST_URL=b.example\n');
  writeFileSync(join(folder, 'b.env'), 'SOURCE_URL=a.example\nDEST_URL=c.example\n');
  const { code, err } = await run(['a.env', 'b.env', '--out', 'two.yaml']);
  expect([code, existsSync(join(folder, 'two.yaml'))]).toEqual([2, false]);
  expect(err).toMatch(/b\.env:2.*a\.env:2/);
});

it('an env file becomes a configuration that mirror and push read', async () => {
  writeFileSync(join(folder, 'c.env'), 'SOURCE_URL=a.example\nORGS="x"\nDEST_URL=b.example/m\nDEST_TOKEN=geheim-1\n');
  const { code, err } = await run(['c.env', '--out', 'c.yaml']);
  expect(code, err).toBe(0);
  expect(readFileSync(join(folder, 'c.yaml'), 'utf8')).not.toContain('geheim');
  expect(await readConfig(join(folder, 'c.yaml'), {}, new Map())).toMatchObject({
    from: [{ registry: 'a.example', repositories: ['x/*'] }],
    to: ['b.example/m'],
    logins: [{ registry: 'b.example', token: '$' + '{DEST_TOKEN}' }],
    naming: { default: 'path' },
  });
  expect(err).toMatch(/next: .*mirror --config c\.yaml --list/);
});
