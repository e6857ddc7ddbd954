import { describe, expect, it } from 'vitest';
import { ignoreEvents } from '../../../../src/base/events.ts';
import type { ManifestNode } from '../../../../src/oci/graph.ts';
import { ReferrerBlobs } from '../../../../src/transfer/referrers/blobs.ts';
import { MemoryRegistry, noise } from '../../../support/memory-registry.ts';

const repository = { registry: 'quay.io', path: 'a' };

function set() {
  const registry = new MemoryRegistry();
  const blobs = new ReferrerBlobs(registry, { emit: ignoreEvents });
  const blob = (seed: string, size: number) => registry.addBlob('quay.io/a', 'application/x', noise(seed, size));
  const nodes = (...list: ReturnType<typeof blob>[]) => [{ blobs: list } as unknown as ManifestNode];
  const opened = (): number => registry.log.filter((line) => line.startsWith('OPEN')).length;
  return { registry, blobs, blob, nodes, opened };
}

describe('blobs of signatures', () => {
  it('are read once and cached; large ones are only probed', async () => {
    const { blobs, blob, nodes, opened } = set();
    const [small, large] = [blob('small', 1000), blob('large', 300 * 1024)];
    await blobs.check(repository, nodes(small, large));
    await blobs.check(repository, nodes(small, large));
    expect(opened()).toBe(2);
    const node = (descriptor: typeof small) => ({ descriptor, repositories: [repository] });
    const graph = {
      roots: [],
      manifests: new Map(),
      blobs: new Map([small, large].map((one) => [one.digest, node(one)])),
    };
    const { blobs: kept } = await blobs.withBlobs(graph);
    expect(Buffer.from(kept.get(small.digest)?.bytes ?? []).equals(noise('small', 1000))).toBe(true);
    expect(kept.get(large.digest)?.bytes).toBeUndefined();
  });

  it.each([10, 300 * 1024])('fail if one is missing, until another repository has it (%i bytes)', async (size) => {
    const { registry, blobs, blob, nodes } = set();
    const one = blob('one', size);
    const other = { registry: 'quay.io', path: 'b' };
    await expect(blobs.check(other, nodes(one))).rejects.toMatchObject({
      code: 'registry',
      message: expect.stringContaining(one.digest),
    });
    registry.log.length = 0;
    await blobs.check(repository, nodes(one));
  });

  it('are cached up to 64 MiB in total', async () => {
    const { registry, blobs, nodes, opened } = set();
    registry.chunk = 256 * 1024;
    const [ends, open] = [[] as number[], registry.blob.bind(registry)];
    registry.blob = (place, descriptor) => {
      const body = open(place, descriptor);
      return {
        ...body,
        open: (position, signal, end = body.size) => {
          ends.push(end);
          return body.open(position, signal);
        },
      };
    };
    const many = Array.from({ length: 260 }, (_, index) => {
      const bytes = Buffer.alloc(256 * 1024);
      bytes.writeUInt32LE(index);
      return registry.addBlob('quay.io/a', 'application/x', bytes);
    });
    await blobs.check(repository, nodes(...many));
    expect(opened()).toBe(260);
    expect(ends.filter((end) => end === 1)).toHaveLength(4);
  });
});
