import { execFileSync } from 'node:child_process';
import { chownSync, linkSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  createOwnFile,
  openOwnFile,
  openRegularFile,
  refuseForeignFile,
  replaceOwnFile,
} from '../../../src/base/own-file.ts';
import { scratchFolder } from '../../support/scratch.ts';

let path: string;
let victim: string;
beforeEach(() => {
  const folder = scratchFolder();
  path = join(folder, 'x.partial');
  victim = join(folder, 'victim');
  writeFileSync(victim, 'mine');
});

const planted: readonly (readonly [string, () => void])[] = [
  ['a link', () => symlinkSync(victim, path)],
  ['a link to nothing', () => symlinkSync(`${victim}-none`, path)],
  ['a hard link', () => linkSync(victim, path)],
  ['a folder', () => mkdirSync(path)],
  ['a pipe', () => execFileSync('mkfifo', [path])],
];

describe.each(planted)('%s', (_, plant) => {
  it.each(['r', 'r+', 'a'] as const)('is not opened (%s)', async (how) => {
    plant();
    await expect(openOwnFile(path, how)).rejects.toMatchObject({ code: 'file' });
    await expect(openRegularFile(path, how)).rejects.toMatchObject({ code: 'file' });
    expect(readFileSync(victim, 'utf8')).toBe('mine');
  });

  it('is neither replaced nor created', async () => {
    plant();
    await expect(refuseForeignFile(path)).rejects.toMatchObject({ code: 'file' });
    await expect(replaceOwnFile(path)).rejects.toMatchObject({ code: 'file' });
    await expect(createOwnFile(path)).rejects.toMatchObject({ code: 'EEXIST' });
    expect(readFileSync(victim, 'utf8')).toBe('mine');
  });
});

// Only root can give a file away.
it.runIf(process.getuid?.() === 0)('a file of another user is opened only in a folder of that user', async () => {
  writeFileSync(path, '');
  chownSync(path, 12345, 12345);
  await expect(openOwnFile(path, 'r+')).rejects.toMatchObject({ code: 'file' });
  await expect(refuseForeignFile(path)).rejects.toMatchObject({ code: 'file' });
  await (await openRegularFile(path, 'r+')).close();
  // As on FAT, where every file has the owner of the folder.
  chownSync(join(path, '..'), 12345, 12345);
  await (await openOwnFile(path, 'r+')).close();
});

it('a file of an earlier run is opened, and replaced by one that only the user can read', async () => {
  writeFileSync(path, 'before', { mode: 0o644 });
  const file = await openOwnFile(path, 'r');
  expect(await file.readFile('utf8')).toBe('before');
  await file.close();
  const other = await replaceOwnFile(path);
  await other.writeFile('after');
  await other.close();
  expect([readFileSync(path, 'utf8'), statSync(path).mode & 0o777]).toEqual(['after', 0o600]);
});

it('a missing file is a system error', async () => {
  await expect(openOwnFile(path, 'r')).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(refuseForeignFile(path)).resolves.toBeUndefined();
});
