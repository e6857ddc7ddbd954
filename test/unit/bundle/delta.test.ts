import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { AirgapError } from '../../../src/base/errors.ts';
import { silent } from '../../../src/base/events.ts';
import { comparedBundle, differenceOf } from '../../../src/bundle/difference.ts';
import type { Problem } from '../../../src/bundle/problem.ts';
import { openBundle } from '../../../src/bundle/read.ts';
import { verifyBundle } from '../../../src/bundle/verify.ts';
import type { RequiredBlob } from '../../../src/lock/lock.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { type MemoryRegistry, noise } from '../transfer/memory.ts';
import { chart, graphOf, lockOf, registry, write } from './bundles.ts';

const base = digestOf(noise('base', 30_000));
const since = digestOf(Buffer.from('older'));
const repositories = ['quay.io/a'];

async function writeDelta(
  path: string,
  source: MemoryRegistry,
  requires: RequiredBlob[] = [{ digest: base, size: 30_000, repositories }],
): Promise<void> {
  const graph = await graphOf(source);
  await write(path, source, { graph, lock: { ...lockOf(graph, [chart]), since, requires } });
}

async function problemsOf(path: string): Promise<Problem[]> {
  const bundle = await openBundle(path);
  try {
    return await verifyBundle(bundle, { emit: silent });
  } finally {
    await bundle.close();
  }
}

it('leaves out what the lock says that its receiver has, and reads none of it', async () => {
  const source = registry();
  const path = join(scratchFolder(), 'delta');
  await writeDelta(path, source);
  const bundle = await openBundle(path);
  expect(bundle.entries.has(base)).toBe(false);
  expect(bundle.entries.has(digestOf(noise('a', 5000)))).toBe(true);
  for (const digest of (await graphOf(source)).manifests.keys()) expect(bundle.entries.has(digest)).toBe(true);
  await bundle.close();
  expect(source.log.some((line) => line.startsWith('OPEN') && line.includes(base))).toBe(false);
});

it('has no manifest.json, since what that names would not be there', async () => {
  const path = join(scratchFolder(), 'delta');
  await writeDelta(path, registry());
  const names = execFileSync('tar', ['-tf', path], { encoding: 'utf8' }).split('\n');
  expect(names.slice(0, 2)).toEqual(['oci-layout', 'index.json']);
  expect(names).not.toContain('manifest.json');
});

it('is not damaged for what it leaves out, and is for what else is not there', async () => {
  const dir = scratchFolder();
  await writeDelta(join(dir, 'delta'), registry());
  expect(await problemsOf(join(dir, 'delta'))).toEqual([]);
  // A lock that names another size means something else.
  await writeDelta(join(dir, 'other'), registry(), [{ digest: base, size: 29_999, repositories }]);
  const affects = ['docker.io/library/b:2', 'quay.io/a:1', 'quay.io/multi:3'];
  expect(await problemsOf(join(dir, 'other'))).toEqual([{ message: `${base} is not there`, affects }]);
});

it('says of a blob that it leaves out that it does, and where to find it', async () => {
  const path = join(scratchFolder(), 'delta');
  await writeDelta(path, registry());
  const bundle = await openBundle(path);
  const reading = bundle.read({ mediaType: '', digest: base, size: 30_000 });
  await expect(reading).rejects.toMatchObject({
    code: 'image-not-found',
    message: expect.stringContaining('is a delta, and leaves out'),
    hint: expect.stringContaining('the older bundle has it'),
  });
  await bundle.close();
});

it('goes on after an interruption, and is the same bytes', async () => {
  const dir = scratchFolder();
  await writeDelta(join(dir, 'whole'), registry());
  const source = registry();
  const own = digestOf(noise('a', 5000));
  source.onChunk = (digest, offset) => {
    if (digest === own && offset >= 3000) throw new AirgapError('forbidden', 'no more of it');
  };
  await expect(writeDelta(join(dir, 'again'), source)).rejects.toThrow('no more of it');
  source.onChunk = () => {};
  await writeDelta(join(dir, 'again'), source);
  expect(await readFile(join(dir, 'again'))).toEqual(await readFile(join(dir, 'whole')));
});

it('counts as whole when it is compared: who has it has what it leaves out', async () => {
  const dir = scratchFolder();
  await write(join(dir, 'whole'), registry());
  await writeDelta(join(dir, 'delta'), registry());
  const [whole, delta] = await Promise.all([openBundle(join(dir, 'whole')), openBundle(join(dir, 'delta'))]);
  // Only the lock is another.
  expect(differenceOf(comparedBundle(whole), comparedBundle(delta)).carry.blobs).toBe(2);
  expect(differenceOf(comparedBundle(delta), comparedBundle(whole)).carry.blobs).toBe(2);
  await whole.close();
  await delta.close();
});
