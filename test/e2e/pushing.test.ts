import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startUpstreamOf } from '../support/chart-upstream.ts';
import { fixtureChart } from '../support/charts.ts';
import { airgap, airgapOk, printed, program } from '../support/cli.ts';
import { expectLine } from '../support/facts.ts';
import { buildImage, pushBuilt } from '../support/images.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';

/** Dry runs, existing tags, selections, several targets and receipts: one bundle, real registries. */

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

test('a dry run sends nothing, and the push sends what the dry run said', async () => {
  const plan = JSON.parse((await airgapOk(['push', file, ...to(registry), '--dry-run', '-o', 'json'], home)).stdout);
  expect(plan.items.every((item: { status: string }) => item.status === 'send')).toBe(true);
  expect(await (await fetch(`${registry.url}/v2/_catalog`)).json()).toEqual({ repositories: [] });

  const receipt = join(home, 'receipt.json');
  const log = join(home, 'push.log');
  const args = ['push', file, ...to(registry), '--receipt', receipt, '--log-file', log, '-o', 'json'];
  const pushed = JSON.parse((await airgapOk(args, home)).stdout);
  expect(pushed.blobs.stored).toBe(plan.blobs);
  expect(pushed.bytes).toBe(plan.bytes);
  const again = JSON.parse((await airgapOk(['push', file, ...to(registry), '--dry-run', '-o', 'json'], home)).stdout);
  expect(again).toMatchObject({ blobs: 0, bytes: 0 });
  expect(again.items.some(({ status }: { status: string }) => status === 'send')).toBe(false);

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
      () => digest, // skopeo inspect cannot read a chart.
    );
    expect(answer.trim(), target).toBe(digest);
  }
  const check = ['verify', '--receipt', receipt, '--plain-http', registry.host, '-o', 'json'];
  expect(JSON.parse((await airgapOk(check, home)).stdout)).toMatchObject({ differences: [] });
});

test('a tag with other content is refused, kept or overwritten, and differs from the receipt', async () => {
  const receipt = join(home, 'receipt.json');
  const image = buildImage({ name: 'somebody-elses' });
  const digest = await pushBuilt(registry.host, 'mirror/registry.example/shop/web', '1.4.2', image);

  const checked = await airgap(['verify', '--receipt', receipt, '--plain-http', registry.host], home);
  expect(checked.code).toBe(3);
  expectLine(checked.stdout, 'shop/web:1.4.2', digest);

  const refused = await airgap(['push', file, ...to(registry)], home);
  expect(refused.code).toBe(1);
  expectLine(refused.stderr, `${registry.host}/mirror/registry.example/shop/web:1.4.2`, digest);
  expect(refused.stderr).toContain('--on-existing-tag');

  const kept = JSON.parse(
    (await airgapOk(['push', file, ...to(registry), '--on-existing-tag', 'skip', '-o', 'json'], home)).stdout,
  );
  const web = kept.images.find(({ target }: { target: string }) => target.endsWith('shop/web:1.4.2'));
  expect(web).toMatchObject({ status: 'kept', digest });
  expect(kept.bytes).toBe(0);

  await airgapOk(['push', file, ...to(registry), '--on-existing-tag', 'overwrite'], home);
  await airgapOk(['verify', '--receipt', receipt, '--plain-http', registry.host], home);
});

test('selected items get the same targets, and --retire lists what only the older bundle needed', async () => {
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
  expect(nothing.code).toBe(1);
  expectLine(nothing.stderr, /^Error: /, '--image ghcr.io/*');

  const chart = await airgapOk(
    ['push', file, ...to(other), '--chart', 'shop', '--exclude', '*busybox*', '-o', 'json'],
    home,
  );
  const { charts, images } = JSON.parse(chart.stdout);
  expect(charts).toHaveLength(1);
  expect(images).toHaveLength(7);

  const retired = await airgapOk(['push', small, ...to(other), '--retire', file], home);
  expectLine(printed(retired), /\/mirror\/docker\.io\/library\/busybox:1\.36\.1 sha256/);
});

test('several targets get the same content and a receipt each; a failing one does not stop the other', async () => {
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
    const partial = await airgap([...args, '--to', `${second.host}/b/`, '-o', 'json'], home);
    expect(partial.code).toBe(1);
    expect(JSON.parse(partial.stdout).completed).toMatchObject([{ target: `${second.host}/b`, bytes: 0 }]);
    const half = await airgap(args, home);
    expect(half.code).toBe(1);
    expect(half.stderr).toContain(first.host);
    expect(half.stdout).toContain(`${second.host}/b/quay.io/shop-tools/reports:0.9.2`);
  } finally {
    await second.stop();
  }
});

test('an archive of another tool that has only a tag gets its repository from --as', async () => {
  const digest = await pushBuilt(registry.host, 'other/app', '1.0', buildImage({ name: 'other/app:1.0' }));
  const [from, archive] = [`docker://${registry.host}/other/app:1.0`, join(home, 'other.tar')];
  await program(
    'skopeo',
    ['--insecure-policy', 'copy', '--all', '--src-tls-verify=false', from, `oci-archive:${archive}:1.0`],
    home,
  );
  const refused = await airgap(['push', archive, ...to(other)], home);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('--as ') });
  const pinned = await airgap(['push', archive, '--as', `quay.io/x@${digest}`, ...to(other)], home);
  expect(pinned.code).toBe(2);
  expectLine(pinned.stderr, /^Error: /, /quay\.io\/x@sha256|--as/);
  const pushed = await airgapOk(['push', archive, '--as', 'quay.io/team/app', ...to(other), '-o', 'json'], home);
  expect(JSON.parse(pushed.stdout).images).toMatchObject([
    { target: `${other.host}/mirror/quay.io/team/app:1.0`, digest, status: 'pushed' },
  ]);
});
