import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { fixtureChart } from '../../support/charts.ts';
import { airgapOk, helmUnderTest, program } from '../../support/cli.ts';
import { imagesOf, runInstaller } from '../../support/installer.ts';
import { type PageRun, runPage } from '../../support/page.ts';
import { podList, podObject, running } from '../../support/pods.ts';
import { startRegistry, type TestRegistry } from '../../support/registry.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { fillUpstream } from '../../support/upstream.ts';

/** All commands of docs/guides/chart-of-charts.md; the installer's script runs without a cluster. */

const PAGE = 'docs/guides/chart-of-charts.md';
const [home, cwd] = [scratchFolder(), scratchFolder()];
const WEB = 'registry.example/shop/web:7.0.0';
let upstream: TestRegistry;
let target: TestRegistry;
let runs: PageRun[];

beforeAll(async () => {
  cpSync(fixtureChart('platform'), join(cwd, 'platform'), { recursive: true });
  await program(helmUnderTest(), ['package', fixtureChart('shop'), '-d', join(cwd, 'archives')], home);
  [upstream, target] = await Promise.all([startRegistry(), startRegistry()]);
  const mirror = ['--chart-mirror', `*=${join(cwd, 'archives')}`];
  const set = ['--set', 'argo=false,flux=false,k3s=false'];
  const { stdout } = await airgapOk(['images', join(cwd, 'platform'), ...set, ...mirror, '-o', 'txt'], home);
  await fillUpstream(upstream.host, stdout.trim().split('\n'));
  const programs = join(home, 'programs');
  mkdirSync(programs);
  const image = `${target.host}/mirror/${WEB}`;
  writeFileSync(
    join(programs, 'pods.json'),
    podList([podObject('web', { containers: { web: { image, state: running } } })]),
  );
  writeFileSync(join(programs, 'kubectl'), `#!/bin/sh\nexec cat '${programs}/pods.json'\n`, { mode: 0o755 });
  const write = ['--plain-http', target.host];
  const byCommand: Readonly<Record<string, readonly string[]>> = {
    ...{ images: mirror, bundle: ['--mirror', `*=${upstream.host}`, '--plain-http', upstream.host] },
    ...{ push: write, values: write, check: write },
  };
  runs = await runPage(PAGE, {
    cwd,
    home,
    replace: {
      'helm upgrade --install platform oci://registry.example.com': `helm template platform --plain-http oci://${target.host}`,
      'registry.example.com': target.host,
    },
    env: { PATH: programs },
    flags: (command) => byCommand[command] ?? [],
  });
});
afterAll(() => Promise.all([upstream?.stop(), target?.stop()]));

const outputOf = (text: string): string => runs.find((run) => run.text.includes(text))?.output ?? '';

test('images names the inner chart whose values choose an image', () => {
  expect(outputOf('--why')).toMatch(/shop/);
});

test('the Job installs the inner chart from the registry, with private images and the values of the site', async () => {
  const { charts, image } = parse(readFileSync(join(cwd, 'private.yaml'), 'utf8'));
  const to = `${target.host}/mirror`;
  expect(image).toMatch(new RegExp(`^${to}/registry\\.example/platform/installer:`));
  expect(charts.shop).toMatchObject({ repository: `oci://${to}/charts/shop`, version: '1.4.0' });
  const render = outputOf('helm upgrade').replace(/^[\s\S]*?(?=^---)/m, '');
  const { releases, otherCalls } = await runInstaller(render, home);
  expect([...releases.keys()]).toEqual(['shop']);
  const manifests = releases.get('shop') ?? '';
  expect(manifests).toContain('replicas: 3');
  const images = imagesOf(manifests);
  expect(images).toContain(`${to}/${WEB}`);
  expect(images.filter((reference) => !reference.startsWith(`${to}/`))).toEqual([]);
  expect(otherCalls).toEqual([]);
});

test('the lock file has both charts', () => {
  const { charts } = parse(readFileSync(join(cwd, 'airgap.lock'), 'utf8'));
  expect(charts.map(({ name }: { name: string }) => name)).toEqual(['platform', 'shop']);
});
