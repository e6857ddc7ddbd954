import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { airgap, airgapOk, printed, program } from '../support/cli.ts';
import { digestOf } from '../support/digest.ts';
import { expectLine } from '../support/facts.ts';
import { pushImage } from '../support/images.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';

/** A whole first bundle and a delta for the next one, between real registries. */

const home = scratchFolder();
const [first, delta] = [join(home, 'v1.tar'), join(home, 'v2.tar')];
/** Bytes of each layer: large compared to the manifests, as in real images. */
const size = 200_000;
/** Images of the second bundle: an unchanged one, one with a new tag, one in a new repository. */
const carried = ['quay.io/org/same:1', 'quay.io/org/app:2', 'docker.io/other/new:1'];
let upstream: TestRegistry;
let target: TestRegistry;
let access: string[];
const digests = new Map<string, string>();

beforeAll(async () => {
  [upstream, target] = await Promise.all([startRegistry(), startRegistry()]);
  access = ['--mirror', `*=${upstream.host}`, '--plain-http', upstream.host];
  for (const reference of ['quay.io/org/app:1', 'quay.io/org/gone:1', ...carried]) {
    const [repository = '', tag] = reference.split(':');
    // The removed image has the base layer too; the new one shares nothing else.
    const digest = await pushImage(upstream.host, repository, tag, { sharedLayer: 'base', size });
    digests.set(reference, digest);
  }
  await bundle(['quay.io/org/same:1', 'quay.io/org/app:1', 'quay.io/org/gone:1'], '--out', first);
});
afterAll(() => Promise.all([upstream.stop(), target.stop()]));

function bundle(images: readonly string[], ...flags: string[]): ReturnType<typeof airgapOk> {
  return airgapOk(['bundle', ...images.flatMap((name) => ['--image', name]), ...access, ...flags], home);
}

function push(file: string, { host }: TestRegistry, ...flags: string[]): ReturnType<typeof airgap> {
  return airgap(['push', file, '--to', `${host}/mirror`, '--plain-http', host, ...flags], home);
}

test('a delta has only what the older bundle lacks, and is reproducible', async () => {
  const made = printed(await bundle(carried, '--since', first, '--out', delta));
  expectLine(made, 'v2.tar');
  expectLine(made, 'delta', /\b5 blobs\b/, /\d kB\b/);
  // Of three images with two platforms of two layers each, four layers are new.
  expect(statSync(delta).size).toBeGreaterThan(4 * size);
  expect(statSync(delta).size).toBeLessThan(4.5 * size);
  const again = await bundle(carried, '--since', first, '--out', delta, '-o', 'json');
  expect(JSON.parse(again.stdout)).toMatchObject({ status: 'up-to-date' });
  const other = join(home, 'other.tar');
  await bundle(carried, '--since', first, '--out', other, '--concurrency', '1');
  expect(readFileSync(other).equals(readFileSync(delta))).toBe(true);
});

