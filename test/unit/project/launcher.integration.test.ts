import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { testHelms } from '../../support/helm.ts';
import { scratchFolder } from '../../support/scratch.ts';

const checkout = join(import.meta.dirname, '../../..');
let folder: string;
let plugin: string;

/** The plugin with a program that prints how it was called, in a folder with a space in its name. */
beforeEach(() => {
  folder = join(realpathSync(scratchFolder()), 'a launcher');
  mkdirSync(folder);
  plugin = join(folder, 'checkout');
  for (const name of ['scripts', 'dist']) mkdirSync(join(plugin, name), { recursive: true });
  copyFileSync(join(checkout, 'plugin.yaml'), join(plugin, 'plugin.yaml'));
  copyFileSync(join(checkout, 'scripts/airgap'), join(plugin, 'scripts/airgap'));
  const program = 'console.log(JSON.stringify([__dirname, ...process.argv.slice(2)])); process.exit(3);\n';
  writeFileSync(join(plugin, 'dist/airgap.cjs'), program);
});

const tools = '/usr/bin:/bin';
const launch = (file: string, args: string[], env: NodeJS.ProcessEnv = { AIRGAP_NODE: process.execPath }) => {
  const { status, stdout, stderr } = spawnSync(file, args, { encoding: 'utf8', env: { PATH: tools, ...env } });
  return { status, stdout, stderr };
};
const called = (...args: string[]) => ({
  status: 3,
  stdout: `${JSON.stringify([join(plugin, 'dist'), ...args])}\n`,
  stderr: '',
});

/** A Node that only prints its version. */
function nodeOf(version: string): string {
  const bin = join(folder, `node ${version}`);
  mkdirSync(bin);
  writeFileSync(
    join(bin, 'node'),
    `#!/bin/sh\n[ "$1" = --version ] && echo v${version} && exit\necho ran ${version}\n`,
  );
  chmodSync(join(bin, 'node'), 0o755);
  return bin;
}

