import { chmod, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Environment } from '../../../src/base/environment.ts';
import { findHelm, Helm } from '../../../src/helm/helm.ts';
import { writeFiles } from '../../support/charts.ts';
import { scratchFolder } from '../../support/scratch.ts';

const cwd = scratchFolder();

beforeAll(async () => {
  await writeFiles(cwd, {
    'bin/helm': '#!/bin/sh\nprintf "%s|%s|%s|%s" "$PWD" "$HELM_DEBUG" "$HOME" "$*"; cat; echo oops >&2; exit 3\n',
    'bin/helm3': '#!/bin/sh\necho v3.17.3+g1234\n',
    'bin/slow': '#!/bin/sh\nexec sleep 30\n',
    'bin/broken': '#!/nowhere/interpreter\n',
    'plain/helm': 'not executable',
    'folder/helm/x': '',
  });
  for (const name of ['helm', 'helm3', 'slow', 'broken']) await chmod(join(cwd, 'bin', name), 0o755);
  await symlink('helm', join(cwd, 'bin/link'));
});

describe('findHelm', () => {
  const find = (env: Environment): string => findHelm({ env, cwd }).slice(cwd.length + 1);

  it('resolves a relative HELM_BIN against the working folder', () => {
    expect(find({ HELM_BIN: join(cwd, 'bin/helm3') })).toBe('bin/helm3');
    expect(find({ HELM_BIN: './bin/helm3' })).toBe('bin/helm3');
    expect(find({ HELM_BIN: 'bin/helm3' })).toBe('bin/helm3');
    expect(find({ HELM_BIN: 'bin/link' })).toBe('bin/link');
  });

  it('looks up a bare name in PATH', () => {
    expect(find({ HELM_BIN: 'helm3', PATH: `${cwd}/plain:${cwd}/bin` })).toBe('bin/helm3');
    expect(find({ HELM_BIN: 'helm3', PATH: 'bin' })).toBe('bin/helm3');
  });

  it('finds helm in PATH and skips files that are not executable', () => {
    expect(find({ PATH: `${cwd}/none:${cwd}/plain:${cwd}/folder:${cwd}/bin` })).toBe('bin/helm');
    expect(find({ HELM_BIN: '', PATH: `${cwd}/bin` })).toBe('bin/helm');
  });

  it.each<[string, Environment]>([
    ['nothing is set', {}],
    ['PATH contains none', { PATH: '/nowhere' }],
    ['HELM_BIN names a missing file', { HELM_BIN: './none', PATH: 'bin' }],
    ['HELM_BIN names a folder', { HELM_BIN: './bin' }],
    ['HELM_BIN names a file that is not executable', { HELM_BIN: 'plain/helm' }],
  ])('names HELM_BIN in the hint when %s', (_, env) => {
    expect(() => findHelm({ env, cwd })).toThrow(
      expect.objectContaining({ code: 'helm-missing', exitCode: 1, hint: expect.stringContaining('HELM_BIN') }),
    );
  });
});

describe('Helm', () => {
  it('runs in the given folder and environment, without debug output, and returns its output and exit code', async () => {
    const helm = new Helm({ env: { HELM_BIN: 'bin/helm', PATH: process.env.PATH, HELM_DEBUG: 'true' }, cwd });
    const result = await helm.run(['template', 'a b']);
    expect(result).toEqual({ stdout: `${cwd}|false||template a b`, stderr: 'oops\n', exitCode: 3 });
  });

  it('closes standard input', async () => {
    const helm = new Helm({ env: { HELM_BIN: 'bin/helm', PATH: process.env.PATH }, cwd });
    expect((await helm.run([])).stdout).toBe(`${cwd}|false||`);
  });

  it('returns its version', async () => {
    const helm = new Helm({ env: { HELM_BIN: 'bin/helm3', PATH: process.env.PATH }, cwd });
    expect(await helm.version()).toBe('3.17.3');
  });

  it('does not repeat a password when the program cannot be started', async () => {
    const helm = new Helm({ env: { HELM_BIN: 'bin/broken', PATH: process.env.PATH }, cwd });
    const error = await helm.run(['pull', '--password', 'hunter22']).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'helm-missing' });
    expect(String(error)).not.toContain('hunter22');
  });

  it('is stopped at its time limit, which counts as a failure', async () => {
    const helm = new Helm({ env: { HELM_BIN: 'bin/slow', PATH: process.env.PATH }, cwd });
    expect(await helm.run(['pull'], { timeout: 50 })).toMatchObject({
      stdout: '',
      exitCode: 1,
      limitExceeded: expect.stringContaining('0.05 s'),
    });
  });

  it('is stopped by an interrupt and reports it as such', async () => {
    const controller = new AbortController();
    const helm = new Helm({ env: { HELM_BIN: 'bin/slow', PATH: process.env.PATH }, cwd, signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    const start = performance.now();
    await expect(helm.run([])).rejects.toMatchObject({ code: 'interrupted', exitCode: 130 });
    await expect(helm.run([]), 'nor is it started again').rejects.toMatchObject({ code: 'interrupted' });
    expect(performance.now() - start).toBeLessThan(5000);
  });
});
