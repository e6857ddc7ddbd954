import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { AirgapError } from '../../../src/base/errors.ts';
import { ignoreEvents } from '../../../src/base/events.ts';
import { comparableBundle, compareBundles } from '../../../src/bundle/difference.ts';
import { openBundle } from '../../../src/bundle/reading/bundle.ts';
import { verifyBundle } from '../../../src/bundle/verify.ts';
import type { BundleProblem } from '../../../src/bundle/verifying/inventory-check.ts';
import type { RequiredBlob } from '../../../src/inventory/inventory.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { chart, graphOf, inventoryOf, registry, write } from '../../support/bundles.ts';
import { type MemoryRegistry, noise } from '../../support/memory-registry.ts';
import { scratchFolder } from '../../support/scratch.ts';

const base = digestOf(noise('base', 30_000));
const since = digestOf(Buffer.from('older'));
const repositories = ['quay.io/a'];

async function writeDelta(
  path: string,
  source: MemoryRegistry,
  requires: RequiredBlob[] = [{ digest: base, size: 30_000, repositories }],
): Promise<void> {
  const graph = await graphOf(source);
  await write(path, source, { graph, inventory: { ...inventoryOf(graph, [chart]), since, requires } });
}

async function problemsOf(path: string): Promise<BundleProblem[]> {
  const bundle = await openBundle(path);
  try {
    return await verifyBundle(bundle, { emit: ignoreEvents });
  } finally {
    await bundle.close();
  }
}

it('omits the blobs that the inventory requires and does not fetch them', async () => {
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

it('has no manifest.json, whose layers would be missing', async () => {
  const path = join(scratchFolder(), 'delta');
  await writeDelta(path, registry());
  const names = execFileSync('tar', ['-tf', path], { encoding: 'utf8' }).split('\n');
  expect(names.slice(0, 2)).toEqual(['oci-layout', 'index.json']);
  expect(names).not.toContain('manifest.json');
});

it('verifies without the omitted blobs; any other missing blob is a problem', async () => {
  const dir = scratchFolder();
  await writeDelta(join(dir, 'delta'), registry());
  expect(await problemsOf(join(dir, 'delta'))).toEqual([]);
  // A blob of another size is not the omitted one.
  await writeDelta(join(dir, 'other'), registry(), [{ digest: base, size: 29_999, repositories }]);
  const affects = ['docker.io/library/b:2', 'quay.io/a:1', 'quay.io/multi:3'];
  expect(await problemsOf(join(dir, 'other'))).toEqual([{ message: expect.stringContaining(base), affects }]);
});

it('reports that it omits a blob and hints where to find it', async () => {
  const path = join(scratchFolder(), 'delta');
  await writeDelta(path, registry());
  const bundle = await openBundle(path);
  const reading = bundle.read({ mediaType: '', digest: base, size: 30_000 });
  await expect(reading).rejects.toMatchObject({
    code: 'image-not-found',
    message: expect.stringMatching(new RegExp(`delta.*${base}`)),
    hint: expect.stringContaining('older bundle'),
  });
  await bundle.close();
});

it('resumes after an interruption with the same bytes', async () => {
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

it('is compared including the blobs that it omits', async () => {
  const dir = scratchFolder();
  await write(join(dir, 'whole'), registry());
  await writeDelta(join(dir, 'delta'), registry());
  const [whole, delta] = await Promise.all([openBundle(join(dir, 'whole')), openBundle(join(dir, 'delta'))]);
  // Only the inventory differs.
  expect(compareBundles(comparableBundle(whole), comparableBundle(delta)).carry.blobs).toBe(2);
  expect(compareBundles(comparableBundle(delta), comparableBundle(whole)).carry.blobs).toBe(2);
  await whole.close();
  await delta.close();
});
