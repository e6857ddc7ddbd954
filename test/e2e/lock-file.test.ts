import { cpSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fixtureChart } from '../support/charts.ts';
import { airgap, airgapOk, countingHelm, helmUnderTest, printed, program } from '../support/cli.ts';
import { expectLine, expectWarning, warningsOf } from '../support/facts.ts';
import { pushImage } from '../support/images.ts';
import { freePort, startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';
import { fillUpstream } from '../support/upstream.ts';

/** airgap.lock: written, checked and bundled from, while charts and registries change. */

const home = scratchFolder();
const archives = join(home, 'archives');
const inner = 'quay.io/inner/app:1';
/** An image of the charts that no registry has, which is accepted here. */
const phantom = 'registry.example/shop/worker:1.4.2';
const moved = 'quay.io/shop-tools/reports:0.9.2';
let upstream: TestRegistry;
let digests: Map<string, string>;
let access: string[];

beforeAll(async () => {
  upstream = await startRegistry();
  access = ['--mirror', `*=${upstream.host}`, '--plain-http', upstream.host, '--allow-missing', phantom];
  for (const name of ['shop', 'platform']) cpSync(fixtureChart(name), join(home, 'charts', name), { recursive: true });
  mkdirSync(archives);
  await program(helmUnderTest(), ['package', fixtureChart('shop'), '-d', archives], home);
  const listed = await images('./charts/shop', './charts/platform', '--chart-mirror', `*=${archives}`, '-o', 'txt');
  const references = listed.stdout.split('\n').filter((line) => /^[^#]/.test(line) && line !== phantom);
  digests = await fillUpstream(upstream.host, [...references, inner]);
});
afterAll(() => upstream.stop());

/** Runs the plugin in the folder that a project has under version control. */
function run(...args: string[]): ReturnType<typeof airgap> {
  return airgap(args, home, { cwd: home });
}

async function images(...args: string[]): ReturnType<typeof airgap> {
  return airgapOk(['images', ...args], home, { cwd: home });
}

function read(name: string): string {
  return readFileSync(join(home, name), 'utf8');
}

async function inspect(file: string): Promise<{
  charts: { name: string }[];
  images: { reference: string; digest: string }[];
  lock: { charts: object[]; images: { reference: string; found: object[]; sourceDigest?: string }[] };
}> {
  return JSON.parse((await airgapOk(['inspect', join(home, file), '-o', 'json'], home)).stdout);
}

test('a lock file has every chart and image with its digest, and is reproducible', async () => {
  const written = await images('./charts/shop', ...access, '--lock', 'airgap.lock', '-o', 'json');
  expectLine(written.stderr, 'airgap.lock', /\b1 chart\b/, /\b\d+ images\b/);
  expectLine(written.stderr, phantom);
  const { kind, charts, images: locked } = JSON.parse(written.stdout);
  expect([kind, charts]).toEqual([
    'LockFile',
    [
      {
        name: 'shop',
        version: '1.4.0',
        chart: './charts/shop',
        digest: expect.stringMatching(/^sha256:/),
        profiles: [{ name: 'default' }],
      },
    ],
  ]);
  const missing = locked.filter(({ state }: { state?: string }) => state === 'missing');
  expect(missing).toMatchObject([{ reference: phantom, digest: '', allowed: {} }]);
  for (const { reference, digest } of locked) expect(digest, reference).toBe(digests.get(reference) ?? '');
  const text = read('airgap.lock');
  expect(text).not.toContain(home);
  const { mtimeMs } = statSync(join(home, 'airgap.lock'));
  await images('./charts/shop', ...access, '--lock', 'airgap.lock');
  expect([read('airgap.lock'), statSync(join(home, 'airgap.lock')).mtimeMs]).toEqual([text, mtimeMs]);
  const checked = await images('./charts/shop', ...access, '--check-lock', 'airgap.lock', '-o', 'json');
  const same = { added: [], removed: [], changed: [] };
  expect(JSON.parse(checked.stdout)).toMatchObject({ charts: same, images: { added: [], removed: [], moved: [] } });
  // Paths of charts are relative to the lock file.
  mkdirSync(join(home, 'locks'));
  await images('./charts/shop', ...access, '--lock', 'locks/airgap.lock');
  expect(read('locks/airgap.lock')).toBe(text.replace('./charts/shop', '../charts/shop'));
});

test('a bundle from a lock file has the locked content after tags moved, without a search, and can be used', async () => {
  await airgapOk(['bundle', './charts/shop', ...access, '--out', 'before.tar'], home, { cwd: home });
  const before = await inspect('before.tar');
  const [repository = '', tag] = moved.split(':');
  await pushImage(upstream.host, repository, tag, { name: 'something else' });

  const check = await run(
    'images',
    './charts/shop',
    '--set',
    'cache.enabled=false',
    ...access,
    '--check-lock',
    'airgap.lock',
    '-o',
    'json',
  );
  expect(check.code, check.stderr).toBe(3);
  const drift = JSON.parse(check.stdout);
  expect(drift).toMatchObject({ apiVersion: 'airgap/v1', kind: 'LockDrift', charts: { changed: [] } });
  expect(drift.images).toMatchObject({
    added: [],
    removed: [{ reference: 'docker.io/valkey/valkey:8.1.0-alpine', charts: ['shop'] }],
    moved: [{ reference: moved, from: digests.get(moved) }],
  });
  const checkOffline = ['images', './charts/shop', '--offline', '--check-lock', 'airgap.lock'];
  const offline = JSON.parse((await run(...checkOffline, '-o', 'json')).stdout);
  expect(offline.images, 'no registry is asked for tags').toMatchObject({
    added: [],
    gone: [],
    moved: [],
  });

  const helm = countingHelm(home);
  const locked = await airgapOk(['bundle', '--lock', 'airgap.lock', ...access, '--out', 'locked.tar'], home, {
    cwd: home,
    env: { HELM_BIN: helm.path },
  });
  expect(helm.renders()).toBe(0);
  expect(warningsOf(locked)).toEqual([expect.stringContaining(phantom)]);
  const after = await inspect('locked.tar');
  expect([after.charts, after.images]).toEqual([before.charts, before.images]);
  // Recipes come from a search. Without them, `values` derives the overrides itself.
  const [chart] = after.lock.charts;
  expect(chart).toEqual({ ...before.lock.charts[0], profiles: [{ name: 'default' }] });
  expect(after.lock.images.find(({ reference }) => reference === moved)?.found).toMatchObject([
    { chart: 'shop', how: 'added' },
  ]);
  await airgapOk(['verify', join(home, 'locked.tar')], home);
  const values = ['values', 'shop', '--bundle', join(home, 'locked.tar'), '--to', 'r.example/m', '-o', 'json'];
  const derived = await airgapOk(values, home);
  const { proof } = JSON.parse(derived.stdout);
  expect(proof).toMatchObject({
    references: 8,
    rewritten: 7,
    residue: [],
    missing: [{ reference: phantom, allowed: {} }],
  });

  const subset = await airgapOk(
    [
      'bundle',
      '--lock',
      'airgap.lock',
      '--image',
      inner,
      '--platform',
      'linux/amd64',
      ...access,
      '--out',
      'subset.tar',
    ],
    home,
    { cwd: home },
  );
  expectLine(subset.stdout, 'subset.tar');
  const { lock } = await inspect('subset.tar');
  expect(lock.images.find(({ reference }) => reference === moved)?.sourceDigest).toBe(digests.get(moved));
  expect(lock.images.map(({ reference }) => reference)).toContain(inner);
});

test('a chart that differs from the locked one is not bundled', async () => {
  const values = join(home, 'charts/shop/values.yaml');
  const text = readFileSync(values, 'utf8');
  writeFileSync(values, `${text}\n# changed\n`);
  try {
    const bundled = await run('bundle', '--lock', 'airgap.lock', ...access, '--out', 'never.tar');
    expect(bundled.code).toBe(1);
    expectLine(bundled.stderr, /^Error: /, /shop\W1\.4\.0/, /sha256:\w+.*sha256:\w+/);
    expectLine(bundled.stderr, /^Hint: /, '--check-lock');
    expect(existsSync(join(home, 'never.tar'))).toBe(false);
    const check = ['images', './charts/shop', '--offline', '--check-lock', 'airgap.lock'];
    expect(JSON.parse((await run(...check, '-o', 'json')).stdout).charts.changed).toMatchObject([
      { name: 'shop', version: '1.4.0', what: 'digest' },
    ]);
    expectLine((await run(...check)).stdout, /shop\W1\.4\.0/, /sha256:\w+.*sha256:\w+/);
  } finally {
    writeFileSync(values, text);
  }
});

test('without registries the digests stay empty, with a note, and a bundle resolves the tags', async () => {
  const written = await images(
    './charts/shop',
    '--exclude',
    `${phantom}=the operator is off`,
    '--offline',
    '--lock',
    'offline.lock',
  );
  const text = read('offline.lock');
  const open = text.match(/^ {4}digest: ""$/gm)?.length;
  expectLine(printed(written), 'offline.lock', new RegExp(`\\b${open}\\b.*\\bdigest`));
  expect(text).toContain(`reference: ${moved}\n    digest: ""\n`);
  expect(text).toMatch(/digest: sha256:35b3809e/);
  expect(text).toMatch(/choices:\n {2}- rule: exclude\n {4}pattern: .*worker.*\n {4}reason: the operator is off/);
  const bundled = await airgapOk(['bundle', '--lock', 'offline.lock', ...access, '--out', 'offline.tar'], home, {
    cwd: home,
  });
  expectWarning(bundled, new RegExp(`\\b${open}\\b`), moved);
  const { images: found } = await inspect('offline.tar');
  expect(found.find(({ reference }) => reference === moved)?.digest).not.toBe(digests.get(moved));
});

test('a missing image is an error, an unreachable registry a warning', async () => {
  const nowhere = await run(
    'images',
    './charts/shop',
    '--set',
    'image.tag=9',
    '--set',
    'web.image.tag=9',
    ...access,
    '--lock',
    'nowhere.lock',
  );
  expect(nowhere.code).toBe(1);
  expectLine(nowhere.stderr, 'registry.example/shop/web:9', /\bshop\b(?!\/)/, '404');
  expect(existsSync(join(home, 'nowhere.lock'))).toBe(false);
  const closed = `127.0.0.1:${await freePort()}`;
  const written = await images(
    './charts/shop',
    ...access,
    '--mirror',
    `quay.io=${closed}`,
    '--plain-http',
    closed,
    '--lock',
    'some.lock',
  );
  expectWarning(written, /quay\.io(?!\/)/, moved);
  expectLine(printed(written), 'some.lock', /\b1\b[^,]*\bdigest/);
  expect(read('some.lock').match(/^ {4}digest: ""$/gm), 'with the missing one').toHaveLength(2);
  writeFileSync(join(home, 'notes.txt'), 'not to be lost');
  const taken = await run('images', './charts/shop', '--offline', '--lock', 'notes.txt');
  expect([taken.code, read('notes.txt')]).toEqual([1, 'not to be lost']);
  expectLine(taken.stderr, /^Error: /, 'notes.txt');
});

test('nested charts are locked with their parent, and fetched from their source', async () => {
  const content = readFileSync(join(archives, 'shop-1.4.0.tgz')).toString('base64');
  const chart = join(home, 'charts/edge');
  mkdirSync(join(chart, 'templates'), { recursive: true });
  writeFileSync(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: edge\nversion: 1.0.0\n');
  writeFileSync(
    join(chart, 'templates/a.yaml'),
    `apiVersion: helm.cattle.io/v1\nkind: HelmChart\nmetadata: {name: shop}\nspec:\n  chartContent: ${content}\n`,
  );
  const mirrored = ['--chart-mirror', `*=${archives}`];
  await images('./charts/platform', ...mirrored, ...access, '--kube-version', '1.33.0', '--lock', 'nested.lock');
  const text = read('nested.lock');
  expect(text).toMatch(
    /name: shop\n {4}version: 1\.4\.0\n {4}chart: shop\n {4}repo: https:\/\/charts\.example\/argo\n.*\n {4}parent: platform\n/,
  );
  const args = ['bundle', '--lock', 'nested.lock', ...mirrored, ...access, '--out', 'nested.tar'];
  await airgapOk(args, home, { cwd: home });
  const { lock } = await inspect('nested.tar');
  expect(lock.charts).toMatchObject([
    { name: 'platform', profiles: [{ name: 'default', kubeVersion: '1.33.0' }] },
    { name: 'shop', parent: 'platform', source: 'https://charts.example/argo/shop' },
  ]);
  const elsewhere = await run(
    'images',
    './charts/platform',
    '--kube-version',
    '1.33.0',
    '--no-nested-charts',
    '--offline',
    '--check-lock',
    'nested.lock',
  );
  expectLine(elsewhere.stdout, /\bshop\W1\.4\.0\b/, 'platform');

  await images('./charts/edge', ...access, '--lock', 'inside.lock');
  expect(read('inside.lock')).toMatch(/name: shop\n {4}version: 1\.4\.0\n {4}digest: sha256:\w+\n {4}parent: edge\n/);
  const inside = await airgapOk(['bundle', '--lock', 'inside.lock', ...access, '--out', 'inside.tar'], home, {
    cwd: home,
  });
  expectWarning(inside, /\bshop\W1\.4\.0\b/, /\bedge\b/);
  const { charts, images: found } = await inspect('inside.tar');
  expect(charts.map(({ name }) => name)).toEqual(['edge']);
  expect(found.length).toBeGreaterThan(5);
});

test('a chart from an OCI registry is bundled as the locked artifact, and refused once it was published again', async () => {
  const push = (archive: string): Promise<string> =>
    program(helmUnderTest(), ['push', archive, `oci://${upstream.host}/charts`, '--plain-http'], home);
  await push(join(archives, 'shop-1.4.0.tgz'));
  const chart = `oci://${upstream.host}/charts/shop`;
  const reached = [...access, '--mirror', `${upstream.host}=${upstream.host}`];
  await images(`${chart}:1.4.0`, ...reached, '--lock', 'tagged.lock');
  await images(chart, ...reached, '--lock', 'oci.lock');
  expect(read('oci.lock')).toContain(`version: 1.4.0\n    chart: ${chart}\n    digest: sha256:`);
  await airgapOk(['bundle', chart, ...reached, '--out', 'plain.tar'], home, { cwd: home });
  for (const lock of ['tagged.lock', 'oci.lock']) {
    await airgapOk(['bundle', '--lock', lock, ...reached, '--force', '--out', 'oci.tar'], home, { cwd: home });
    expect((await inspect('oci.tar')).charts).toEqual((await inspect('plain.tar')).charts);
  }
  const changed = join(home, 'charts/again');
  cpSync(fixtureChart('shop'), changed, { recursive: true });
  writeFileSync(join(changed, 'README.md'), 'published again');
  mkdirSync(join(home, 'again'));
  await program(helmUnderTest(), ['package', changed, '-d', join(home, 'again')], home);
  await push(join(home, 'again/shop-1.4.0.tgz'));
  const refused = await run('bundle', '--lock', 'oci.lock', ...reached, '--out', 'again.tar');
  expect(refused.code).toBe(1);
  expectLine(refused.stderr, /^Error: /, /\bshop\W1\.4\.0\b/, /sha256:\w+.*sha256:\w+/);
});

test('images that configs of locked images name are reported, and not bundled', async () => {
  const config = {
    Env: ['RELATED_IMAGE_AGENT=quay.io/shop-tools/agent:2.0.0', 'DEBUG_IMAGE=quay.io/shop-tools/debug:1'],
  };
  await pushImage(upstream.host, 'quay.io/inner/operator', '1', { config });
  const lock = ['--image', 'quay.io/inner/operator:1', '--offline', '--exclude', 'quay.io/shop-tools/debug=never'];
  await images(...lock, '--lock', 'operator.lock');
  const bundled = await airgapOk(['bundle', '--lock', 'operator.lock', ...access, '--out', 'operator.tar'], home, {
    cwd: home,
  });
  expectWarning(bundled, 'quay.io/shop-tools/agent:2.0.0', 'quay.io/inner/operator:1', '--image');
  expect(bundled.stderr).not.toContain('quay.io/shop-tools/debug:1');
  expect((await inspect('operator.tar')).images.map(({ reference }) => reference)).toEqual([
    'quay.io/inner/operator:1',
  ]);
});