describe('the launcher', () => {
  test('passes arguments unchanged, and returns the exit code', () => {
    expect(launch(join(plugin, 'scripts/airgap'), ['a b', '', '--x=*'])).toEqual(called('a b', '', '--x=*'));
  });

  test('finds its folder through symbolic links, relative ones too', () => {
    symlinkSync('checkout', join(folder, 'installed'));
    symlinkSync('installed/scripts/airgap', join(folder, 'first'));
    symlinkSync(join(folder, 'first'), join(folder, 'second'));
    for (const link of ['installed/scripts/airgap', 'first', 'second']) {
      expect(launch(join(folder, link), [])).toEqual(called());
    }
  });

  test.each(['22.19.0', '22.20.1', '24.0.0', '100.1.0'])('takes Node %s from the PATH', (version) => {
    const env = { PATH: `${nodeOf(version)}:${tools}` };
    expect(launch(join(plugin, 'scripts/airgap'), [], env)).toMatchObject({ status: 0, stdout: `ran ${version}\n` });
  });

  test.each(['22.18.9', '20.20.2', '9.99.0'])('refuses Node %s', (version) => {
    const env = { AIRGAP_NODE: join(nodeOf(version), 'node') };
    const { status, stderr } = launch(join(plugin, 'scripts/airgap'), [], env);
    expect([status, stderr]).toEqual([127, expect.stringContaining('22.19')]);
  });

  test('prefers the Node in node_modules to the one on the PATH', () => {
    mkdirSync(join(plugin, 'node_modules/.bin'), { recursive: true });
    symlinkSync(process.execPath, join(plugin, 'node_modules/.bin/node'));
    expect(launch(join(plugin, 'scripts/airgap'), [], { PATH: `${nodeOf('24.0.0')}:${tools}` })).toEqual(called());
  });

  describe('keeps compiled code', () => {
    const cache = () => join(folder, 'home/.cache/helm-airgap');
    /** Launches a program that prints Node's code cache, with a umask. */
    function kept(umask: string, env: NodeJS.ProcessEnv = { HOME: join(folder, 'home') }): string {
      writeFileSync(join(plugin, 'dist/airgap.cjs'), 'console.log(process.env.NODE_COMPILE_CACHE ?? "nowhere");\n');
      const all = { PATH: tools, AIRGAP_NODE: process.execPath, ...env };
      const command = `umask ${umask} && exec "$0"`;
      return execFileSync('/bin/sh', ['-c', command, join(plugin, 'scripts/airgap')], {
        encoding: 'utf8',
        env: all,
      }).trim();
    }
    const open = () => {
      const all = readdirSync(cache(), { recursive: true, encoding: 'utf8' }).map((name) => join(cache(), name));
      return [cache(), join(folder, 'home/.cache')].concat(all.filter((path) => path.includes('planted')));
    };

    test('in a folder that no other user can write to, whatever the umask', () => {
      mkdirSync(join(folder, 'home'));
      expect(kept('000')).toBe(cache());
      expect(open().map((path) => statSync(path).mode & 0o777)).toEqual([0o700, 0o700]);
      expect(kept('022')).toBe(cache());
    });

    test('that Node uses in the next run, and does without in a folder it cannot use', () => {
      mkdirSync(join(folder, 'home'));
      writeFileSync(join(plugin, 'dist/program.cjs'), 'exports.text = () => "ran";\n');
      const program = `const { text } = require('./program.cjs');
        console.log(text(), require('node:module').getCompileCacheDir() !== undefined);\n`;
      const run = (env: NodeJS.ProcessEnv) => {
        writeFileSync(join(plugin, 'dist/airgap.cjs'), program);
        return launch(join(plugin, 'scripts/airgap'), [], { AIRGAP_NODE: process.execPath, ...env });
      };
      const ran = (isKept: boolean) => ({ status: 0, stdout: `ran ${isKept}\n`, stderr: '' });
      const keptFiles = () =>
        readdirSync(cache(), { recursive: true, encoding: 'utf8' })
          .map((name) => join(cache(), name))
          .filter((path) => statSync(path).isFile());
      const env = { HOME: join(folder, 'home') };
      expect(run(env)).toEqual(ran(true));
      const files = keptFiles();
      expect(files).toHaveLength(2);
      for (const file of files) writeFileSync(file, readFileSync(file).subarray(0, 100));
      expect(run(env)).toEqual(ran(true));
      expect(keptFiles()).toEqual(files);
      writeFileSync(join(folder, 'file'), '');
      expect(run({ NODE_COMPILE_CACHE: join(folder, 'file') })).toEqual(ran(false));
      expect(run({ ...env, NODE_DISABLE_COMPILE_CACHE: '1' })).toEqual(ran(false));
    });

    test('never in a folder that others can write to: it is created again', () => {
      mkdirSync(cache(), { recursive: true });
      for (const mode of [0o777, 0o775, 0o707]) {
        chmodSync(cache(), mode);
        writeFileSync(join(cache(), 'planted'), '');
        expect(kept('022')).toBe(cache());
        expect([existsSync(join(cache(), 'planted')), statSync(cache()).mode & 0o777]).toEqual([false, 0o700]);
      }
      chmodSync(cache(), 0o755);
      writeFileSync(join(cache(), 'planted'), '');
      expect([kept('022'), existsSync(join(cache(), 'planted'))]).toEqual([cache(), true]);
    });

    test('nowhere else', () => {
      mkdirSync(join(folder, 'home/.cache'), { recursive: true });
      symlinkSync('/tmp', cache());
      expect(kept('022')).toBe('nowhere');
      writeFileSync(join(folder, 'file'), '');
      expect(kept('022', { XDG_CACHE_HOME: join(folder, 'file') })).toBe('nowhere');
      expect(kept('022', { XDG_CACHE_HOME: '/proc/none' })).toBe('nowhere');
      expect(kept('022', {})).toBe('nowhere');
      expect(kept('022', { NODE_COMPILE_CACHE: join(folder, 'own') })).toBe(join(folder, 'own'));
    });
  });

  test('names the set-up script if the checkout is not built', () => {
    rmSync(join(plugin, 'dist'), { recursive: true });
    mkdirSync(join(plugin, 'src'));
    const { status, stderr } = launch(join(plugin, 'scripts/airgap'), []);
    expect([status, stderr]).toEqual([127, expect.stringContaining(`${plugin}/scripts/setup`)]);
  });
});

describe.each(testHelms())('Helm $version', ({ path, variable }) => {
  test('installs the folder as a plugin and runs it', ({ skip }) => {
    if (path === undefined) return skip(`this Helm is not here; set ${variable} to the path of one`);
    const env = {
      PATH: tools,
      AIRGAP_NODE: process.execPath,
      HELM_DATA_HOME: join(folder, 'data'),
      HELM_CONFIG_HOME: join(folder, 'config'),
      HELM_CACHE_HOME: join(folder, 'cache'),
    };
    execFileSync(path, ['plugin', 'install', plugin], { env, stdio: 'pipe' });
    expect(launch(path, ['airgap', 'values', '--help'], env)).toEqual({
      ...called('values', '--help'),
      stderr: expect.stringContaining('exited with error'),
    });
  });
});
