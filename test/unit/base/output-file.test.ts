import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { checkOutput, writeOutput } from '../../../src/base/output-file.ts';
import { scratchFolder } from '../../support/scratch.ts';

let folder: string;
beforeEach(() => {
  folder = scratchFolder();
});

it('replaces what is there and leaves nothing beside it', async () => {
  const path = join(folder, 'a.lock');
  await writeFile(path, 'a longer text than the new one');
  await writeOutput(path, 'new');
  expect(await readFile(path, 'utf8')).toBe('new');
  expect(await readdir(folder)).toEqual(['a.lock']);
});

it('leaves what is there when it cannot be replaced', async () => {
  const path = join(folder, 'taken');
  await mkdir(join(path, 'in it'), { recursive: true });
  await expect(writeOutput(path, 'new')).rejects.toMatchObject({
    code: 'file',
    message: expect.stringContaining(path),
  });
  expect(await readdir(folder)).toEqual(['taken']);
  await expect(writeOutput(join(folder, 'none', 'a'), 'new')).rejects.toMatchObject({ code: 'file' });
});

it('tells beforehand what can never be written, with the flag that says where', async () => {
  await expect(checkOutput(folder, '--lock')).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringContaining(`--lock ${folder} is a folder`),
  });
  await expect(checkOutput(join(folder, 'none', 'a'), '--out')).rejects.toMatchObject({
    code: 'file',
    hint: expect.stringContaining('--out'),
  });
  await expect(checkOutput(join(folder, 'a'), '--out')).resolves.toBeUndefined();
});
