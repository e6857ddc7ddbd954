import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fixtureChart } from '../support/charts.ts';
import { airgap, airgapOk, program } from '../support/cli.ts';
import { expectFacts, expectLine, expectWarning, warningsOf } from '../support/facts.ts';
import { pushImage } from '../support/images.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';
import { fillUpstream } from '../support/upstream.ts';

/** Image configs that name further images, and candidates that no registry has. */

const home = scratchFolder();
const shop = fixtureChart('shop');
const carrier = 'registry.example/shop/web:1.4.2';
const agent = 'quay.io/shop-tools/agent:2.0.0';
const inner = 'quay.io/shop-tools/inner:3.1.0';
/** Candidates of the chart: one is there, one is not. */
const [proxy, worker] = ['registry.example/shop/proxy:2.3.1', 'registry.example/shop/worker:1.4.2'];
let upstream: TestRegistry;
let access: string[];

beforeAll(async () => {
  upstream = await startRegistry();
  access = ['--mirror', `*=${upstream.host}`, '--plain-http', upstream.host];
  const listed = await airgapOk(['images', shop, '-o', 'txt'], home);
  const references = listed.stdout.split('\n').filter((line) => line !== '' && line !== worker);
  await fillUpstream(upstream.host, references);
  const push = (reference: string, Env: readonly string[], Labels: Readonly<Record<string, string>> = {}) => {
    const [repository = '', tag] = reference.split(':');
    return pushImage(upstream.host, repository, tag, {
      config: { Env: ['PATH=/usr/local/bin:/usr/bin', ...Env], Labels },
    });
  };
  await push(carrier, [`RELATED_IMAGE_AGENT=${agent}`, 'DEFAULT_SIDECAR_IMAGE=quay.io/shop-tools/never-built:1.0'], {
    'org.opencontainers.image.base.name': 'docker.io/library/alpine:3.20',
    'org.opencontainers.image.source': 'https://github.com/shop/web',
    maintainer: 'Shop <ops@shop.example>',
  });
  await push(agent, [], { 'alm-examples': JSON.stringify([{ kind: 'Agent', spec: { image: inner } }]) });
  await push(inner, [`OPERATOR_IMAGE=${carrier}`]);
});
afterAll(() => upstream.stop());

interface Image {
  readonly reference: string;
  readonly confidence: string;
  readonly confirmed?: boolean;
  readonly found: readonly { readonly how: string; readonly name: string; readonly path: string }[];
}

