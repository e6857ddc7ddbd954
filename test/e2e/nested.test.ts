import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fixtureChart } from '../support/charts.ts';
import { airgap, airgapOk, helmUnderTest, program } from '../support/cli.ts';
import { expectFacts, expectLine } from '../support/facts.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';
import { fillUpstream } from '../support/upstream.ts';

/** Charts that a chart installs: listed, bundled with their images, left out, missing. */

const home = scratchFolder();
const platform = fixtureChart('platform');
const archives = join(home, 'archives');
let upstream: TestRegistry;

beforeAll(async () => {
  upstream = await startRegistry();
  mkdirSync(archives);
  await program(helmUnderTest(), ['package', fixtureChart('shop'), '-d', archives], home);
});
afterAll(() => upstream.stop());

/** References of the outer chart's own manifests, with one from a values text for the inner chart. */
const own = ['quay.io/shop-tools/reports:9.0.0', 'registry.example/platform/installer:1.0.0'];
const mirrored = ['--chart-mirror', `*=${archives}`];

test('are in the bundle with their images and the name of the parent chart', async () => {
  const listed = await airgapOk(['images', platform, ...mirrored, '-o', 'json'], home);
  const { charts, images } = JSON.parse(listed.stdout);
  expect(charts[1]).toMatchObject({ name: 'shop', version: '1.4.0', via: { chart: 'platform' } });
  const sure = images.filter(({ confidence }: { confidence: string }) => confidence !== 'possible');
  const names: string[] = sure.map(({ reference }: { reference: string }) => reference);
  expect(names).toContain('registry.example/shop/web:8.0.0');
  await fillUpstream(upstream.host, names);
  const file = join(home, 'nested.tar');
  await airgapOk(
    ['bundle', platform, ...mirrored, '--mirror', `*=${upstream.host}`, '--plain-http', upstream.host, '--out', file],
    home,
  );
  const { lock } = JSON.parse((await airgapOk(['inspect', file, '-o', 'json'], home)).stdout);
  expect(lock.charts.map(({ name, parent }: { name: string; parent?: string }) => [name, parent])).toEqual([
    ['platform', undefined],
    ['shop', 'platform'],
  ]);
  expect(lock.images.map(({ reference }: { reference: string }) => reference)).toEqual(names);
  // With the parent's values, which --all does not know, or not at all.
  const all = await airgap(['check', '--all', '--bundle', file], home);
  expectLine(all.stderr, /warning/i, 'shop 1.4.0', 'platform', 'values');
  const report = await airgap(['inspect', file, '-o', 'html', '--to', 'registry.example/m'], home);
  expectFacts(
    report.stdout,
    'Not rendered',
    /<li>shop 1\.4\.0<br><span class="soft">profile .*: as chart platform installs it/,
  );
  const outer = await airgap(['check', 'platform', '--bundle', file], home);
  expectLine(outer.stderr, /warning/i, 'platform', 'shop', '--all');
  const shown = await airgap(['images', platform, ...mirrored], home);
  expectLine(shown.stderr, /\bplatform\W2\.0\.0\b.*\b1 nested chart\b/);
});

test('are named when they are missing, and the found images are listed', async () => {
  const empty = join(home, 'empty');
  mkdirSync(empty);
  const config = join(home, 'airgap.yaml');
  cpSync(platform, join(home, 'platform'), { recursive: true });
  writeFileSync(
    config,
    'apiVersion: airgap/v1\nkind: Config\ncharts: [{chart: ./platform}]\nchartMirrors: {"*": ./empty}\n',
  );
  const run = await airgap(['images', '--config', config, '-o', 'json'], home);
  expect(run.code).toBe(1);
  const { completed } = JSON.parse(run.stdout);
  expect(completed[0].images.map(({ reference }: { reference: string }) => reference)).toEqual(own);
  const missing = [/\bshop\b/, 'v1.4.0', 'https://charts.example/edge', /\bplatform\b/];
  expectLine(run.stderr, ...missing);
  const bundled = await airgap(['bundle', '--config', config, '--out', join(home, 'no.tar')], home);
  expect(bundled.code).toBe(1);
  expectLine(bundled.stderr, ...missing);
});

test('can be excluded by name, or altogether', async () => {
  for (const flags of [['--exclude', 'shop'], ['--no-nested-charts']]) {
    const { stdout } = await airgapOk(['images', platform, ...flags, '-o', 'txt'], home);
    expect(stdout.trim().split('\n')).toEqual(own);
  }
});
