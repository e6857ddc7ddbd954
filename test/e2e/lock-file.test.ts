import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fixtureChart } from '../support/charts.ts';
import { airgap, airgapOk, helmUnderTest, program } from '../support/cli.ts';
import { pushImage } from '../support/images.ts';
import { freePort, startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';
import { fillUpstream } from '../support/upstream.ts';

/** airgap.lock: written, reviewed, checked, and bundled from, while charts and registries change beneath it. */

const home = scratchFolder();
const archives = join(home, 'archives');
const inner = 'quay.io/inner/app:1';
/** Candidates of the charts that no registry has. */
const phantom = 'registry.example/shop/worker:1.4.2';
const moved = 'quay.io/shop-tools/reports:0.9.2';
let upstream: TestRegistry;
let digests: Map<string, string>;
let access: string[];

beforeAll(async () => {
  upstream = await startRegistry();
  access = ['--mirror', `*=${upstream.host}`, '--plain-http', upstream.host];
  for (const name of ['shop', 'platform']) cpSync(fixtureChart(name), join(home, 'charts', name), { recursive: true });
  mkdirSync(archives);
  await program(helmUnderTest(), ['package', fixtureChart('shop'), '-d', archives], home);
  const listed = await images('./charts/shop', './charts/platform', '--chart-mirror', `*=${archives}`, '-o', 'txt');
  const references = listed.stdout.split('\n').filter((line) => /^[^#]/.test(line) && line !== phantom);
  digests = await fillUpstream(upstream.host, [...references, inner]);
});
afterAll(() => upstream.stop());

/** In the folder that a project would have under version control. */
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

test('a lock file has every chart and image with its digest, and is the same bytes again', async () => {
  const written = await images('./charts/shop', ...access, '--lock', 'airgap.lock', '-o', 'json');
  expect(written.stderr).toMatch(/airgap\.lock written: 1 chart, \d+ images$/m);
  expect(written.stderr).toContain(`left out ${phantom}`);
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
  for (const { reference, digest } of locked) expect(digest, reference).toBe(digests.get(reference));
  const text = read('airgap.lock');
  expect(text).not.toContain(home);
  const again = await images('./charts/shop', ...access, '--lock', 'airgap.lock');
  expect(again.stdout).toContain('airgap.lock is up to date');
  expect((await images('./charts/shop', ...access, '--check-lock', 'airgap.lock')).stdout).toBe(
    'airgap.lock is up to date\n',
  );
  // From another folder it names the chart from where it lies itself.
  mkdirSync(join(home, 'locks'));
  await images('./charts/shop', ...access, '--lock', 'locks/airgap.lock');
  expect(read('locks/airgap.lock')).toBe(text.replace('./charts/shop', '../charts/shop'));
});

test('a bundle from a lock file has the locked content though tags have moved, searches nothing, and can be used', async () => {
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
  const offline = await run('images', './charts/shop', '--offline', '--check-lock', 'airgap.lock');
  expect(offline.stdout, 'nobody is asked where the tags are').toContain(`images added:\n  ${phantom} (shop)`);
  expect(offline.stdout).not.toContain('tags moved');

  const locked = await airgapOk(['bundle', '--lock', 'airgap.lock', ...access, '--out', 'locked.tar'], home, {
    cwd: home,
  });
  expect(locked.stderr).not.toMatch(/rendering|warning/);
  const after = await inspect('locked.tar');
  expect([after.charts, after.images]).toEqual([before.charts, before.images]);
  // Recipes come from a search; without them the values are derived where they are asked for.
  const [chart] = after.lock.charts;
  expect(chart).toEqual({ ...before.lock.charts[0], profiles: [{ name: 'default' }] });
  expect(after.lock.images.find(({ reference }) => reference === moved)?.found).toMatchObject([
    { chart: 'shop', how: 'added' },
  ]);
  await airgapOk(['verify', join(home, 'locked.tar')], home);
  const values = ['values', 'shop', '--bundle', join(home, 'locked.tar'), '--to', 'r.example/m'];
  expect((await airgap(values, home)).stderr).toContain('8 of 8 references private, proved by rendering');

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
  expect(subset.stdout).toMatch(/written/);
  const { lock } = await inspect('subset.tar');
  expect(lock.images.find(({ reference }) => reference === moved)?.sourceDigest).toBe(digests.get(moved));
  expect(lock.images.map(({ reference }) => reference)).toContain(inner);
});

test('a chart that is not the locked one any more is no part of a bundle', async () => {
  const values = join(home, 'charts/shop/values.yaml');
  const text = readFileSync(values, 'utf8');
  writeFileSync(values, `${text}\n# changed\n`);
  try {
    const bundled = await run('bundle', '--lock', 'airgap.lock', ...access, '--out', 'never.tar');
    expect(bundled.code).toBe(1);
    expect(bundled.stderr).toMatch(
      /Error: chart shop 1\.4\.0 is not the locked one: sha256:\w+, and not sha256:\w+\nHint: .*--check-lock/,
    );
    expect(existsSync(join(home, 'never.tar'))).toBe(false);
    const check = await run('images', './charts/shop', '--offline', '--check-lock', 'airgap.lock');
    expect(check.stdout).toMatch(/charts changed:\n {2}shop 1\.4\.0: other content under the same version, sha256:/);
  } finally {
    writeFileSync(values, text);
  }
});

test('without registries the digests stay empty, that is said, and a bundle takes what the tags are', async () => {
  const written = await images(
    './charts/shop',
    '--exclude',
    `${phantom}=the operator is off`,
    '--offline',
    '--lock',
    'offline.lock',
  );
  expect(written.stdout).toMatch(/\d+ without a digest; no registry was asked/);
  const text = read('offline.lock');
  expect(text).toContain(`reference: ${moved}\n    digest: ""\n`);
  expect(text).toMatch(/digest: sha256:35b3809e/);
  expect(text).toMatch(/choices:\n {2}- rule: exclude\n {4}pattern: .*worker.*\n {4}reason: the operator is off/);
  const bundled = await airgapOk(['bundle', '--lock', 'offline.lock', ...access, '--out', 'offline.tar'], home, {
    cwd: home,
  });
  expect(bundled.stderr).toMatch(
    /warning: \d+ images have no digest in the lock file, .*quay\.io\/shop-tools\/reports:0\.9\.2/,
  );
  const { images: found } = await inspect('offline.tar');
  expect(found.find(({ reference }) => reference === moved)?.digest).not.toBe(digests.get(moved));
});

test('an image that is nowhere is an error, and a registry out of reach is not', async () => {
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
  expect(nowhere.stderr).toMatch(/Error: registry\.example\/shop\/web:9, wanted by chart shop .* \(404\)/);
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
  expect(written.stderr).toMatch(
    /warning: quay\.io could not be asked, so there is no digest of quay\.io\/shop-tools\/reports:0\.9\.2/,
  );
  expect(written.stdout).toMatch(/some\.lock written: .*, 1 without a digest$/m);
  writeFileSync(join(home, 'notes.txt'), 'not to be lost');
  const taken = await run('images', './charts/shop', '--offline', '--lock', 'notes.txt');
  expect([taken.code, read('notes.txt')]).toEqual([1, 'not to be lost']);
  expect(taken.stderr).toContain('notes.txt is there already, and is no lock file');
});

test('charts within charts are locked with who brings them, and fetched from where they were found', async () => {
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
  expect(elsewhere.stdout).toContain('charts removed:\n  shop 1.4.0 (by platform)');

  await images('./charts/edge', ...access, '--lock', 'inside.lock');
  expect(read('inside.lock')).toMatch(/name: shop\n {4}version: 1\.4\.0\n {4}digest: sha256:\w+\n {4}parent: edge\n/);
  const inside = await airgapOk(['bundle', '--lock', 'inside.lock', ...access, '--out', 'inside.tar'], home, {
    cwd: home,
  });
  expect(inside.stderr).toContain('warning: chart shop 1.4.0 lies inside the manifests of edge');
  const { charts, images: found } = await inspect('inside.tar');
  expect(charts.map(({ name }) => name)).toEqual(['edge']);
  expect(found.length).toBeGreaterThan(5);
});

test('a chart from an OCI registry stays the artifact that was locked, and is refused once it is published again', async () => {
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
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('shop 1.4.0 is not the locked one')]);
});

test('what the configs of locked images name is told, and not carried', async () => {
  const config = {
    Env: ['RELATED_IMAGE_AGENT=quay.io/shop-tools/agent:2.0.0', 'DEBUG_IMAGE=quay.io/shop-tools/debug:1'],
  };
  await pushImage(upstream.host, 'quay.io/inner/operator', '1', { config });
  const lock = ['--image', 'quay.io/inner/operator:1', '--offline', '--exclude', 'quay.io/shop-tools/debug=never'];
  await images(...lock, '--lock', 'operator.lock');
  const bundled = await airgapOk(['bundle', '--lock', 'operator.lock', ...access, '--out', 'operator.tar'], home, {
    cwd: home,
  });
  expect(bundled.stderr).toMatch(
    /warning: configs of images name .*: quay\.io\/shop-tools\/agent:2\.0\.0 \(by quay\.io\/inner\/operator:1\); --image/,
  );
  expect((await inspect('operator.tar')).images.map(({ reference }) => reference)).toEqual([
    'quay.io/inner/operator:1',
  ]);
});
