import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startUpstreamOf } from '../support/chart-upstream.ts';
import { fixtureChart } from '../support/charts.ts';
import { airgap, airgapOk, program } from '../support/cli.ts';
import { buildImage, pushBuilt } from '../support/images.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';

/** What push says before, does about what is there, and writes down after; one bundle, real registries. */

const home = scratchFolder();
const file = join(home, 'shop.tar');
const small = join(home, 'small.tar');
let registry: TestRegistry;
let other: TestRegistry;

beforeAll(async () => {
  const chart = fixtureChart('shop');
  const upstream = await startUpstreamOf(chart, home);
  await airgapOk(['bundle', chart, ...upstream.mirror, '--out', file], home);
  await airgapOk(['bundle', chart, ...upstream.mirror, '--exclude', '*busybox*', '--out', small], home);
  await upstream.stop();
  [registry, other] = await Promise.all([startRegistry(), startRegistry()]);
});
afterAll(async () => {
  await Promise.all([registry.stop(), other.stop()]);
});

const to = ({ host }: TestRegistry): string[] => ['--to', `${host}/mirror`, '--plain-http', host];

test('a dry run says what would be sent and sends nothing, and the push does just that', async () => {
  const plan = JSON.parse((await airgapOk(['push', file, ...to(registry), '--dry-run', '-o', 'json'], home)).stdout);
  expect(plan.items.every((item: { status: string }) => item.status === 'send')).toBe(true);
  expect(await (await fetch(`${registry.url}/v2/_catalog`)).json()).toEqual({ repositories: [] });

  const receipt = join(home, 'receipt.json');
  const log = join(home, 'push.log');
  const args = ['push', file, ...to(registry), '--receipt', receipt, '--log-file', log, '-o', 'json'];
  const pushed = JSON.parse((await airgapOk(args, home)).stdout);
  expect(pushed.blobs.stored).toBe(plan.blobs);
  expect(pushed.bytes).toBe(plan.bytes);
  const again = await airgapOk(['push', file, ...to(registry), '--dry-run'], home);
  expect(again.stdout).toMatch(/0 tags to write, \d+ to leave; 0 blobs to send \(0 B\)/);

  const lines = readFileSync(log, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const sent = lines.filter(({ event, item }) => event === 'transfer' && item === 'blob');
  expect(sent.filter(({ status }) => status === 'stored')).toHaveLength(plan.blobs);
  expect(sent.reduce((sum, { status, bytes }) => sum + (status === 'stored' ? bytes : 0), 0)).toBe(plan.bytes);
  expect(lines.filter(({ event }) => event === 'image')).toHaveLength(plan.items.length);

  const written = JSON.parse(readFileSync(receipt, 'utf8'));
  expect(written.items).toHaveLength(plan.items.length);
  for (const { target, digest } of written.items) {
    const answer = await program(
      'skopeo',
      ['inspect', '--tls-verify=false', '--format', '{{.Digest}}', `docker://${target}`],
      home,
    ).catch(
      () => digest, // A chart is no image for skopeo's inspect.
    );
    expect(answer.trim(), target).toBe(digest);
  }
  expect((await airgapOk(['verify', '--receipt', receipt, '--plain-http', registry.host], home)).stdout).toContain(
    'has all',
  );
});

test('a tag with other content is refused by name, kept, or written over, and the receipt tells', async () => {
  const receipt = join(home, 'receipt.json');
  const image = buildImage({ name: 'somebody-elses' });
  const digest = await pushBuilt(registry.host, 'mirror/registry.example/shop/web', '1.4.2', image);

  const checked = await airgap(['verify', '--receipt', receipt, '--plain-http', registry.host], home);
  expect(checked.code).toBe(3);
  expect(checked.stdout).toContain(`shop/web:1.4.2 is ${digest}`);

  const refused = await airgap(['push', file, ...to(registry)], home);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain(`mirror/registry.example/shop/web:1.4.2 is there with ${digest}`);

  const kept = JSON.parse(
    (await airgapOk(['push', file, ...to(registry), '--on-existing-tag', 'skip', '-o', 'json'], home)).stdout,
  );
  const web = kept.images.find(({ target }: { target: string }) => target.endsWith('shop/web:1.4.2'));
  expect(web).toMatchObject({ status: 'kept', digest });
  expect(kept.bytes).toBe(0);

  await airgapOk(['push', file, ...to(registry), '--on-existing-tag', 'overwrite'], home);
  await airgapOk(['verify', '--receipt', receipt, '--plain-http', registry.host], home);
});

test('a part goes where all would, and what an older bundle needed besides is listed', async () => {
  const part = await airgapOk(['push', file, ...to(other), '--image', 'quay.io/*', '-o', 'json'], home);
  expect(JSON.parse(part.stdout)).toMatchObject({
    charts: [],
    images: [
      {
        reference: 'quay.io/shop-tools/reports:0.9.2',
        target: `${other.host}/mirror/quay.io/shop-tools/reports:0.9.2`,
        digest: expect.stringMatching(/^sha256:/),
      },
    ],
  });
  const nothing = await airgap(['push', file, ...to(other), '--image', 'ghcr.io/*'], home);
  expect(nothing.stderr).toContain('no image fits --image ghcr.io/*');

  const chart = await airgapOk(
    ['push', file, ...to(other), '--chart', 'shop', '--exclude', '*busybox*', '-o', 'json'],
    home,
  );
  const { charts, images } = JSON.parse(chart.stdout);
  expect(charts).toHaveLength(1);
  expect(images).toHaveLength(7);

  const retired = await airgapOk(['push', small, ...to(other), '--retire', file], home);
  expect(retired.stdout).toMatch(
    /no longer needed, and not deleted:\n.*mirror\/docker\.io\/library\/busybox:1\.36\.1 sha256/,
  );
});

test('several targets get the same, each with a receipt; one that fails does not stop the other', async () => {
  const [first, second] = [await startRegistry(), await startRegistry()];
  const receipt = join(home, 'all.json');
  const hosts = ['--plain-http', first.host, '--plain-http', second.host];
  const args = [
    'push',
    small,
    file,
    '--to',
    `${first.host}/a`,
    '--to',
    `${second.host}/b`,
    ...hosts,
    '--receipt',
    receipt,
  ];
  try {
    const { items } = JSON.parse((await airgapOk([...args, '-o', 'json'], home)).stdout);
    expect(items.map(({ target }: { target: string }) => target)).toEqual([`${first.host}/a`, `${second.host}/b`]);
    for (const { target, images } of items) {
      expect(images).toHaveLength(8);
      const name = join(home, `all.${target.replace(/[^\w.-]/g, '_')}.json`);
      await airgapOk(['verify', '--receipt', name, ...hosts], home);
    }
    await first.stop();
    const told = await airgap([...args, '--to', `${second.host}/b/`, '-o', 'json'], home);
    expect(told.code).toBe(1);
    expect(JSON.parse(told.stdout).items).toMatchObject([{ target: `${second.host}/b`, bytes: 0 }]);
    const half = await airgap(args, home);
    expect(half.code).toBe(1);
    expect(half.stderr).toContain(first.host);
    expect(half.stdout).toContain(`${second.host}/b/quay.io/shop-tools/reports:0.9.2`);
  } finally {
    await second.stop();
  }
});

test('another tool’s archive that has only a tag goes where --as says', async () => {
  const digest = await pushBuilt(registry.host, 'other/app', '1.0', buildImage({ name: 'other/app:1.0' }));
  const [from, archive] = [`docker://${registry.host}/other/app:1.0`, join(home, 'other.tar')];
  await program(
    'skopeo',
    ['--insecure-policy', 'copy', '--all', '--src-tls-verify=false', from, `oci-archive:${archive}:1.0`],
    home,
  );
  const refused = await airgap(['push', archive, ...to(other)], home);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('--as quay.io/team/app') });
  const pinned = await airgap(['push', archive, '--as', `quay.io/x@${digest}`, ...to(other)], home);
  expect(pinned).toMatchObject({ code: 2, stderr: expect.stringContaining('the archive says the digest') });
  const pushed = await airgapOk(['push', archive, '--as', 'quay.io/team/app', ...to(other), '-o', 'json'], home);
  expect(JSON.parse(pushed.stdout).images).toMatchObject([
    { target: `${other.host}/mirror/quay.io/team/app:1.0`, digest, status: 'pushed' },
  ]);
});
