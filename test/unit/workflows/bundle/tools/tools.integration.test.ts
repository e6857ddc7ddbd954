import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../../../src/oci/digest.ts';
import { parsePlatform } from '../../../../../src/oci/platform.ts';
import { findTools, type ToolSources } from '../../../../../src/workflows/bundle/tools/tools.ts';
import { newestAndOldestHelm } from '../../../../support/helm.ts';
import { scratchFolder } from '../../../../support/scratch.ts';
import { tarOf } from '../../../../support/tar.ts';
import { elfProgram } from '../../../../support/tools.ts';

const context = (cwd: string) => ({ cwd, env: process.env, emit: () => {}, temporaryFolder: cwd });

const find = (sources: Partial<ToolSources>, platforms: readonly string[] = []) =>
  findTools(context(scratchFolder()) as never, { helm: [], ...sources }, platforms.map(parsePlatform));

/** A folder as `npm run package` writes it, with small archives of these names. */
function packages(names: readonly string[], change: (sums: string) => string = (sums) => sums): string {
  const folder = scratchFolder();
  const sums = names.map((name) => {
    writeFileSync(join(folder, name), `archive ${name}`);
    return `${digestOf(Buffer.from(`archive ${name}`)).slice(7)}  ${name}\n`;
  });
  writeFileSync(join(folder, 'SHA256SUMS'), change(sums.join('')));
  writeFileSync(join(folder, 'provenance.json'), '{}');
  return folder;
}

const [AMD, ARM, MAC] = ['linux-amd64', 'linux-arm64', 'darwin-arm64'].map((name) => `airgap-0.1.0-${name}.tgz`) as [
  string,
  string,
  string,
];

describe('archives of the plugin', () => {
  it('are those of the platforms, or all', async () => {
    const folder = packages([AMD, ARM, MAC]);
    const names = async (...platforms: string[]) =>
      (await find({ packages: folder }, platforms)).map(({ name }) => name);
    expect(await names()).toEqual([MAC, AMD, ARM]);
    expect(await names('linux/amd64')).toEqual([AMD]);
    expect(await names('linux/arm64/v8', 'linux/amd64', 'linux/amd64')).toEqual([AMD, ARM]);
    const [tool] = await find({ packages: folder }, ['linux/amd64']);
    expect(tool).toEqual({
      name: AMD,
      platform: 'linux/amd64',
      size: `archive ${AMD}`.length,
      digest: digestOf(Buffer.from(`archive ${AMD}`)),
      path: join(folder, AMD),
    });
  });

  it('have versions with dashes', async () => {
    const name = 'airgap-0.2.0-rc.1-x-linux-amd64.tgz';
    expect(await find({ packages: packages([name]) })).toMatchObject([{ name, platform: 'linux/amd64' }]);
  });

  it('are sums of sha256sum in binary mode too', async () => {
    expect(await find({ packages: packages([AMD], (sums) => sums.replace('  ', ' *')) })).toHaveLength(1);
  });

  it('can be those of the tools/ of a bundle, whose sums name the folder', async () => {
    expect(await find({ packages: packages([AMD], (sums) => sums.replace('  ', '  tools/')) })).toHaveLength(1);
  });

  it('must be there', async () => {
    const missing = { code: 'file', hint: expect.stringContaining('--packages') };
    await expect(find({ packages: join(scratchFolder(), 'none') })).rejects.toMatchObject(missing);
    await expect(find({ packages: packages([]) })).rejects.toMatchObject(missing);
    await expect(find({ packages: packages([AMD]) }, ['linux/amd64', 'linux/s390x'])).rejects.toMatchObject({
      code: 'file',
      message: expect.stringContaining('linux/s390x'),
      hint: expect.stringContaining('linux/amd64'),
    });
  });

  it('must match their sums, which list each', async () => {
    const wrong = { code: 'digest-mismatch', message: expect.stringContaining(AMD) };
    await expect(
      find({ packages: packages([AMD], (sums) => sums.replace(/^./, (c) => (c === '0' ? '1' : '0'))) }),
    ).rejects.toMatchObject(wrong);
    await expect(find({ packages: packages([AMD], () => '') })).rejects.toMatchObject(wrong);
    const none = packages([AMD]);
    execFileSync('rm', [join(none, 'SHA256SUMS')]);
    await expect(find({ packages: none })).rejects.toMatchObject({ code: 'file' });
  });

  it('are of one version', async () => {
    const folder = packages([AMD, AMD.replace('0.1.0', '0.2.0')]);
    await expect(find({ packages: folder })).rejects.toMatchObject({ code: 'usage' });
  });
});

