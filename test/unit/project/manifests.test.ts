import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

const root = join(import.meta.dirname, '../../..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const pkg = JSON.parse(read('package.json')) as { version: string; engines: { node: string } };

/** Files that git tracks or would add, without build output and caches. */
const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\0')
  .filter((file) => file !== '');

describe('plugin.yaml', () => {
  const plugin = parse(read('plugin.yaml')) as Record<string, unknown>;

  test('has the version of package.json', () => {
    expect(plugin.version).toBe(pkg.version);
  });

  test('has only keys that Helm 3.17 knows: it loads no plugin at all if one has another', () => {
    expect(Object.keys(plugin).sort()).toEqual([
      'description',
      'ignoreFlags',
      'name',
      'platformCommand',
      'usage',
      'version',
    ]);
    for (const command of plugin.platformCommand as object[]) expect(Object.keys(command)).toEqual(['os', 'command']);
  });
});

test('the launcher requires the same Node as package.json', () => {
  expect(`>=${/^required=(.*)$/m.exec(read('scripts/airgap'))?.[1]}`).toBe(pkg.engines.node);
  expect(read('scripts/setup')).toContain(`Node.js ${pkg.engines.node.slice(2)} or newer`);
});

test('set-up refuses unknown arguments', () => {
  const { status, stdout } = spawnSync(join(root, 'scripts/setup'), ['--test'], { encoding: 'utf8' });
  expect([status, stdout]).toEqual([2, '']);
});

test('package-lock.json names no download addresses', () => {
  expect(read('package-lock.json')).not.toContain('"resolved"');
});

test('no file names a package registry or a path of a build machine', () => {
  // Split, so that this file does not match itself.
  const hosts = ['npmjs', 'yarnpkg', 'crates', 'pypi', 'rubygems'].map((name) => `${name}\\.(?:org|com|io)`);
  const folders = ['work', 'home', 'root', 'Users'].map((name) => `(?<![\\w.$}/-])/${name}/\\w`);
  const forbidden = new RegExp([...hosts, ...folders].join('|'));
  const found = files
    .filter((file) => !/\.(?:tgz|gz|tar|png)$/.test(file))
    .flatMap((file) => {
      let text: string;
      try {
        text = read(file);
      } catch {
        return []; // deleted, and not yet committed
      }
      return text.split('\n').flatMap((line, i) => (forbidden.test(line) ? [`${file}:${i + 1}: ${line.trim()}`] : []));
    });
  expect(files).toContain('package.json');
  expect(found).toEqual([]);
});
