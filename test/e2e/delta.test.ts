import { createHash } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { airgap, airgapOk, program } from '../support/cli.ts';
import { pushImage } from '../support/images.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';

/** A first bundle carried whole, the next one as a delta, between real registries. */

const home = scratchFolder();
const [first, delta] = [join(home, 'v1.tar'), join(home, 'v2.tar')];
/** Each layer: large beside the manifests, as in life. */
const size = 200_000;
/** In the second bundle: one as it was, one with a new tag, one in a repository that the first did not have. */
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
    // What is gone has the base as well, and the new one has nothing but the base to share.
    const digest = await pushImage(upstream.host, repository, tag, { sharedLayer: 'base', size });
    digests.set(reference, digest);
  }
  await bundle(['quay.io/org/same:1', 'quay.io/org/app:1', 'quay.io/org/gone:1'], '--out', first);
});
afterAll(() => Promise.all([upstream.stop(), target.stop()]));

function bundle(images: readonly string[], ...flags: string[]): ReturnType<typeof airgapOk> {
  return airgapOk(['bundle', ...images.flatMap((name) => ['--image', name]), ...access, ...flags], home);
}

function push(file: string, { host }: TestRegistry): ReturnType<typeof airgap> {
  return airgap(['push', file, '--to', `${host}/mirror`, '--plain-http', host], home);
}

test('a delta has only what the older bundle lacks, and is the same bytes again', async () => {
  const { stdout } = await bundle(carried, '--since', first, '--out', delta);
  expect(stdout).toMatch(/v2\.tar written: .*\na delta: 5 blobs, \d+ kB, must be in the registry already/);
  // Of three images with two platforms of two layers each, four layers are new.
  expect(statSync(delta).size).toBeGreaterThan(4 * size);
  expect(statSync(delta).size).toBeLessThan(4.5 * size);
  const again = await bundle(carried, '--since', first, '--out', delta);
  expect(again.stdout).toContain('v2.tar is up to date');
  const other = join(home, 'other.tar');
  await bundle(carried, '--since', first, '--out', other, '--concurrency', '1');
  expect(readFileSync(other).equals(readFileSync(delta))).toBe(true);
});

test('the lock of the older bundle does as well as the bundle itself', async () => {
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
  expect(markdown.stdout).toMatch(/^## Difference of two bundles\n\nFrom `.*v1\.lock\.json` \(.*\) to `.*v2\.tar`/);
  const plain = join(home, 'plain.json');
  writeFileSync(plain, (await airgapOk(['inspect', first, '-o', 'json'], home)).stdout);
  const refused = await airgap(['bundle', '--image', 'quay.io/org/app:2', '--since', plain, '--out', byLock], home);
  expect(refused.stderr).toMatch(
    /is of kind Inspection, which does not say all blobs.*\nHint: .*inspect OLD\.tar -o lock/,
  );
});

test('verify and inspect say what it is: not damaged, and not whole', async () => {
  const verified = await airgapOk(['verify', delta], home);
  expect(verified.stdout).toMatch(/v2\.tar is complete and undamaged: .*\na delta: 5 blobs/);
  const { lock, lockDigest } = JSON.parse((await airgapOk(['inspect', first, '-o', 'json'], home)).stdout);
  expect(lock.requires).toBeUndefined();
  const inspected = JSON.parse((await airgapOk(['inspect', delta, '-o', 'json'], home)).stdout);
  expect(inspected.delta).toEqual({ since: lockDigest, blobs: 5, bytes: expect.any(Number) });
  expect(inspected.lock.requires).toHaveLength(5);
});

test('diff of the two says what to carry, and answers 3', async () => {
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
    expect(stderr).toContain(
      'nothing was sent: the bundle is a delta, and the target lacks 5 blobs that it leaves out',
    );
    for (const name of ['quay.io/org/same', 'quay.io/org/app', 'docker.io/other/new']) {
      expect(stderr).toMatch(
        new RegExp(`${name}:\\d needs \\d blobs? that ${empty.host}/mirror/${name} lacks: sha256:`),
      );
    }
    expect(stderr).toContain('Hint: push the older bundle first');
    const catalog = await (await fetch(`${empty.url}/v2/_catalog`)).json();
    expect(catalog).toEqual({ repositories: [] });
  } finally {
    await empty.stop();
  }
});

test('with the older bundle there, the delta makes every image whole', async () => {
  expect(await push(first, target)).toMatchObject({ code: 0 });
  const { code, stdout, stderr } = await push(delta, target);
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/mirror\/quay\.io\/org\/same:1 +sha256:\w+ +present/);
  for (const reference of carried) {
    const image = `docker://${target.host}/mirror/${reference}`;
    const raw = await program('skopeo', ['inspect', '--tls-verify=false', '--raw', image], home);
    expect(`sha256:${createHash('sha256').update(raw).digest('hex')}`, reference).toBe(digests.get(reference));
    // Reads every blob of every platform, and checks its digest.
    const copied = `dir:${join(home, reference.replaceAll(/\W/g, '-'))}`;
    await program('skopeo', ['copy', '--all', '--src-tls-verify=false', image, copied], home);
  }
  const again = await push(delta, target);
  expect(again.stdout).toMatch(/: \d+ blobs, all there already$/m);
});

test('a delta of a delta needs no more than the one before it', async () => {
  const third = join(home, 'v3.tar');
  await pushImage(upstream.host, 'quay.io/org/app', '3', { sharedLayer: 'base', size });
  await bundle([...carried, 'quay.io/org/app:3'], '--since', delta, '--out', third);
  expect(statSync(third).size).toBeLessThan(2.5 * size);
  expect(await push(third, target)).toMatchObject({ code: 0 });
  const image = `docker://${target.host}/mirror/quay.io/org/app:3`;
  await program('skopeo', ['copy', '--all', '--src-tls-verify=false', image, `dir:${join(home, 'third')}`], home);
});