describe('bundle', () => {
  test('includes images that image configs name, with their location, and reports candidates that no registry has', async () => {
    const file = join(home, 'configs.tar');
    const run = await airgap(['bundle', shop, ...access, '--out', file, '-o', 'json'], home);
    expect(run.code).toBe(3);
    const { lock, missing } = JSON.parse(run.stdout) as { lock: { images: Image[] }; missing: { reference: string }[] };
    const image = (name: string) => lock.images.find(({ reference }) => reference === name);
    expect(image(agent)).toMatchObject({
      confidence: 'likely',
      need: 'operand',
      found: [{ how: 'image-config', chart: 'shop', name: carrier, path: 'config.Env["RELATED_IMAGE_AGENT"]' }],
    });
    expect(image(inner)?.found).toMatchObject([{ name: agent, path: 'config.Labels["alm-examples"]' }]);
    expect(image(carrier)?.found.map(({ how }) => how)).toEqual(['pod-spec', 'image-config']);
    expect(lock.images.filter(({ reference }) => reference.includes('alpine:3.20'))).toEqual([]);
    expect(missing.map(({ reference }) => reference).sort()).toEqual(['quay.io/shop-tools/never-built:1.0', worker]);
    expectWarning(run, worker, /\bshop\b(?!\/)/);
    const verified = await airgap(['verify', file, '-o', 'json'], home);
    expect([verified.code, JSON.parse(verified.stdout).missing.length]).toEqual([3, 2]);
    await program('skopeo', ['inspect', '--raw', `oci-archive:${file}:${inner}`], home);
    const again = await airgap(['bundle', shop, ...access, '--out', file, '-o', 'json'], home);
    expect([again.code, JSON.parse(again.stdout).status]).toEqual([3, 'up-to-date']);
    const accepted = ['--allow-missing', '*/never-built:*=an example', '--allow-missing', worker];
    const other = join(home, 'accepted.tar');
    await airgapOk(['bundle', shop, ...access, ...accepted, '--out', other], home);
    await airgapOk(['verify', other], home);
    const inspected = JSON.parse((await airgapOk(['inspect', other, '-o', 'json'], home)).stdout);
    expect(inspected.lock.missing.map(({ allowed }: { allowed?: object }) => allowed)).toEqual([
      { reason: 'an example' },
      {},
    ]);
  });

  test('with --no-image-configs or --exclude, has only what the manifests name', async () => {
    const file = join(home, 'without.tar');
    const run = await airgapOk(
      ['bundle', shop, ...access, '--no-image-configs', '--allow-missing', worker, '--out', file, '-o', 'json'],
      home,
    );
    const names = (JSON.parse(run.stdout).lock.images as Image[]).map(({ reference }) => reference);
    expect(names).toContain(proxy);
    expect(names).not.toContain(agent);
    const excluded = join(home, 'excluded.tar');
    const flags = ['--exclude', 'quay.io/shop-tools/agent', '--exclude', '*/never-built:*', '--exclude', worker];
    const other = await airgapOk(['bundle', shop, ...access, ...flags, '--out', excluded, '-o', 'json'], home);
    const { lock, missing } = JSON.parse(other.stdout);
    expect((lock.images as Image[]).map(({ reference }) => reference)).toEqual(names);
    expect(missing).toEqual([]);
    expect(warningsOf(other)).toEqual([]);
  });

  test('fails for a candidate whose registry does not answer', async () => {
    const file = join(home, 'unreachable.tar');
    const mirrors = ['--mirror', `registry.example=127.0.0.1:1`, ...access, '--plain-http', '127.0.0.1:1'];
    const run = await airgap(['bundle', '--image', agent, ...mirrors, '--out', file], home);
    expect(run.code).toBe(1);
    expectLine(run.stderr, carrier, /config of quay\.io/);
    expectFacts(run.stderr, '--exclude');
  });
});

describe('images --confirm', () => {
  test('keeps images that exist and drops those that do not, in every format', async () => {
    const json = await airgapOk(['images', shop, ...access, '--confirm', '-o', 'json'], home);
    const { images, missing } = JSON.parse(json.stdout) as { images: Image[]; missing: Image[] };
    const confirmed = images.filter((image) => image.confirmed !== undefined);
    expect(confirmed.map((image) => [image.reference, image.confidence, image.confirmed])).toContainEqual([
      proxy,
      'likely',
      true,
    ]);
    expect(images.map(({ reference }) => reference)).not.toContain(worker);
    expect(missing).toMatchObject([
      { state: 'missing', reference: worker, found: [{ how: 'env' }], why: expect.stringContaining('404') },
    ]);
    expectLine(json.stderr, worker);
    const table = await airgapOk(['images', shop, ...access, '--confirm'], home);
    expectLine(table.stdout, /\S*proxy:2\.3\.1 +/, 'likely, ');
    // Dropped candidates are in a table of their own, behind that of the images.
    expect(table.stdout).toMatch(/proxy:2\.3\.1 [\s\S]*\n\n[A-Z]+.*\n[\s\S]*worker:1\.4\.2/);
    const text = await airgapOk(['images', shop, ...access, '--confirm', '-o', 'txt'], home);
    expectLine(text.stdout, /^#/, worker);
    expect(text.stdout.split('\n')).not.toContain(worker);
  });

  test('keeps candidates whose registries do not answer', async () => {
    const mirrors = ['--mirror', '*=127.0.0.1:1', '--plain-http', '127.0.0.1:1'];
    const run = await airgapOk(['images', shop, ...mirrors, '--confirm', '-o', 'json'], home);
    const { images, missing } = JSON.parse(run.stdout) as { images: Image[]; missing: Image[] };
    const unconfirmed = images.filter((image) => image.confirmed === false).map(({ reference }) => reference);
    expect(unconfirmed).toEqual([proxy, worker]);
    expect(missing).toEqual([]);
    expectWarning(run, proxy, worker);
  });
});
