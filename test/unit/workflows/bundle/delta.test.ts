import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ignoreEvents } from '../../../../src/base/events.ts';
import { chartArtifact } from '../../../../src/bundle/format/chart-artifact.ts';
import { emptyBlob } from '../../../../src/bundle/format/inline.ts';
import { openBundle } from '../../../../src/bundle/reading/bundle.ts';
import { writeBundle } from '../../../../src/bundle/write.ts';
import { type Digest, digestOf } from '../../../../src/oci/digest.ts';
import type { Root } from '../../../../src/oci/graph.ts';
import { deltaFields, readBaseBundle } from '../../../../src/workflows/bundle/delta.ts';
import { chart, graphOf, inventoryOf, registry, write } from '../../../support/bundles.ts';
import { type MemoryRegistry, noise } from '../../../support/memory-registry.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const base = digestOf(noise('base', 30_000));

async function writeOlder(source: MemoryRegistry = registry()): Promise<string> {
  const path = join(scratchFolder(), 'v1.tar');
  await write(path, source);
  return path;
}

describe('the blobs of a base bundle', () => {
  it('are those of its images, with all repositories', async () => {
    const path = await writeOlder();
    const { inventoryDigest: lockDigest, blobs } = await readBaseBundle(path, 4);
    const bundle = await openBundle(path);
    expect(lockDigest).toBe(bundle.inventoryDigest);
    await bundle.close();
    const repositories = ['docker.io/library/b', 'quay.io/a', 'quay.io/multi'];
    expect(blobs.get(base)).toEqual({ digest: base, size: 30_000, repositories });
    expect(blobs.has(digestOf(noise('chart', 700))), 'a chart travels every time').toBe(false);
  });

  it('include blobs that it omits itself', async () => {
    const source = registry();
    const graph = await graphOf(source);
    const first = await readBaseBundle(await writeOlder(source), 4);
    const path = join(scratchFolder(), 'v2.tar');
    await write(path, source, {
      graph,
      inventory: { ...inventoryOf(graph, [chart]), ...deltaFields(first, graph, [chart]) },
    });
    const second = await readBaseBundle(path, 4);
    expect(second.blobs).toEqual(first.blobs);
    expect(second.inventoryDigest).not.toBe(first.inventoryDigest);
  });

  it('exclude blobs that are missing from the file', async () => {
    const path = await writeOlder();
    const bytes = await readFile(path);
    // Swaps two letters of the entry's name, which keeps the header's checksum.
    const name = bytes.subarray(bytes.indexOf(`blobs/sha256/${base.slice(7)}\0`)).subarray(0, 77);
    const other = name.findIndex((byte, i) => i > 20 && byte !== name[20]);
    [name[20], name[other]] = [name[other] as number, name[20] as number];
    await writeFile(path, bytes);
    const { blobs } = await readBaseBundle(path, 4);
    expect(blobs.has(base)).toBe(false);
    expect(blobs.size).toBeGreaterThan(0);
  });

  it('cannot be read from an archive without an inventory, or with a damaged manifest', async () => {
    const source = registry();
    const graph = await graphOf(source);
    const bare = join(scratchFolder(), 'bare.tar');
    const steps = { source, concurrency: 4, force: false, emit: ignoreEvents };
    await writeBundle({ path: bare, graph, charts: [], ...steps });
    await expect(readBaseBundle(bare, 4)).rejects.toMatchObject({
      code: 'bundle-invalid',
      message: expect.stringMatching(/^--since: \S+\.tar /),
    });
    const path = await writeOlder(source);
    const whole = await openBundle(path);
    const position = whole.entries.get(graph.roots[0]?.descriptor.digest as Digest)?.offset ?? 0;
    await whole.close();
    const bytes = await readFile(path);
    bytes.write('!', position);
    await writeFile(path, bytes);
    await expect(readBaseBundle(path, 4)).rejects.toMatchObject({
      code: 'bundle-invalid',
      message: expect.stringContaining(path),
    });
  });
});

it('rejects a lock file as base bundle, with a hint', async () => {
  const path = join(scratchFolder(), 'airgap.lock');
  await writeFile(path, `# Charts and images\nkind: LockFile\n${'#'.repeat(600)}\n`);
  await expect(readBaseBundle(path, 4)).rejects.toMatchObject({
    code: 'bundle-invalid',
    message: expect.stringMatching(/^--since: .*airgap\.lock /),
    hint: expect.stringContaining('airgap.lock'),
  });
});

describe('the blobs that a delta omits', () => {
  it('are those of images in both, sorted by digest', async () => {
    const source = registry();
    const baseBundle = await readBaseBundle(await writeOlder(source), 4);
    const added = noise('new', 4000);
    source.addImage('quay.io/new', '1', [noise('base', 30_000), added]);
    const graph = await graphOf(source, ['quay.io/new:1']);
    const { since, requires } = deltaFields(baseBundle, graph, []);
    expect(since).toBe(baseBundle.inventoryDigest);
    expect(requires?.map(({ digest }) => digest)).toEqual([base]);
    const all = deltaFields(baseBundle, await graphOf(source), []).requires?.map(({ digest }) => digest) ?? [];
    expect(all).toEqual([...all].sort());
    expect(all.length).toBeGreaterThan(3);
  });

  it('include no parts of charts, nor the empty config of the inventory', async () => {
    const source = registry();
    const layer = noise('base', 30_000);
    source.addImage('quay.io/odd', '1', [layer, Buffer.from('{}')]);
    const path = join(scratchFolder(), 'v1.tar');
    await write(path, source, { graph: await graphOf(source, ['quay.io/odd:1']), charts: [] });
    const graph = await graphOf(source, ['quay.io/odd:1']);
    const artifact = chartArtifact({ metadata: { apiVersion: 'v2', name: 'odd', version: '1' }, tgz: layer });
    const requiredDigests = deltaFields(await readBaseBundle(path, 4), graph, [artifact]).requires?.map(
      ({ digest }) => digest,
    );
    expect(requiredDigests).toHaveLength(1);
    expect(requiredDigests).not.toContain(base);
    expect(requiredDigests).not.toContain(emptyBlob.descriptor.digest);
  });

  it('include no referrers', async () => {
    const source = registry();
    const layer = noise('base', 30_000);
    source.addImage('quay.io/new', '1', [layer]);
    const baseBundle = await readBaseBundle(await writeOlder(source), 4);
    const graph = await graphOf(source, ['quay.io/new:1']);
    const { reference, descriptor } = graph.roots[0] as Root;
    const referrer = { repository: reference, subject: descriptor.digest, descriptor, artifactType: '' };
    expect(deltaFields(baseBundle, graph, []).requires?.map(({ digest }) => digest)).toContain(base);
    expect(deltaFields(baseBundle, { ...graph, referrers: [referrer] }, []).requires).toEqual([]);
  });
});
