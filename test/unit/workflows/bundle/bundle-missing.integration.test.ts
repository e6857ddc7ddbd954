import { existsSync, readFileSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkDocument, checkedImage } from '../../../support/check-document.ts';
import { expectLine, expectWarning } from '../../../support/facts.ts';
import { pushImage } from '../../../support/images.ts';
import { startRegistry, type TestRegistry } from '../../../support/registry.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { airgap, type Ended } from '../../../support/terminal.ts';

/** A list of missing images becomes a delta, and its push mends the target, with real registries. */

const folder = scratchFolder();
const [first, file, none] = ['first.tar', 'delta.tar', 'none.tar'].map((name) => join(folder, name)) as [
  string,
  string,
  string,
];
const [gone, half, arch, small] = ['quay.io/org/gone', 'quay.io/org/half', 'quay.io/org/arch', 'quay.io/org/small'];
const platforms = ['linux/amd64', 'linux/arm64', 'linux/s390x'];
/** Bytes of each layer. */
const size = 50_000;
let upstream: TestRegistry;
let target: TestRegistry;
let access: string[];

beforeAll(async () => {
  [upstream, target] = await Promise.all([startRegistry(), startRegistry()]);
  access = ['--mirror', `*=${upstream.host}`, '--plain-http', upstream.host];
  for (const repository of [gone, half, arch]) await pushImage(upstream.host, repository, '1', { platforms, size });
  await pushImage(upstream.host, small, '1', { platforms: ['linux/amd64'], size });
  const images = [half, arch].flatMap((name) => ['--image', `${name}:1`]);
  ok(await run('bundle', ...images, ...access, '--platform', 'linux/amd64', '--out', first));
  ok(await push(first));
});
afterAll(() => Promise.all([upstream.stop(), target.stop()]));

function run(...args: string[]): Promise<Ended> {
  return airgap(args, { HOME: folder, TMPDIR: folder, PATH: process.env.PATH ?? '' }, folder);
}

function push(bundle: string, ...flags: string[]): Promise<Ended> {
  return run('push', bundle, '--to', `${target.host}/m`, '--plain-http', target.host, ...flags);
}

function ok(ended: Ended): Ended {
  expect(ended.code, ended.err).toBe(0);
  return ended;
}

async function delta(document: string, ...flags: string[]): Promise<Ended> {
  await writeFile(join(folder, 'missing.json'), document);
  return run('bundle', '--only-missing', 'missing.json', ...access, '--out', file, '--force', ...flags);
}

interface Manifest {
  readonly layers?: readonly { readonly digest: string }[];
  readonly manifests?: readonly { readonly digest: string; readonly platform: { readonly architecture: string } }[];
}

async function atTarget(repository: string, lookup: string): Promise<Manifest & { readonly digest: string }> {
  const accept = 'application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json';
  const answer = await fetch(`${target.url}/v2/m/${repository}/manifests/${lookup}`, { headers: { accept } });
  expect(answer.status, `${repository} ${lookup}`).toBe(200);
  return { ...((await answer.json()) as Manifest), digest: answer.headers.get('docker-content-digest') ?? '' };
}

async function architectures(repository: string): Promise<string[]> {
  const { manifests = [] } = await atTarget(repository, '1');
  for (const { digest } of manifests) {
    for (const layer of (await atTarget(repository, digest)).layers ?? []) {
      const head = await fetch(`${target.url}/v2/m/${repository}/blobs/${layer.digest}`, { method: 'HEAD' });
      expect(head.status, `${repository} ${layer.digest}`).toBe(200);
    }
  }
  return manifests.map(({ platform }) => platform.architecture);
}

const wrongPlatform = checkedImage(`${arch}:1`, 'wrong-platform', {
  platforms: ['linux/arm64'],
  platformsAtTarget: ['linux/amd64'],
});

