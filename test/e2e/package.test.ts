import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bareHost } from '../support/bare-host.ts';
import { fixtureChart } from '../support/charts.ts';
import { everyHelm } from '../support/helm.ts';
import { pushImage } from '../support/images.ts';
import { makePackages, type PackedPlugin, packed, thisPlatform } from '../support/package.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { tarOf } from '../support/tar.ts';

/** The archive of `npm run package`: what is in it, and that it runs where there is no Node, npm and git. */

const root = join(import.meta.dirname, '../..');
/** Most bytes of an archive. */
const LIMIT = 60e6;

let it: PackedPlugin;
let registry: TestRegistry;
beforeAll(async () => {
  [it, registry] = [await packed(), await startRegistry()];
});
afterAll(() => registry.stop());

const inArchive = (name: string): string => readFileSync(join(it.plugin, name), 'utf8');
const readJson = (file: string) => JSON.parse(readFileSync(file, 'utf8'));
const version: string = readJson(join(root, 'package.json')).version;

describe('the archive', () => {
  test('is small enough, and its digest is in SHA256SUMS and in the provenance', async () => {
    expect(readdirSync(it.packages).sort()).toEqual([
      'SHA256SUMS',
      `airgap-${version}-${thisPlatform}.tgz`,
      `airgap-${version}.cdx.json`,
      'provenance.json',
    ]);
    expect(statSync(it.archive).size).toBeLessThan(LIMIT);
    const { stdout } = await execa('sha256sum', ['--check', 'SHA256SUMS'], { cwd: it.packages });
    const names = [`airgap-${version}-${thisPlatform}.tgz`, `airgap-${version}.cdx.json`, 'provenance.json'];
    expect(stdout).toBe(names.map((name) => `${name}: OK`).join('\n'));
    const [sha256] = readFileSync(join(it.packages, 'SHA256SUMS'), 'utf8').split(' ');
    const statement = readJson(join(it.packages, 'provenance.json'));
    expect(statement).toMatchObject({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: `airgap-${version}-${thisPlatform}.tgz`, digest: { sha256 } }],
      predicateType: 'https://slsa.dev/provenance/v1',
    });
    const { sha256: lock } = statement.predicate.buildDefinition.resolvedDependencies.find(
      ({ name }: { name?: string }) => name === 'package-lock.json',
    ).digest;
    expect((await execa('sha256sum', ['package-lock.json'], { cwd: root })).stdout).toContain(lock);
  });

  test('has plugin.yaml at its root for Helm 3, and all else in airgap/ for Helm 4 and tar', async () => {
    const { stdout } = await execa('tar', ['tzf', it.archive]);
    const names = stdout.split('\n');
    expect(names.slice(0, 2)).toEqual(['plugin.yaml', 'airgap/']);
    expect(names.slice(1).filter((name) => !name.startsWith('airgap/'))).toEqual([
      'completion.yaml',
      'plugin.complete',
    ]);
    for (const name of ['bin', 'dist', 'scripts', 'post-renderer']) expect(names).toContain(`airgap/${name}/`);
    for (const name of ['fetch', 'hash', 'inside']) expect(names).toContain(`airgap/dist/${name}-thread.cjs`);
  });

  test('names every package that is built in, with its licence', () => {
    const notice = inArchive('NOTICE');
    const heads = new Set(notice.match(/^(?:@[\w-]+\/)?[\w.-]+(?= [\d.]+ \([^)]+\)$)/gm));
    // The types of commander have no code, and esbuild only builds.
    const none = ['@commander-js/extra-typings', 'esbuild'];
    const wanted = Object.keys(readJson(join(root, 'package.json')).dependencies).filter(
      (name) => !none.includes(name),
    );
    expect(wanted.filter((name) => !heads.has(name))).toEqual([]);
    for (const folder of readJson(join(root, 'dist/packages.json')))
      expect(heads).toContain(folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length));
    for (const text of ['CycloneDX community', 'Joyent', 'OpenSSL']) expect(notice).toContain(text);
  });

  test('has the same bytes when another clone in another folder makes it', async () => {
    const clone = join(root, '.cache', `clone-${process.pid}`, 'checkout');
    try {
      await execa('git', ['clone', '--quiet', '--no-checkout', root, clone]);
      await execa('git', ['reset', '--quiet'], { cwd: clone });
      for (const name of [
        'src',
        'scripts',
        'post-renderer',
        'plugin.yaml',
        'plugin.complete',
        'completion.yaml',
        'package.json',
        'package-lock.json',
        'LICENSE',
      ])
        cpSync(join(root, name), join(clone, name), { recursive: true });
      // Hard links: esbuild would follow a symbolic link out of the clone.
      await execa('cp', ['-al', join(root, 'node_modules'), clone]);
      await makePackages(clone, join(clone, 'packages'));
      for (const name of ['SHA256SUMS', 'provenance.json'])
        expect(readFileSync(join(clone, 'packages', name), 'utf8')).toBe(readFileSync(join(it.packages, name), 'utf8'));
    } finally {
      await execa('rm', ['-rf', join(clone, '..')]);
    }
  });
});

