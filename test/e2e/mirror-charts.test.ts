import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeFiles } from '../support/charts.ts';
import { airgap, airgapOk } from '../support/cli.ts';
import { expectLine } from '../support/facts.ts';
import { buildImage, pushBuilt, pushImage } from '../support/images.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { tagsOf, treeOf } from '../support/registry-tree.ts';
import { scratchFolder } from '../support/scratch.ts';
import { SITE_CHART, SITE_IMAGES, WEB } from '../support/site-chart.ts';
import { fillUpstream } from '../support/upstream.ts';

/** Charts and lock files from registry to registry: the same as by a bundle, for `values` and `check` too. */

const home = scratchFolder();
const chart = join(home, 'shop');
let upstream: TestRegistry;
let target: TestRegistry;
let connected: string[];

beforeAll(async () => {
  [upstream, target] = await Promise.all([startRegistry(), startRegistry()]);
  connected = ['--mirror', `*=${upstream.host}`, '--plain-http', upstream.host];
  await fillUpstream(upstream.host, SITE_IMAGES);
  await writeFiles(chart, SITE_CHART);
});
afterAll(() => Promise.all([upstream.stop(), target.stop()]));

const to = (prefix: string): string[] => ['--to', `${target.host}/${prefix}`, '--plain-http', target.host];
const json = async (args: readonly string[]) => JSON.parse((await airgapOk([...args, '-o', 'json'], home)).stdout);
const nothingSent = { bytes: 0, blobs: { stored: 0, mounted: 0 } };

test('a chart and its images: the same as by bundle and push; values and check work with it', async () => {
  const bundle = join(home, 'shop.tar');
  await airgapOk(['bundle', chart, ...connected, '--out', bundle], home);
  await airgapOk(['push', bundle, ...to('pushed')], home);
  const done = await json(['mirror', chart, ...connected, ...to('m')]);
  expect([done.charts.length, done.images.length > 0]).toEqual([1, true]);
  expect(tagsOf(target, 'm')).toEqual(tagsOf(target, 'pushed'));
  expect(treeOf(target, 'm')).toEqual(treeOf(target, 'pushed'));
  expect(await json(['mirror', chart, ...connected, ...to('m')])).toMatchObject(nothingSent);

  const own = [`oci://${target.host}/m/charts/shop`, '--version', '1.4.0', ...to('m')];
  const overrides = join(home, 'overrides.yaml');
  await airgapOk(['values', ...own, '--out', overrides], home);
  const checked = await airgapOk(['check', ...own, '--overrides', overrides], home);
  expectLine(
    checked.stdout + checked.stderr,
    new RegExp(`\\b${done.images.length} of ${done.images.length} images\\b`),
  );
});

test('a lock file: exactly its digests, also after a tag has moved', async () => {
  const lock = join(home, 'airgap.lock');
  await airgapOk(['images', chart, ...connected, '--lock', lock], home);
  const before = await json(['mirror', '--lock', lock, ...connected, ...to('locked')]);
  await pushBuilt(upstream.host, WEB, '1.4', buildImage({ name: 'moved' }));
  expect(await json(['mirror', '--lock', lock, ...connected, ...to('locked')])).toMatchObject(nothingSent);
  const moved = await json(['mirror', chart, ...connected, ...to('locked')]);
  const digest = ({ images }: { images: { target: string; digest: string }[] }): string | undefined =>
    images.find((image) => image.target.endsWith(`${WEB}:1.4`))?.digest;
  expect(digest(before)).toMatch(/^sha256:/);
  expect(digest(moved)).not.toBe(digest(before));
});

test('charts, images and repositories of one airgap.yaml', async () => {
  await pushImage(upstream.host, 'team/tool', 'v1', { platforms: ['linux/amd64'] });
  await pushImage(upstream.host, 'team/tool', 'v2', { platforms: ['linux/amd64'] });
  const config = join(home, 'airgap.yaml');
  writeFileSync(
    config,
    `apiVersion: airgap/v1
kind: Config
charts:
  - chart: ./shop
images:
  - ${upstream.host}/team/tool:v1
from:
  - registry: ${upstream.host}
    repositories: [team/tool]
    newest: 1
mirrors:
  quay.io: ${upstream.host}/quay.io
plainHttp: ["${upstream.host}", "${target.host}"]
`,
  );
  await airgapOk(['mirror', '--config', config, '--to', `${target.host}/all`, '--naming', 'path'], home);
  const names = tagsOf(target, 'all').map((line) => line.split(' ')[0]);
  for (const name of ['charts/shop:1.4.0', 'team/tool:v1', 'team/tool:v2']) expect(names).toContain(name);
});

test('an image of a chart that its registry lacks: nothing is copied, and it is named', async () => {
  rmSync(join(upstream.repositories, WEB, '_manifests/tags/1.4'), { recursive: true });
  const run = await airgap(['mirror', chart, ...connected, ...to('lacking')], home);
  expect(run.code).toBe(1);
  expectLine(run.stderr, `${WEB}:1.4`);
  expect(tagsOf(target, 'lacking')).toEqual([]);
});
