import { execFileSync } from 'node:child_process';
import { appendFileSync, copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { scratchFolder } from '../../support/scratch.ts';

const root = join(import.meta.dirname, '../../..');

/** A copy of what the build needs. */
function checkout(folder: string): string {
  mkdirSync(folder);
  for (const name of ['src', 'scripts']) cpSync(join(root, name), join(folder, name), { recursive: true });
  for (const name of ['package.json', 'package-lock.json', '.gitignore'])
    copyFileSync(join(root, name), join(folder, name));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

function git(cwd: string, ...args: string[]): string {
  const { GIT_DIR, GIT_WORK_TREE, GIT_INDEX_FILE, ...env } = process.env;
  const who = ['-c', 'user.name=test', '-c', 'user.email=test@example.org', '-c', 'commit.gpgSign=false'];
  return execFileSync('git', [...who, ...args], { cwd, env, encoding: 'utf8', stdio: 'pipe' }).trim();
}

function commit(folder: string): string {
  git(folder, 'init', '--quiet');
  git(folder, 'add', 'src', 'scripts', 'package.json', 'package-lock.json', '.gitignore');
  git(folder, 'commit', '--quiet', '--message', 'all');
  return git(folder, 'rev-parse', 'HEAD');
}

/** Builds, and returns the files of dist/ and the commit that the program prints. */
function build(folder: string): { files: Record<string, string>; commit: string } {
  execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: folder });
  const dist = join(folder, 'dist');
  const files = Object.fromEntries(readdirSync(dist).map((name) => [name, readFileSync(join(dist, name), 'latin1')]));
  const output = execFileSync(process.execPath, [join(dist, 'airgap.cjs'), 'version', '-o', 'json'], {
    env: { PATH: '/none' },
    encoding: 'utf8',
  });
  return { files, commit: JSON.parse(output).commit };
}

/** Returns the commit that a build would put into the program: a build takes seconds. */
function commitOf(folder: string, env: NodeJS.ProcessEnv = {}): string {
  const code = "import { commitOf } from './scripts/commit.mjs'; console.log(commitOf(process.cwd()));";
  return execFileSync(process.execPath, ['--input-type=module', '--eval', code], {
    cwd: folder,
    env: { ...process.env, ...env },
    encoding: 'utf8',
  }).trim();
}

test('the same commit gives the same bytes in every clone, and the program has its name', () => {
  const home = scratchFolder();
  const first = checkout(join(home, 'first'));
  const head = commit(first);
  git(home, 'clone', '--quiet', first, join(home, 'second'));
  symlinkSync(join(root, 'node_modules'), join(home, 'second/node_modules'));
  const built = build(first);
  expect(built.commit).toBe(head);
  expect(build(join(home, 'second'))).toEqual(built);

  // Changed documents are not built.
  appendFileSync(join(first, 'README.md'), 'changed');
  expect(commitOf(first)).toBe(head);
  appendFileSync(join(first, 'src/cli/version.ts'), '\n');
  expect(commitOf(first)).toBe(`${head}-dirty`);
  expect(commitOf(first, { GIT_DIR: join(home, 'second/.git') })).toBe(`${head}-dirty`);
});

test('without git, and in a folder of another repository, the commit is unknown', () => {
  const home = scratchFolder();
  const folder = checkout(join(home, 'copy'));
  expect(commitOf(folder)).toBe('unknown');
  git(home, 'init', '--quiet');
  git(home, 'commit', '--quiet', '--allow-empty', '--message', 'other');
  expect(commitOf(folder)).toBe('unknown');
  git(home, 'init', '--quiet', folder);
  expect(commitOf(folder, { PATH: '/none' })).toBe('unknown');
});