describe('a Helm program', () => {
  const at = (name: string, content: Buffer): string => {
    const path = join(scratchFolder(), name);
    writeFileSync(path, content);
    return path;
  };
  const release = (...files: { path: string; content: Buffer }[]): Buffer => gzipSync(tarOf(files));
  const arm = { path: 'linux-arm64/helm', content: elfProgram(183) };

  it('that runs here has its version in its name', async () => {
    const [oldest, newest] = newestAndOldestHelm().map(({ path }) => path ?? expect.fail('run scripts/setup --tests'));
    const nameOf = (path = ''): string => {
      const version = /^v[\d.]+/.exec(execFileSync(path, ['version', '--short'], { encoding: 'utf8' }))?.[0];
      return `helm-${version}-linux-${process.arch === 'arm64' ? 'arm64' : 'amd64'}`;
    };
    const link = join(scratchFolder(), 'helm');
    symlinkSync(newest as string, link);
    expect(await find({ helm: [link, link] })).toMatchObject([{ name: nameOf(newest), executable: true }]);
    const two = await find({ helm: [link, oldest as string] });
    expect(two.map(({ name }) => name)).toEqual([nameOf(oldest), nameOf(newest)]);
  });

  it('for another platform has none', async () => {
    const found = await find({ helm: [at('x', elfProgram(22))] });
    expect(found).toMatchObject([{ name: 'helm-linux-s390x', platform: 'linux/s390x', executable: true }]);
  });

  it('in its release archive is named by that, if the name is true', async () => {
    const bytes = release({ path: 'linux-arm64/README.md', content: Buffer.alloc(3000) }, arm);
    const name = 'helm-v4.1.4-linux-arm64.tar.gz';
    const [tool] = await find({ helm: [at(name, bytes)] });
    expect(tool).toMatchObject({ name, platform: 'linux/arm64', digest: digestOf(bytes) });
    expect(tool).not.toHaveProperty('executable');
    for (const other of ['helm.tgz', 'helm-v4.1.4-linux-amd64.tar.gz', 'helm-$(id)-linux-arm64.tar.gz', '-x.tar.gz']) {
      expect(await find({ helm: [at(other, bytes)] })).toMatchObject([{ name: 'helm-linux-arm64.tar.gz' }]);
    }
  });

  it('does not share its name with another', async () => {
    const [one, two] = [elfProgram(22, '1'), elfProgram(22, '2')].map((bytes) => at('helm', bytes)) as [string, string];
    await expect(find({ helm: [one, two] })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('helm-linux-s390x'),
    });
    const copy = at('copy', elfProgram(22, '1'));
    copyFileSync(one, copy);
    expect(await find({ helm: [one, copy] })).toHaveLength(1);
  });

  it.each([
    ['a script', Buffer.from('#!/bin/sh\necho v4.1.4\n'.padEnd(100))],
    ['an empty file', Buffer.alloc(0)],
    ['a zip archive', Buffer.from('PK\x03\x04'.padEnd(100))],
    ['an archive without helm', release({ path: 'linux-amd64/tiller', content: elfProgram(62) })],
    ['an archive with another helm', release({ path: 'windows-amd64/helm', content: Buffer.from('MZ'.padEnd(100)) })],
    ['a truncated archive', release(arm).subarray(0, 60)],
    ['an archive that is no tar', gzipSync(Buffer.alloc(2000, 7))],
    ['a program that is not Helm', elfProgram(process.arch === 'arm64' ? 183 : 62, 'x')],
  ])('is not %s', async (_, bytes) => {
    const failed = find({ helm: [at('given', bytes)] });
    await expect(failed).rejects.toMatchObject({ code: 'usage', message: expect.stringContaining('given') });
  });

  it('is a file', async () => {
    const folder = scratchFolder();
    mkdirSync(join(folder, 'd'));
    execFileSync('mkfifo', [join(folder, 'p')]);
    for (const name of ['d', 'p', 'none']) {
      const failed = find({ helm: [join(folder, name)] });
      await expect(failed).rejects.toMatchObject({ code: 'file', message: expect.stringContaining(name) });
    }
  });
});

it('reads nothing unless it is asked to', async () => {
  expect(await find({})).toEqual([]);
});
