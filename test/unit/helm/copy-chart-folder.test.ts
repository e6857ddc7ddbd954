import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { copyWithDependencies } from '../../../src/helm/chart-dependencies.ts';
import { copyChartFolder } from '../../../src/helm/copy-chart-folder.ts';
import { chartYaml, writeFiles } from '../../support/charts.ts';
import { scratchFolder } from '../../support/scratch.ts';

/** Creates a chart folder next to a secret file and a shared folder of a monorepo. */
async function createSite(): Promise<{
  scratch: string;
  chart: string;
  copy: (roots?: string[]) => Promise<string[]>;
}> {
  const scratch = scratchFolder();
  const chart = await writeFiles(join(scratch, 'mono/app'), {
    'Chart.yaml': chartYaml('app'),
    'templates/a.yaml': 'a: 1\n',
  });
  await writeFiles(scratch, { 'secret.txt': 'hunter22', 'mono/shared/common.yaml': 'shared' });
  const copy = async (roots: string[] = []): Promise<string[]> => {
    await copyChartFolder(chart, join(scratch, 'copy'), roots);
    const files = await readdir(join(scratch, 'copy'), { recursive: true, withFileTypes: true });
    return files
      .filter((file) => file.isFile())
      .map((file) => join(file.parentPath, file.name).slice(scratch.length + 6))
      .sort();
  };
  return { scratch, chart, copy };
}

it('replaces links within the folder by their targets', async () => {
  const { scratch, chart, copy } = await createSite();
  await symlink('a.yaml', join(chart, 'templates/b.yaml'));
  await symlink('templates', join(chart, 'more'));
  expect(await copy()).toEqual(['Chart.yaml', 'more/a.yaml', 'more/b.yaml', 'templates/a.yaml', 'templates/b.yaml']);
  expect(await readFile(join(scratch, 'copy/more/b.yaml'), 'utf8')).toBe('a: 1\n');
});

it.each<[string, string, string]>([
  ['to a file outside', '../../secret.txt', 'files/x'],
  ['to the environment', '/proc/self/environ', 'files/x'],
  ['to a folder outside', '../..', 'files'],
  ['to a link that leads outside', 'hop', 'files/x'],
  ['in place of a vendored chart', '../../../mono', 'charts/mono'],
  ['in place of Chart.yaml', '../../secret.txt', 'Chart.yaml'],
  ['to nothing', 'nowhere', 'files/x'],
  ['to itself', 'x', 'files/x'],
])('refuses a link %s, and names it', async (_, target, path) => {
  const { scratch, chart, copy } = await createSite();
  await mkdir(join(chart, path, '..'), { recursive: true });
  await symlink(join(scratch, 'secret.txt'), join(chart, path, '../hop'));
  await writeFile(join(chart, '.helmignore'), '/hop\nfiles/hop\ncharts/hop\n');
  if (path === 'Chart.yaml') execFileSync('rm', [join(chart, path)]);
  await symlink(target, join(chart, path));
  const error = await copy().catch((thrown: unknown) => thrown);
  if (target === '../..' || target === '../../secret.txt') expect(String(error)).toContain(path);
  expect(error).toMatchObject({ code: 'chart-invalid', message: expect.stringContaining(path) });
});

it('refuses cyclic links and pipes', async () => {
  const cyclic = await createSite();
  await symlink('..', join(cyclic.chart, 'templates/up'));
  await expect(cyclic.copy()).rejects.toMatchObject({ message: expect.stringContaining('templates/up') });
  const withPipe = await createSite();
  execFileSync('mkfifo', [join(withPipe.chart, 'templates/pipe')]);
  await expect(withPipe.copy()).rejects.toMatchObject({ message: expect.stringContaining('templates/pipe') });
});

it('follows links below an allowed folder and no others', async () => {
  const { scratch, chart, copy } = await createSite();
  await symlink('../shared', join(chart, 'shared'));
  await expect(copy()).rejects.toMatchObject({ code: 'chart-invalid', hint: expect.stringContaining('--allow-chart') });
  expect(await copy([join(scratch, 'mono')])).toContain('shared/common.yaml');
  await symlink('../../secret.txt', join(scratch, 'mono/shared/secret'));
  await expect(copy([join(scratch, 'mono')])).rejects.toMatchObject({ message: expect.stringContaining('secret') });
  await expect(copy([join(scratch, 'mon')])).rejects.toMatchObject({ code: 'usage' });
});

it('skips files that Helm ignores', async () => {
  const { chart, copy } = await createSite();
  await symlink('/', join(chart, 'node_modules'));
  await writeFiles(chart, { '.helmignore': '# x\nnode_modules/\n*.bak\n/docs\n', 'a.bak': '', 'docs/x': '' });
  expect(await copy()).toEqual(['.helmignore', 'Chart.yaml', 'templates/a.yaml']);
});

it('keeps all files when a rule is negated', async () => {
  const { chart, copy } = await createSite();
  await writeFiles(chart, { '.helmignore': '*.txt\n!a.txt\n', 'a.txt': '', 'b.txt': '' });
  expect(await copy()).toContain('a.txt');
});

it('copies allowed dependencies to the same relative path', async () => {
  const { scratch, chart } = await createSite();
  await writeFiles(join(scratch, 'mono/common'), { 'Chart.yaml': chartYaml('common') });
  const target = join(scratch, 'into');
  const refusal = { code: 'chart-invalid', hint: expect.stringContaining('--allow-chart-links') };
  await expect(copyWithDependencies(chart, ['../common'], target, [])).rejects.toMatchObject(refusal);
  const roots = [join(scratch, 'mono')];
  for (const dependency of [join(scratch, 'mono/common'), '../../secret', '/etc']) {
    await expect(copyWithDependencies(chart, [dependency], target, roots)).rejects.toMatchObject(refusal);
  }
  const copy = await copyWithDependencies(chart, ['../common'], target, roots);
  expect(await readFile(join(copy, '../common/Chart.yaml'), 'utf8')).toContain('common');
  expect(await readFile(join(copy, 'Chart.yaml'), 'utf8')).toContain('app');
});
