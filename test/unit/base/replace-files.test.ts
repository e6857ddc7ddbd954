import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { replaceFiles } from '../../../src/base/replace-files.ts';
import { scratchFolder } from '../../support/scratch.ts';

let folder: string;
beforeEach(() => {
  folder = scratchFolder();
});

const replacement = (path: string, before = 'old', after = 'new') => ({
  path: join(folder, path),
  before: Buffer.from(before),
  after: Buffer.from(after),
});
const contents = (): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder).map((name) => [
      name,
      statSync(join(folder, name)).isFile() ? readFileSync(join(folder, name), 'utf8') : 'folder',
    ]),
  );

test('replaces all files and keeps their modes', async () => {
  for (const [name, mode] of [
    ['a', 0o644],
    ['b', 0o666],
    ['c', 0o755],
  ] as const) {
    writeFileSync(join(folder, name), 'old');
    chmodSync(join(folder, name), mode);
  }
  await replaceFiles(['a', 'b', 'c'].map((name) => replacement(name)));
  expect(contents()).toEqual({ a: 'new', b: 'new', c: 'new' });
  expect(['a', 'b', 'c'].map((name) => statSync(join(folder, name)).mode & 0o777)).toEqual([0o644, 0o666, 0o755]);
});

test.each([
  ['was changed in the meantime', () => writeFileSync(join(folder, 'b'), 'newer')],
  ['is missing', () => {}],
  ['is a folder', () => mkdirSync(join(folder, 'b'))],
  ['is a link', () => symlinkSync('c', join(folder, 'b'))],
])('replaces none if one %s', async (_, make) => {
  for (const name of ['a', 'c']) writeFileSync(join(folder, name), 'old');
  make();
  const before = contents();
  await expect(replaceFiles(['a', 'b', 'c'].map((name) => replacement(name)))).rejects.toMatchObject({ code: 'file' });
  expect(contents()).toEqual(before);
});

test('creates files, unless they exist', async () => {
  writeFileSync(join(folder, 'a'), 'old');
  const created = { path: join(folder, 'b'), before: undefined, after: Buffer.from('new') };
  await replaceFiles([created, replacement('a')]);
  expect(contents()).toEqual({ a: 'new', b: 'new' });
  await expect(replaceFiles([replacement('a', 'new', 'newer'), created])).rejects.toMatchObject({ code: 'file' });
  await expect(replaceFiles([{ ...created, path: join(folder, 'c') }, replacement('d')])).rejects.toMatchObject({
    code: 'file',
  });
  expect(contents()).toEqual({ a: 'new', b: 'new' });
});

test('puts back what was replaced if a rename fails', async () => {
  mkdirSync(join(folder, 'sub'));
  for (const name of ['a', 'sub/b']) writeFileSync(join(folder, name), 'old');
  const vanishing = {
    path: join(folder, 'sub/b'),
    after: Buffer.from('new'),
    /** Read by the check before the renames: the folder goes right after it. */
    get before() {
      const content = readFileSync(join(folder, 'sub/b'));
      renameSync(join(folder, 'sub'), join(folder, 'moved'));
      return content;
    },
  };
  const created = { path: join(folder, 'c'), before: undefined, after: Buffer.from('new') };
  await expect(replaceFiles([created, replacement('a'), vanishing])).rejects.toMatchObject({ code: 'file' });
  expect(contents()).toEqual({ a: 'old', moved: 'folder' });
  expect(readFileSync(join(folder, 'moved/b'), 'utf8')).toBe('old');
});
