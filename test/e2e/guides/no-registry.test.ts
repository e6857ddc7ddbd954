import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type ChartUpstream, startUpstreamOf } from '../../support/chart-upstream.ts';
import { fixtureChart } from '../../support/charts.ts';
import { program } from '../../support/cli.ts';
import { type Daemon, missingPrograms, startDaemon } from '../../support/daemon.ts';
import { imagesOf } from '../../support/installer.ts';
import { type PageRun, runPage } from '../../support/page.ts';
import { freePort } from '../../support/registry.ts';
import { scratchFolder } from '../../support/scratch.ts';

/** All commands of docs/guides/no-registry.md: Helm pulls from `serve`; containerd and podman import the bundle. */

const PAGE = 'docs/guides/no-registry.md';
const [home, cwd] = [scratchFolder(), scratchFolder()];
const socket = join(home, 'ctr.sock');
const CTR = ['--address', socket];
const PODMAN = ['--root', join(home, 'podman/root'), '--runroot', join(home, 'podman/run'), '--storage-driver', 'vfs'];
let containerd: Daemon | string;
let withoutPodman: string | undefined;
let upstream: ChartUpstream;
let served: string;
let runs: PageRun[];

beforeAll(async () => {
  cpSync(fixtureChart('shop'), join(cwd, 'shop'), { recursive: true });
  upstream = await startUpstreamOf(fixtureChart('shop'), home);
  served = `127.0.0.1:${await freePort()}`;
  const folders = ['--root', join(home, 'ctr/root'), '--state', join(home, 'ctr/state')];
  containerd =
    missingPrograms('ctr', 'containerd') ??
    (await startDaemon('containerd', [...folders, ...CTR], () => program('ctr', [...CTR, 'version'], home)));
  withoutPodman =
    missingPrograms('podman') ??
    (await program('podman', [...PODMAN, 'info'], home).then(
      () => undefined,
      (error: Error) => `podman does not run here: ${error.message.split('\n').at(-1)}`,
    ));
  const programs = join(home, 'programs');
  mkdirSync(programs);
  // The programs of this machine, with folders of this test.
  for (const [name, flags] of [
    ['ctr', CTR],
    ['podman', PODMAN],
  ] as const) {
    const rest = `PATH="\${PATH#*${programs}:}" exec ${name} ${flags.map((flag) => `'${flag}'`).join(' ')} "$@"`;
    writeFileSync(join(programs, name), `#!/bin/sh\n${rest}\n`, { mode: 0o755 });
  }
  runs = await runPage(PAGE, {
    cwd,
    home,
    replace: {
      '0.0.0.0:5000': served,
      'files.example.com:5000': served,
      '/var/lib/rancher': join(home, 'rancher'),
      'helm upgrade --install': 'helm template',
    },
    env: { PATH: programs },
    flags: (command) => (command === 'bundle' ? upstream.mirror : []),
    leaveOut: ({ text }) =>
      (/^ctr /m.test(text) && typeof containerd === 'string') ||
      (/^podman /m.test(text) && withoutPodman !== undefined),
  });
});
afterAll(async () => {
  await upstream?.stop();
  if (typeof containerd === 'object') await containerd.stop();
  // containerd and podman leave large folders behind.
  rmSync(home, { recursive: true, force: true });
});

const outputOf = (text: string): string => runs.find((run) => run.text.includes(text))?.output ?? '';
const tagged = (): string[] => upstream.references.filter((reference) => !reference.includes('@'));

test('the chart comes from the served bundle, and its images do', async () => {
  const render = outputOf('--plain-http -f private.yaml').replace(/^[\s\S]*?(?=^---)/m, '');
  const images = imagesOf(render);
  expect(images.length).toBeGreaterThanOrEqual(5);
  expect(images.filter((image) => !image.startsWith(`${served}/`))).toEqual([]);
  const { mirrors } = parse(readFileSync(join(cwd, 'registries.yaml'), 'utf8'));
  expect(Object.keys(mirrors).sort()).toEqual(['docker.io', 'quay.io', 'registry.example']);
  expect(mirrors['quay.io'].endpoint).toEqual([`http://${served}`]);
  await expect(fetch(`http://${served}/v2/`)).rejects.toThrow();
});

test('without overrides, the chart keeps its public names', () => {
  const images = imagesOf(outputOf('helm upgrade --install shop shop-1.4.0.tgz').replace(/^[\s\S]*?(?=^---)/m, ''));
  expect(images).toContain('registry.example/shop/web:1.4.2');
  expect(existsSync(join(home, 'rancher/k3s/agent/images/shop.tar'))).toBe(true);
});

test('containerd has every image under its public name', ({ skip }) => {
  if (typeof containerd === 'string') skip(containerd);
  const names = outputOf('ctr --namespace').split('\n');
  expect(names).toEqual(expect.arrayContaining([...upstream.references]));
  expect(names).not.toContain('charts/shop:1.4.0');
});

test('podman has every image that has a tag, and the pinned one by its digest', ({ skip }) => {
  if (withoutPodman !== undefined) skip(withoutPodman);
  const output = outputOf('podman images');
  for (const reference of tagged()) expect(output).toMatch(new RegExp(reference.replace(/:([^:]*)$/, '\\s+$1\\s')));
  expect(runs.at(-2)?.text).toContain('podman pull oci-archive:');
});