describe('a delta of what is missing', () => {
  it('mends every image, and no tag loses a platform', async () => {
    const before = { half: await atTarget(half, '1'), arch: await atTarget(arch, '1') };
    const child = await atTarget(half, before.half.manifests?.[0]?.digest ?? '');
    const layer = child.layers?.[0]?.digest;
    expect((await fetch(`${target.url}/v2/m/${half}/blobs/${layer}`, { method: 'DELETE' })).status).toBe(202);

    const at = { platformsAtTarget: ['linux/amd64'] };
    const document = checkDocument([
      checkedImage(`${gone}:1`, 'not-in-bundle'),
      checkedImage(`${half}:1`, 'incomplete', { ...at, digestAtTarget: before.half.digest }),
      { ...wrongPlatform, digestAtTarget: before.arch.digest },
      checkedImage('quay.io/org/fine:1', 'ok'),
    ]);
    const bundled = ok(await delta(document));
    expectLine(bundled.err, 'missing.json', /\b3 missing images\b/, 'quay.io');
    expectLine(bundled.err, /1 tag\b/, '--on-existing-tag overwrite');
    expectLine(bundled.err, 'next: ', `helm airgap push ${file}`, '--on-existing-tag overwrite');

    // The tag with another platform is replaced only when that is asked for.
    const refused = await push(file);
    expect(refused.code).toBe(1);
    expectLine(refused.err, /^Error: /, `${arch}:1`);
    const plan = JSON.parse(ok(await push(file, '--on-existing-tag', 'overwrite', '--dry-run', '-o', 'json')).out);
    const planned = plan.items.map(({ reference, status }: Record<string, string>) => [reference, status]);
    expect(planned.sort()).toEqual([
      [`${arch}:1`, 'overwrite'],
      [`${gone}:1`, 'send'],
      [`${half}:1`, 'send'],
    ]);
    ok(await push(file, '--on-existing-tag', 'overwrite'));

    expect(await architectures(gone)).toEqual(['amd64']);
    expect(await architectures(arch)).toEqual(['amd64', 'arm64']);
    expect(await architectures(half)).toEqual(['amd64']);
    expect((await atTarget(half, '1')).digest, 'the same image, whole again').toBe(before.half.digest);
  });

  it('is reproducible, and can leave out what an older bundle has, except of incomplete images', async () => {
    const document = checkDocument([checkedImage(`${half}:1`, 'incomplete'), wrongPlatform]);
    ok(await delta(document));
    const bytes = readFileSync(file);
    expectLine((await delta(document)).out, 'up to date');
    ok(await delta(document, '--since', first));
    // Without the layer of arch's amd64, with that of half.
    expect(statSync(file).size).toBeLessThan(bytes.length - 0.9 * size);
    expect(statSync(file).size).toBeGreaterThan(2 * size);
    ok(await push(file, '--on-existing-tag', 'overwrite'));
  });

  it('keeps the way in which charts write an image, by which some namings name it', async () => {
    await pushImage(upstream.host, 'docker.io/library/tool', '1', { size });
    const tool = checkedImage('docker.io/library/tool:1', 'not-pushed', {
      reference: 'registry.internal.example/mirrored/tool:1',
    });
    ok(await delta(checkDocument([tool])));
    const { images } = JSON.parse(ok(await push(file, '--naming', 'as-written', '-o', 'json')).out);
    expect(images[0].target).toBe(`${target.host}/m/tool:1`);
  });

  it('has the digest of the bundle that was checked, even if the tag has moved', async () => {
    const sourceDigest = await pushImage(upstream.host, 'quay.io/org/moved', '1', { name: 'old', platforms, size });
    await pushImage(upstream.host, 'quay.io/org/moved', '1', { name: 'new', platforms, size });
    const moved = checkedImage('quay.io/org/moved:1', 'not-pushed', { digest: sourceDigest, sourceDigest });
    const { lock } = JSON.parse(ok(await delta(checkDocument([moved]), '-o', 'json')).out);
    expect(lock.images[0]).toMatchObject({ digest: sourceDigest, platforms });
    const deleted = { digest: `sha256:${'1'.repeat(64)}`, sourceDigest: `sha256:${'1'.repeat(64)}` };
    const lost = await delta(checkDocument([checkedImage('quay.io/org/moved:1', 'not-pushed', deleted)]));
    expect(lost.code).toBe(1);
    expectLine(lost.err, /^Error: /, 'quay.io/org/moved:1', deleted.digest);
  });

  it('can have more platforms and images, and leave out some', async () => {
    const document = checkDocument([checkedImage(`${gone}:1`, 'not-pushed'), wrongPlatform]);
    const flags = ['--platform', 'linux/s390x', '--image', `${half}:1`, '--exclude', `${arch}:*=later`];
    const { lock } = JSON.parse(ok(await delta(document, ...flags, '-o', 'json')).out);
    expect(lock.images).toMatchObject([
      { reference: `${gone}:1`, platforms: ['linux/amd64', 'linux/s390x'] },
      { reference: `${half}:1`, platforms: ['linux/amd64', 'linux/s390x'] },
    ]);
    expect(lock.choices).toEqual([
      { rule: 'exclude', pattern: `${arch}:*`, reason: 'later', references: [`${arch}:1`] },
    ]);
  });
});

