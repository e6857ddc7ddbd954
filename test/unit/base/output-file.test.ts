import { chmod, mkdir, readdir, readFile, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import {
  checkFolder,
  checkNewOutput,
  checkOutput,
  checkReplaceable,
  checkWritable,
  makeFolder,
  writeOutput,
} from '../../../src/base/output-file.ts';
import { scratchFolder } from '../../support/scratch.ts';

let folder: string;
beforeEach(() => {
  folder = scratchFolder();
});

it('replaces a file and leaves no temporary file', async () => {
  const path = join(folder, 'a.lock');
  await writeFile(path, 'a longer text than the new one');
  await writeOutput(path, 'new');
  expect(await readFile(path, 'utf8')).toBe('new');
  expect(await readdir(folder)).toEqual(['a.lock']);
});

it('keeps the existing file if it cannot be replaced', async () => {
  const path = join(folder, 'taken');
  await mkdir(join(path, 'in it'), { recursive: true });
  await expect(writeOutput(path, 'new')).rejects.toMatchObject({
    code: 'file',
    message: expect.stringContaining(path),
  });
  expect(await readdir(folder)).toEqual(['taken']);
  await expect(writeOutput(join(folder, 'none', 'a'), 'new')).rejects.toMatchObject({ code: 'file' });
});

it('refuses impossible paths before the work, and names the flag', async () => {
  await expect(checkOutput(folder, '--lock')).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringContaining(`--lock ${folder}`),
  });
  await expect(checkOutput(join(folder, 'none', 'a'), '--out')).rejects.toMatchObject({
    code: 'file',
    hint: expect.stringContaining('--out'),
  });
  await expect(checkOutput(join(folder, 'a'), '--out')).resolves.toBeUndefined();
});

it('keeps a stricter mode, and follows no link', async () => {
  const path = join(folder, 'a');
  const mode = async (): Promise<number> => (await stat(path)).mode & 0o777;
  await writeOutput(path, 'x');
  expect(await mode()).toBe(0o644);
  await chmod(path, 0o640);
  await writeOutput(path, 'x');
  expect(await mode()).toBe(0o640);
  await writeOutput(path, 'x', 0o600);
  expect(await mode()).toBe(0o600);
  await symlink(path, join(folder, 'link'));
  await writeOutput(join(folder, 'link'), 'y');
  expect([await readFile(path, 'utf8'), await readFile(join(folder, 'link'), 'utf8')]).toEqual(['x', 'y']);
});

it('replaces only files of the same kind, and empty ones', async () => {
  const path = join(folder, 'a');
  const lists = { isOurs: (existing: Buffer) => existing.toString() === 'list', what: 'list' };
  await checkReplaceable(path, lists);
  for (const [text, isFree] of [
    ['', true],
    ['list', true],
    ['text', false],
  ] as const) {
    await writeFile(path, text);
    const checked = checkReplaceable(path, lists);
    if (isFree) await checked;
    else await expect(checked).rejects.toMatchObject({ code: 'output-exists' });
  }
  await expect(checkReplaceable(folder, lists)).rejects.toMatchObject({ code: 'output-exists' });
  await expect(checkReplaceable('/dev/null', lists)).rejects.toMatchObject({ code: 'output-exists' });
  // Node reads at most 2 GiB at once.
  await truncate(path, 3 * 1024 ** 3);
  await expect(checkReplaceable(path, lists)).rejects.toMatchObject({ code: 'output-exists' });
});

it('creates folders if no file is in the way', async () => {
  const path = join(folder, 'a/b/c');
  await checkFolder(path, '--out-dir');
  expect(await readdir(folder)).toEqual([]);
  await Promise.all([makeFolder(path), makeFolder(path)]);
  await makeFolder(path);
  expect(await readdir(join(folder, 'a/b'))).toEqual(['c']);
  await writeFile(join(path, 'file'), '');
  for (const wrong of [join(path, 'file'), join(path, 'file/below/it')]) {
    await expect(checkFolder(wrong, '--out-dir')).rejects.toMatchObject({ code: 'output-exists' });
    await expect(makeFolder(wrong)).rejects.toMatchObject({ code: 'output-exists' });
  }
  // Node's recursive mkdir never returns there.
  for (const wrong of ['/proc/nope', '/proc/nope/below']) {
    await expect(checkFolder(wrong, '--out-dir')).rejects.toMatchObject({ code: 'file' });
    await expect(makeFolder(wrong)).rejects.toMatchObject({ code: 'file' });
  }
});

it('writes a probe file', async () => {
  await checkWritable(join(folder, 'a'), '--receipt');
  expect(await readdir(folder)).toEqual([]);
  await expect(checkWritable('/proc/a', '--receipt')).rejects.toMatchObject({ code: 'file' });
});

it('creates no file where a link is, wherever it leads', async () => {
  const path = join(folder, 'new');
  await checkNewOutput(path, '--out');
  await symlink('nowhere', path);
  await expect(checkNewOutput(path, '--out')).rejects.toMatchObject({ code: 'output-exists' });
  await checkNewOutput(path, '--out', true);
});
