import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ignoreEvents } from '../../../src/base/events.ts';
import { openBundle } from '../../../src/bundle/reading/bundle.ts';
import type { BundleProblem } from '../../../src/bundle/verify.ts';
import { verifyBundle } from '../../../src/bundle/verify.ts';
import { type Digest, digestOf } from '../../../src/oci/digest.ts';
import { chart, graphOf, inventoryOf, registry, write } from '../../support/bundles.ts';
import { noise } from '../../support/memory-registry.ts';
import { scratchFolder } from '../../support/scratch.ts';

const options = { emit: ignoreEvents };

async function problemsAfter(
  change: (bytes: Buffer, offsetOf: (digest: Digest) => number) => void,
): Promise<BundleProblem[]> {
  const path = join(scratchFolder(), 'b');
  await write(path, registry());
  const whole = await openBundle(path);
  const bytes = await readFile(path);
  change(bytes, (digest) => whole.entries.get(digest)?.offset ?? -1);
  await whole.close();
  await writeFile(path, bytes);
  const bundle = await openBundle(path);
  try {
    return await verifyBundle(bundle, options);
  } finally {
    await bundle.close();
  }
}

describe('verifyBundle', () => {
  it('finds no problems in an intact bundle', async () => {
    expect(await problemsAfter(() => {})).toEqual([]);
  });

  it('finds every damaged blob and the affected images', async () => {
    const [base, own] = [digestOf(noise('base', 30_000)), digestOf(noise('b', 511))];
    const problems = await problemsAfter((bytes, offsetOf) => {
      bytes.writeUInt8(bytes.readUInt8(offsetOf(base) + 29_999) ^ 1, offsetOf(base) + 29_999);
      bytes.writeUInt8(bytes.readUInt8(offsetOf(own)) ^ 0x80, offsetOf(own));
    });
    const expected = [
      {
        message: expect.stringContaining(base),
        affects: ['docker.io/library/b:2', 'quay.io/a:1', 'quay.io/multi:3'],
      },
      { message: expect.stringContaining(own), affects: ['docker.io/library/b:2'] },
    ];
    expect(problems).toHaveLength(2);
    expect(problems).toEqual(expect.arrayContaining(expected));
  });

  it('finds damage in a chart and in a manifest', async () => {
    const manifest = (await graphOf(registry())).roots[0]?.descriptor.digest as Digest;
    const problems = await problemsAfter((bytes, offsetOf) => {
      bytes.write('!', offsetOf(digestOf(noise('chart', 700))));
      bytes.write('!', offsetOf(manifest));
    });
    expect(problems.flatMap(({ affects }) => affects).sort()).toEqual(['charts/demo:1.2.3_b', 'quay.io/a:1']);
  });

  it('finds blobs that are missing in the archive', async () => {
    const own = digestOf(noise('a', 5000));
    const problems = await problemsAfter((bytes) => {
      const position = bytes.indexOf(`blobs/sha256/${own.slice(7)}\0`);
      // Swaps two letters, which keeps the header's checksum.
      const name = bytes.subarray(position, position + 77);
      const first = name[20] as number;
      const other = name.findIndex((byte, i) => i > 20 && byte !== first);
      name[20] = name[other] as number;
      name[other] = first;
    });
    expect(problems).toContainEqual({ message: expect.stringContaining(own), affects: ['quay.io/a:1'] });
    expect(problems.some(({ message }) => message.startsWith('manifest.json'))).toBe(true);
  });

  it('finds an inventory that contradicts the index', async () => {
    const path = join(scratchFolder(), 'b');
    const source = registry();
    const graph = await graphOf(source);
    const inventory = inventoryOf(graph, [chart]);
    const [first, ...others] = inventory.images;
    const images = [{ ...(first as (typeof inventory.images)[number]), reference: 'quay.io/ghost:1' }, ...others];
    await write(path, source, { graph, inventory: { ...inventory, images, charts: [] } });
    const bundle = await openBundle(path);
    const problems = await verifyBundle(bundle, options);
    await bundle.close();
    expect(problems.map(({ affects }) => affects[0]).sort()).toEqual([
      'charts/demo:1.2.3_b',
      'quay.io/a:1',
      'quay.io/ghost:1',
    ]);
  });

  it('stops when it is interrupted', async () => {
    const path = join(scratchFolder(), 'b');
    await write(path, registry());
    const bundle = await openBundle(path);
    const verifying = verifyBundle(bundle, { ...options, signal: AbortSignal.abort() });
    await expect(verifying).rejects.toMatchObject({ code: 'interrupted' });
    await bundle.close();
  });
});