describe.each(everyHelm())('Helm $version, without Node, npm and git', ({ path, version: helmVersion, variable }) => {
  const isHelm4 = helmVersion.startsWith('4.');

  test('runs the unpacked plugin and its post-renderer, and nothing of it stays after removal', async (context) => {
    if (path === undefined) return context.skip(`this Helm is not here; set ${variable} to the path of one`);
    const { home, ok } = bareHost(path);
    await ok(path, 'plugin', 'install', it.plugin);
    const about = JSON.parse(await ok(path, 'airgap', 'version', '-o', 'json'));
    expect(about).toMatchObject({ version, helm: { version: helmVersion } });
    expect(await ok(path, '__complete', 'airgap', 'schema', 'lo')).toMatch(/^lock-file\n:4/);
    expect(await ok(path, 'airgap', 'images', fixtureChart('hardcoded'))).toContain('docker.io/library/busybox:1.36.1');

    const to = ['--to', 'registry.internal.example/m', '--out', 'o.yaml', '--unmapped=post-render'];
    await ok(path, 'airgap', 'values', fixtureChart('hardcoded'), ...to);
    if (isHelm4) await ok(path, 'plugin', 'install', join(it.plugin, 'post-renderer'));
    const renderer = isHelm4 ? 'airgap-post-render' : join(it.plugin, 'scripts/airgap-post-render');
    const flags = ['--post-renderer', renderer, '--post-renderer-args', '--map=o.post-render.json'];
    const render = await ok(path, 'template', 'r', fixtureChart('hardcoded'), '-f', 'o.yaml', ...flags);
    const images = render.match(/(?<=image: ).*/g) ?? [];
    expect(images.length).toBeGreaterThan(1);
    for (const image of images) expect(image).toContain('registry.internal.example/m/');

    for (const name of isHelm4 ? ['airgap-post-render', 'airgap'] : ['airgap'])
      await ok(path, 'plugin', 'uninstall', name);
    const left = readdirSync(home, { recursive: true, encoding: 'utf8' });
    expect(left.filter((name) => name.includes('airgap'))).toEqual([]);
  });
});

test('carries an image of some size, with its threads, and scans an operator, without Node on the host', async (context) => {
  const helm = everyHelm().findLast(({ path }) => path !== undefined)?.path;
  if (helm === undefined) return context.skip('no Helm is here; run scripts/setup --tests');
  const { home, env, run, ok } = bareHost(helm);
  const airgap = join(it.plugin, 'scripts/airgap');
  const project = 'quay.io/widget-project';
  const sideImage = `${project}/side:2.0.0`;
  // Two large layers, one for each platform: enough for a second thread.
  await pushImage(registry.host, `${project}/dashboard`, 'v1.0.0', { size: 33 * 1024 * 1024 });
  const defaults = tarOf([{ path: 'etc/operator.yaml', content: Buffer.from(`sideImage: ${sideImage}\n`) }]);
  await pushImage(registry.host, `${project}/operator`, 'v1.0.0', {
    platforms: ['linux/amd64'],
    layers: [defaults],
  });
  await pushImage(registry.host, `${project}/side`, '2.0.0');
  const chart = fixtureChart('widget-operator');
  const access = ['--mirror', `*=${registry.host}`, '--plain-http', registry.host];
  const found = JSON.parse(await ok(airgap, 'images', chart, ...access, '--look-inside', '-o', 'json'));
  expect(found.inside.found.map(({ reference }: { reference: string }) => reference)).toEqual([sideImage]);

  const file = join(home, 'large.tar');
  // Node names each worker that it starts.
  env.NODE_DEBUG = 'worker';
  const bundled = await run(airgap, 'bundle', chart, ...access, '--out', file);
  delete env.NODE_DEBUG;
  expect(bundled.code, bundled.stderr).toBe(0);
  expect(bundled.stderr).toContain('fetch-thread.cjs');
  await ok(airgap, 'verify', file);
  await ok(airgap, 'push', file, '--to', `${registry.host}/inside`, '--plain-http', registry.host);
  const answer = await fetch(`http://${registry.host}/v2/inside/${project}/dashboard/manifests/v1.0.0`, {
    method: 'HEAD',
    headers: { accept: 'application/vnd.oci.image.index.v1+json' },
  });
  expect(answer.status).toBe(200);
  // What Node would compile comes with the archive: no folder for it in the home.
  expect(readdirSync(home).sort()).toEqual(['bin', 'large.tar']);
});

describe('on a host of another platform', () => {
  /** The launcher on a system that lacks the linker of this platform, with a `uname` of its own. */
  async function start(os: string, machine: string) {
    const { home, run } = bareHost();
    mkdirSync(join(home, 'scripts'));
    const text = inArchive('scripts/airgap').replace(/(?<=\[ -e )\S+/, '/none/ld.so');
    expect(text).toContain('/none/ld.so');
    writeFileSync(join(home, 'scripts/airgap'), text, { mode: 0o755 });
    const uname = `#!/bin/sh\ncase $1 in -s) echo ${os} ;; -m) echo ${machine} ;; esac\n`;
    writeFileSync(join(home, 'uname'), uname, { mode: 0o755 });
    await execa('mv', [join(home, 'uname'), join(home, 'bin/uname')]);
    return run(join(home, 'scripts/airgap'), '--help');
  }

  test.each([
    ['Linux', 'aarch64', `airgap-${version}-linux-arm64.tgz`],
    ['Darwin', 'arm64', `airgap-${version}-darwin-arm64.tgz`],
    ['Linux', 'riscv64', 'linux-riscv64'],
    ['Linux', 'x86_64', 'glibc'],
  ])('%s on %s: one sentence says what to take', async (os, machine, text) => {
    const { code, stdout, stderr } = await start(os, machine);
    expect([code, stdout, stderr.split('\n').length]).toEqual([126, '', 2]);
    expect(stderr).toContain(text);
  });
});