it('takes charts, exclusions and platforms of a configuration file, and no images', async () => {
  const config = join(folder, 'airgap.yaml');
  const lines = ['images: [quay.io/org/never:1]', 'exclude: [quay.io/org/half, quay.io/other]', 'include: [x]'];
  await writeFile(
    config,
    ['apiVersion: airgap/v1', 'kind: Config', 'platforms: [linux/s390x]', ...lines, ''].join('\n'),
  );
  const document = checkDocument([checkedImage(`${gone}:1`, 'not-pushed'), checkedImage(`${half}:1`, 'not-pushed')]);
  const { out, err } = ok(await delta(document, '--config', config, '-o', 'json'));
  const { lock } = JSON.parse(out);
  expect(lock.images).toMatchObject([{ reference: `${gone}:1`, platforms: ['linux/amd64', 'linux/s390x'] }]);
  expect(err).not.toContain('quay.io/other');
});

describe('what a delta cannot mend', () => {
  it('is an image whose source lacks the platform too, or one that the target has', async () => {
    const wanted = checkedImage(`${small}:1`, 'wrong-platform', {
      platforms: ['linux/arm64'],
      platformsAtTarget: ['linux/amd64'],
    });
    const lost = checkedImage(`${gone}:1`, 'wrong-platform', {
      platforms: ['linux/arm64'],
      platformsAtTarget: ['windows/amd64'],
    });
    const { code, err } = await delta(checkDocument([wanted, lost]));
    expect(code).toBe(1);
    expectLine(err, `${small}:1`, 'linux/arm64', 'linux/amd64');
    expectLine(err, `${gone}:1`, 'windows/amd64', 'linux/s390x');
    expectLine(err, 'Hint: ', `--exclude ${gone}:1`);
  });

  it('is said in one sentence, beside what it mends', async () => {
    const document = checkDocument([
      checkedImage(`${gone}:1`, 'not-pushed'),
      checkedImage('quay.io/org/secret:1', 'no-permission'),
      checkedImage('quay.io/org/far:1', 'unreachable'),
    ]);
    const { err } = ok(await delta(document));
    expectWarning({ stderr: err }, 'missing.json', /no-permission.*secret:1.*unreachable.*far:1/);
  });

  it.each([
    ['nothing is missing', [checkedImage(`${gone}:1`, 'ok')]],
    ['no reason is about content', [checkedImage(`${gone}:1`, 'unknown-authority')]],
  ])('leaves no file: %s', async (_, images) => {
    await writeFile(join(folder, 'missing.json'), checkDocument(images));
    const { code, err } = await run('bundle', '--only-missing', 'missing.json', ...access, '--out', none);
    expect(code).toBe(2);
    expectLine(err, /^Error: .*nothing to bundle.*missing\.json/);
    expectLine(err, /^Hint: /);
    expect(existsSync(none)).toBe(false);
  });

  it('is a digest in the overrides that the source does not have: a warning', async () => {
    const other = `registry.internal.example/mirrored/${gone}:1@sha256:${'1'.repeat(64)}`;
    const image = checkedImage(`${gone}:1`, 'not-pushed', { reference: other });
    expectWarning({ stderr: ok(await delta(checkDocument([image]))).err }, 'overrides', `${gone}:1`);
    const digest = await pushImage(upstream.host, gone, '1', { platforms, size });
    const same = { reference: other.replace(/sha256:.*/, digest), platforms };
    const { err } = ok(await delta(checkDocument([checkedImage(`${gone}:1`, 'not-pushed', same)])));
    expect(err).not.toContain('overrides');
  });

  it('is a platform of a new image that its source lacks: a warning', async () => {
    const image = checkedImage(`${gone}:1`, 'not-pushed', { platforms: ['linux/amd64', 'linux/riscv64'] });
    expectWarning({ stderr: ok(await delta(checkDocument([image]))).err }, `${gone}:1`, 'linux/riscv64');
  });
});

it('cannot be used with flags that select other images', async () => {
  const { code, err } = await delta(checkDocument([]), '--no-tests', '--lock', 'x.lock', '--include', 'a');
  expect(code).toBe(2);
  expectLine(err, '--only-missing', '--no-tests', '--lock', '--include');
});
