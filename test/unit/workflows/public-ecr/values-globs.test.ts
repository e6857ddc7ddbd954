import { mkdir, symlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { expandGlobs } from '../../../../src/workflows/public-ecr/values-globs.ts';
import { writeFiles } from '../../../support/charts.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const folder = scratchFolder();
const expand = async (...globs: string[]): Promise<string[]> =>
  (await expandGlobs(globs, folder)).map(
    ({ path, chartFolder }) =>
      `${relative(folder, path)}${chartFolder === undefined ? '' : ` of ${relative(folder, chartFolder)}`}`,
  );

beforeAll(async () => {
  const chart = 'apiVersion: v2\nname: a\nversion: 1.0.0\n';
  await writeFiles(folder, {
    'charts/a/Chart.yaml': chart,
    'charts/a/values.yaml': '',
    'charts/a/values-prod.yaml': '',
    'charts/a/ci/values.yaml': '',
    'charts/b/Chart.yaml': `${chart}type: library\n`,
    'charts/b/values.yaml': '',
    'charts/.hidden/values.yaml': '',
    'deep/er/est/values.yaml': '',
    '[odd].yaml': '',
  });
  await mkdir(join(folder, 'charts/c/values.yaml'), { recursive: true });
  await symlink(folder, join(folder, 'deep/loop'));
});

test.each<[string[], string[]]>([
  [['charts/*/values.yaml'], ['charts/a/values.yaml of charts/a', 'charts/b/values.yaml']],
  [['charts/a/values*.yaml'], ['charts/a/values-prod.yaml of charts/a', 'charts/a/values.yaml of charts/a']],
  [['charts/**/values.yaml'], ['charts/a/ci/values.yaml', 'charts/a/values.yaml of charts/a', 'charts/b/values.yaml']],
  [['deep/**/values.yaml'], ['deep/er/est/values.yaml']],
  [['charts/.*/values.yaml'], ['charts/.hidden/values.yaml']],
  [['charts/a/values.yaml', './charts/a/values.yaml'], ['charts/a/values.yaml of charts/a']],
  [['[odd].yaml'], ['[odd].yaml']],
  [[], []],
])('%j', async (globs, expected) => {
  expect(await expand(...globs)).toEqual(expected);
});

test.each(['charts/*/none.yaml', 'charts/c/values.yaml', '/none/*.yaml'])('%s matches no file', async (glob) => {
  await expect(expand(glob)).rejects.toMatchObject({ code: 'usage', message: expect.stringContaining(glob) });
});