test('the exported inventory of the older bundle can replace the bundle itself', async () => {
  const lock = join(home, 'v1.lock.json');
  writeFileSync(lock, (await airgapOk(['inspect', first, '-o', 'lock'], home)).stdout);
  const byLock = join(home, 'by-lock.tar');
  await bundle(carried, '--since', lock, '--out', byLock);
  expect(readFileSync(byLock).equals(readFileSync(delta))).toBe(true);
  const of = async (older: string): Promise<object> => {
    const { old: _, ...rest } = JSON.parse((await airgapOk(['diff', older, delta, '-o', 'json'], home)).stdout);
    return rest;
  };
  expect(await of(lock)).toEqual(await of(first));
  const markdown = await airgapOk(['diff', lock, delta, '-o', 'markdown'], home);
  expect(markdown.stdout).toMatch(/^## /);
  expectLine(markdown.stdout, /`.*v1\.lock\.json`.*`.*v2\.tar`/);
  const plain = join(home, 'plain.json');
  writeFileSync(plain, (await airgapOk(['inspect', first, '-o', 'json'], home)).stdout);
  const refused = await airgap(['bundle', '--image', 'quay.io/org/app:2', '--since', plain, '--out', byLock], home);
  expect(refused.code).toBe(1);
  expectLine(refused.stderr, /^Error: /, 'plain.json', 'Inspection');
  expectLine(refused.stderr, /^Hint: /, /inspect \S+ -o lock/);
});

test('verify and inspect report a delta: undamaged, and incomplete', async () => {
  const verified = await airgapOk(['verify', delta], home);
  expectLine(printed(verified), 'delta', /\b5 blobs\b/);
  const document = JSON.parse((await airgapOk(['verify', delta, '-o', 'json'], home)).stdout);
  expect(document).toMatchObject({ problems: [], delta: { blobs: 5 } });
  const { lock, lockDigest } = JSON.parse((await airgapOk(['inspect', first, '-o', 'json'], home)).stdout);
  expect(lock.requires).toBeUndefined();
  const inspected = JSON.parse((await airgapOk(['inspect', delta, '-o', 'json'], home)).stdout);
  expect(inspected.delta).toEqual({ since: lockDigest, blobs: 5, bytes: expect.any(Number) });
  expect(inspected.lock.requires).toHaveLength(5);
});

test('diff of the two says what to carry, and ends with 3', async () => {
  const compared = await airgap(['diff', first, delta, '--exit-code', '-o', 'json'], home);
  expect(compared.code).toBe(3);
  const { kind, images, carry } = JSON.parse(compared.stdout);
  expect(kind).toBe('Diff');
  const names = (list: { reference: string }[]): string[] => list.map(({ reference }) => reference).sort();
  expect(names(images.added)).toEqual(['docker.io/other/new:1']);
  expect(names(images.removed)).toEqual(['quay.io/org/gone:1']);
  expect(images.retagged).toMatchObject([
    { from: { reference: 'quay.io/org/app:1' }, to: { reference: 'quay.io/org/app:2' } },
  ]);
  expect(carry.bytes).toBeGreaterThan(4 * size);
  expect(carry.bytes).toBeLessThan(4.5 * size);
  expect(await airgap(['diff', first, first, '--exit-code'], home)).toMatchObject({ code: 0 });
});

test('a registry without the older bundle is refused before anything is sent', async () => {
  const empty = await startRegistry();
  try {
    const { code, stderr } = await push(delta, empty);
    expect(code).toBe(1);
    expectLine(stderr, /^Error: /, 'delta', /\b5 blobs\b/);
    for (const name of ['quay.io/org/same', 'quay.io/org/app', 'docker.io/other/new']) {
      expectLine(stderr, new RegExp(`(?<!/)${name}:\\d`), `${empty.host}/mirror/${name}`, /\d blobs?\b.*sha256:/);
    }
    expectLine(stderr, /Hint: /, /push/);
    const catalog = await (await fetch(`${empty.url}/v2/_catalog`)).json();
    expect(catalog).toEqual({ repositories: [] });
  } finally {
    await empty.stop();
  }
});

test('with the older bundle there, the delta makes every image whole', async () => {
  expect(await push(first, target)).toMatchObject({ code: 0 });
  const { code, stdout, stderr } = await push(delta, target, '-o', 'json');
  expect(code, stderr).toBe(0);
  const { images } = JSON.parse(stdout);
  expect(images).toContainEqual(
    expect.objectContaining({ target: `${target.host}/mirror/quay.io/org/same:1`, status: 'present' }),
  );
  for (const reference of carried) {
    const image = `docker://${target.host}/mirror/${reference}`;
    const raw = await program('skopeo', ['inspect', '--tls-verify=false', '--raw', image], home);
    expect(digestOf(raw), reference).toBe(digests.get(reference));
    // skopeo reads every blob of every platform, and checks its digest.
    const copied = `dir:${join(home, reference.replaceAll(/\W/g, '-'))}`;
    await program('skopeo', ['copy', '--all', '--src-tls-verify=false', image, copied], home);
  }
  const again = JSON.parse((await push(delta, target, '-o', 'json')).stdout);
  expect(again).toMatchObject({ bytes: 0, blobs: { stored: 0, mounted: 0 } });
  expect(again.blobs.present).toBeGreaterThan(0);
});

test('a delta of a delta has only what is new since the one before it', async () => {
  const third = join(home, 'v3.tar');
  await pushImage(upstream.host, 'quay.io/org/app', '3', { sharedLayer: 'base', size });
  await bundle([...carried, 'quay.io/org/app:3'], '--since', delta, '--out', third);
  expect(statSync(third).size).toBeLessThan(2.5 * size);
  expect(await push(third, target)).toMatchObject({ code: 0 });
  const image = `docker://${target.host}/mirror/quay.io/org/app:3`;
  await program('skopeo', ['copy', '--all', '--src-tls-verify=false', image, `dir:${join(home, 'third')}`], home);
});
