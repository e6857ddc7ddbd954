import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { raiseVersion } from '../../../../../src/workflows/public-ecr/writing/chart-versions.ts';
import { findParents } from '../../../../../src/workflows/public-ecr/writing/parent-charts.ts';
import { scratchFolder } from '../../../../support/scratch.ts';

let folder: string;
beforeEach(() => {
  folder = scratchFolder();
});

function write(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

describe('the version of a chart', () => {
  test('is raised in place', async () => {
    const text = '# a chart\r\napiVersion: v2\r\nname: app\r\nversion: "v1.2.3" # bump me\r\nappVersion: v1.2.3\r\n';
    write({ 'Chart.yaml': text });
    expect(await raiseVersion(folder, 'minor')).toEqual({
      version: { name: 'app', file: join(folder, 'Chart.yaml'), line: 4, version: 'v1.2.3', bumped: 'v1.3.0' },
      before: text,
      after: text.replace('"v1.2.3"', '"v1.3.0"'),
    });
  });

  test('is only read', async () => {
    write({ 'Chart.yaml': 'name: app\nversion: 1.2\n' });
    expect(await raiseVersion(folder, undefined)).toMatchObject({ version: { line: 2, version: '1.2' } });
    expect((await raiseVersion(folder, undefined)).version).not.toHaveProperty('bumped');
  });

  test.each([
    ['no SemVer', 'name: app\nversion: 1.2\n', 2],
    ['an alias', 'x: &v 1.2.3\nversion: *v\n', 2],
    ['missing', 'name: app\n', 1],
    ['no text', 'version: [1]\n', 1],
  ])('is refused with its line: %s', async (_, text, line) => {
    write({ 'Chart.yaml': text });
    await expect(raiseVersion(folder, 'patch')).rejects.toMatchObject({
      code: 'chart-invalid',
      message: expect.stringContaining(`Chart.yaml:${line}: `),
    });
  });
});

describe('the parents of a changed chart', () => {
  const changed = () => [
    { name: 'db', file: join(folder, 'charts/db/Chart.yaml'), line: 1, version: '1.0.0', bumped: '1.0.1' },
  ];

  test('name it by file://, with what is outdated then', async () => {
    write({
      'charts/db/Chart.yaml': 'name: db\nversion: 1.0.0\n',
      'charts/app/Chart.yaml': 'name: app\ndependencies: [{name: db, version: 1.0.0, repository: "file://../db"}]\n',
      'charts/app/Chart.lock': '',
      'charts/app/charts/db-1.0.0.tgz': '',
      'stacks/all/Chart.yaml':
        'name: all\ndependencies: [{name: db, version: ^1.0.0, repository: "file://../../charts/db/"}]\n',
      'charts/old/Chart.yaml': 'name: old\n',
      'charts/old/requirements.yaml': 'dependencies: [{name: db, version: 1.x.x, repository: "file://../db"}]\n',
      'charts/other/Chart.yaml':
        'name: other\ndependencies: [{name: db, version: 1.0.0, repository: "https://example.com"}]\n',
      'node_modules/x/Chart.yaml': 'name: x\ndependencies: [{name: db, repository: "file://../../charts/db"}]\n',
    });
    const parents = await findParents(changed(), folder);
    expect(parents.map(({ name, on, outdated }) => [name, on, outdated])).toEqual([
      ['app', 'db', ['Chart.yaml wants db 1.0.0', 'Chart.lock', 'charts/db-1.0.0.tgz']],
      ['old', 'db', []],
      ['all', 'db', []],
    ]);
  });

  test('have it in charts/', async () => {
    write({ 'Chart.yaml': 'name: umbrella\n', 'charts/db/Chart.yaml': 'name: db\nversion: 1.0.0\n' });
    expect(await findParents(changed(), join(folder, 'elsewhere'))).toEqual([
      { name: 'umbrella', folder, on: 'db', through: 'charts/db', outdated: [] },
    ]);
  });

  test('are sought beside charts that are elsewhere', async () => {
    write({
      'charts/db/Chart.yaml': 'name: db\n',
      'charts/app/Chart.yaml': 'name: app\ndependencies: [{name: db, repository: "file://../db"}]\n',
    });
    expect(await findParents(changed(), join(folder, 'elsewhere'))).toMatchObject([{ name: 'app' }]);
  });
});
