import { readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import { formatPostRenderMap } from '../../src/overrides/edits/post-render-map.ts';
import { startApiServer } from '../support/api-server.ts';
import { fixtureChart } from '../support/charts.ts';
import { airgap, cleanEnvironment, helmUnderTest, program } from '../support/cli.ts';
import { scratchFolder } from '../support/scratch.ts';

/** Overrides and post-renderer together: real Helm calls the real post-renderer. */

const root = join(import.meta.dirname, '../..');
/** Images of fixtures/charts/fixed in a hook and in a test. */
const IN_HOOKS = ['docker.io/curlimages/curl:8.10.1', 'ghcr.io/fixed/migrate:2.0.0'];
const target = 'registry.internal.example:5000/mirror';
const home = scratchFolder();
const helm = helmUnderTest();
/** Helm 3 takes a program, Helm 4 the name of a plugin. */
let renderer = join(root, 'scripts/airgap-post-render');
let isHelm4 = false;

beforeAll(async () => {
  isHelm4 = /^v?4\./.test(await program(helm, ['version', '--short'], home));
  await program(helm, ['plugin', 'install', root], home);
  if (!isHelm4) return;
  await program(helm, ['plugin', 'install', join(root, 'post-renderer')], home);
  renderer = 'airgap-post-render';
});

/** Writes overrides and map of a fixture chart. Returns exit code, notes and the flags for Helm. */
async function overrides(name: string): Promise<{ code: number; stderr: string; flags: string[]; map: string }> {
  const file = join(home, `${name}.yaml`);
  const args = ['values', fixtureChart(name), '--to', target, '--out', file, '--residue=post-render'];
  const { code, stderr } = await airgap(args, home);
  return { code, stderr, flags: [fixtureChart(name), '-f', file], map: join(home, `${name}.post-render.json`) };
}

const template = (...args: readonly string[]) => program(helm, ['template', 'rel', ...args], home);
const through = (map: string): string[] => ['--post-renderer', renderer, '--post-renderer-args', `--map=${map}`];

/** Public names in a render, including those in base64; not those in comments. */
function publicNames(render: string): string[] {
  const decoded = render
    .replace(/^\s*#.*$/gm, '')
    .replace(/(?<=settings: )\S+/, (text) => Buffer.from(text, 'base64').toString());
  const names = /(?<![\w./-])(?:registry\.example|quay\.io|ghcr\.io|docker\.io)\/[\w./:@-]+|(?<=image: *'?)busybox\S*/g;
  return [...new Set(decoded.match(names))].sort();
}

/** The render with private names turned back into public ones. */
function undone(render: string): string {
  return render
    .replace(/(?<=settings: )\S+/, (text) => Buffer.from(text, 'base64').toString())
    .replaceAll(`${target}/docker.io/library/busybox`, 'busybox')
    .replaceAll(`${target}/`, '');
}

describe('overrides with a post-renderer', () => {
  test('leave no public name of a chart that has an image in a template', async () => {
    const { code, flags, map } = await overrides('hardcoded');
    expect(code).toBe(0);
    expect(publicNames(await template(...flags))).toEqual(['docker.io/library/busybox:1.36.1']);
    expect(publicNames(await template(...flags, ...through(map)))).toEqual([]);
  });

  test('leave no public name in any manifest, except in hooks with Helm 3', async () => {
    const { code, stderr, flags, map } = await overrides('fixed');
    expect(code).toBe(isHelm4 ? 0 : 3);
    // Helm 3 passes no hooks to post-renderers: their images are reported as unmapped.
    for (const image of IN_HOOKS) expect(new RegExp(`(?<!/)${image}`).test(stderr), stderr).toBe(!isHelm4);
    expect(publicNames(await template(...flags)).length).toBeGreaterThan(IN_HOOKS.length);
    expect(publicNames(await template(...flags, ...through(map)))).toEqual(isHelm4 ? [] : IN_HOOKS);
    expect(publicNames(await template(...flags, '--no-hooks', ...through(map)))).toEqual([]);
  });

  test('change nothing but the references of the map', async () => {
    const { flags, map } = await overrides('fixed');
    const empty = join(home, 'empty.json');
    writeFileSync(empty, formatPostRenderMap({ chart: 'fixed', version: '0.1.0', target, entries: [] }));
    const untouched = await template(...flags, ...through(empty));
    expect(undone(await template(...flags, ...through(map)))).toBe(undone(untouched));
    // Helm 4 serializes YAML again for its post-renderer.
    if (!isHelm4) expect(untouched).toBe(await template(...flags));
  });

  test('are reproducible', async () => {
    const { map } = await overrides('fixed');
    const [first, yaml] = [map, join(home, 'fixed.yaml')].map((file) => readFileSync(file, 'utf8'));
    await overrides('fixed');
    expect([map, join(home, 'fixed.yaml')].map((file) => readFileSync(file, 'utf8'))).toEqual([first, yaml]);
    expect(yaml).toContain('--post-renderer-args --map=fixed.post-render.json');
  });

  test('apply to an install', async () => {
    const { flags, map } = await overrides('fixed');
    const cluster = await startApiServer();
    try {
      const { port } = cluster.address() as AddressInfo;
      const dry = ['--dry-run=client', '--disable-openapi-validation', '--kube-apiserver', `http://127.0.0.1:${port}`];
      const installed = await program(helm, ['install', 'rel', ...flags, ...dry, ...through(map)], home);
      const [, manifests = ''] = installed.split('MANIFEST:');
      expect(manifests).toContain(`${target}/registry.example/fixed/app:3.1.4`);
      expect(publicNames(manifests)).toEqual([]);
      expect(publicNames(installed)).toEqual(isHelm4 ? [] : IN_HOOKS);
    } finally {
      cluster.close();
    }
  });

  test('need no flag for the map if AIRGAP_POST_RENDER_MAP names it', async () => {
    const { flags, map } = await overrides('hardcoded');
    const env = { ...cleanEnvironment(home), AIRGAP_POST_RENDER_MAP: map };
    const args = ['template', 'rel', ...flags, '--post-renderer', renderer];
    const { stdout } = await execa(helm, args, { env, extendEnv: false, stdin: 'ignore' });
    expect(publicNames(stdout)).toEqual([]);
  });

  test('fail without the map, and nothing is rendered', async () => {
    const { flags } = await overrides('hardcoded');
    const nowhere = join(home, 'nowhere.json');
    const args = ['template', 'rel', ...flags, ...through(nowhere)];
    const options = { env: cleanEnvironment(home), extendEnv: false, stdin: 'ignore', reject: false } as const;
    const { exitCode, stdout, stderr } = await execa(helm, args, options);
    expect([exitCode, stdout]).toEqual([1, '']);
    // Helm 4 does not show the plugin's own error.
    expect(stderr).toContain(isHelm4 ? 'exited with error' : nowhere);
  });

  test('come from a plugin that Helm 3 and 4 load; Helm 4 finds it by HELM_PLUGINS without an install', async () => {
    const env = cleanEnvironment(home);
    const { stdout } = await execa(helm, ['airgap', 'post-render', '--help'], { env, extendEnv: false });
    expect(stdout).toContain('--map <file>');
    if (!isHelm4) return;
    const { flags, map } = await overrides('hardcoded');
    const elsewhere = { ...env, HELM_DATA_HOME: join(home, 'other'), HELM_PLUGINS: root };
    const args = ['template', 'rel', ...flags, ...through(map)];
    const { stdout: render } = await execa(helm, args, { env: elsewhere, extendEnv: false });
    expect(publicNames(render)).toEqual([]);
  });
});
