import { copyFile, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type AirgapEvent, type Emit, ignoreEvents } from '../../../../src/base/events.ts';
import { openBundle } from '../../../../src/bundle/reading/bundle.ts';
import { EarlierBundles } from '../../../../src/bundle/writing/earlier-bundles.ts';
import type { Descriptor } from '../../../../src/oci/descriptor.ts';
import { digestOf } from '../../../../src/oci/digest.ts';
import type { Graph } from '../../../../src/oci/graph.ts';
import { graphOf, registry, write } from '../../../support/bundles.ts';
import { descriptorOf } from '../../../support/descriptor.ts';
import { LAYER, type MemoryRegistry, noise } from '../../../support/memory-registry.ts';
import { scratchFolder } from '../../../support/scratch.ts';

async function earlier(paths: readonly string[], emit: Emit = ignoreEvents): Promise<EarlierBundles> {
  const bundles = await EarlierBundles.open(paths, emit);
  onTestFinished(() => bundles.close());
  return bundles;
}

function bytesOf(graph: Graph): number {
  return [...graph.blobs.values()].reduce((sum, { descriptor }) => sum + descriptor.size, 0);
}

/** Changes one byte of a blob in a bundle. */
async function damage(path: string, { digest }: Descriptor): Promise<void> {
  const bundle = await openBundle(path);
  const { offset = 0 } = bundle.entries.get(digest) ?? {};
  await bundle.close();
  const file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, offset);
  await file.write(Buffer.from([(byte[0] as number) ^ 0xff]), 0, 1, offset);
  await file.close();
}

/** Writes the bundle `old`, then adds an image to the registry and returns its layer. */
async function grown(dir: string): Promise<{ source: MemoryRegistry; graph: Graph; layer: Descriptor }> {
  const source = registry();
  await write(join(dir, 'old'), source);
  const layer = noise('new', 7000);
  source.addImage('quay.io/new', '1', [noise('base', 30_000), layer]);
  const names = ['quay.io/a:1', 'docker.io/library/b:2', 'quay.io/multi:3', 'quay.io/new:1'];
  const graph = await graphOf(source, names);
  source.read = 0;
  return { source, graph, layer: descriptorOf(layer, LAYER) };
}

const BASE = descriptorOf(noise('base', 30_000), LAYER);

describe('with an earlier bundle', () => {
  it('only missing blobs are fetched, and the bytes are the same as without it', async () => {
    const dir = scratchFolder();
    const { source, graph, layer } = await grown(dir);
    const result = await write(join(dir, 'new'), source, { graph, earlier: await earlier([join(dir, 'old')]) });
    expect(source.read).toBe(result.fetched);
    expect(result.fetched).toBeGreaterThanOrEqual(layer.size);
    expect(result.fetched).toBeLessThan(layer.size + 500);
    expect(result).toMatchObject({ status: 'written', reused: bytesOf(graph) - result.fetched, resumed: 0 });
    await write(join(dir, 'plain'), source, { graph });
    expect(digestOf(await readFile(join(dir, 'new')))).toBe(digestOf(await readFile(join(dir, 'plain'))));
  });

  it('the bundle may be the one that is replaced', async () => {
    const dir = scratchFolder();
    const { source, graph } = await grown(dir);
    const path = join(dir, 'old');
    const result = await write(path, source, { graph, force: true, earlier: await earlier([path]) });
    expect(result.reused).toBeGreaterThan(BASE.size);
    await write(join(dir, 'plain'), source, { graph });
    expect(digestOf(await readFile(path))).toBe(digestOf(await readFile(join(dir, 'plain'))));
  });

  it('damaged blobs are fetched with a warning', async () => {
    const dir = scratchFolder();
    const { source, graph } = await grown(dir);
    const old = join(dir, 'old');
    await damage(old, BASE);
    const events: AirgapEvent[] = [];
    const emit: Emit = (event) => void events.push(event);
    const result = await write(join(dir, 'new'), source, { graph, earlier: await earlier([old], emit) });
    expect(source.read).toBe(result.fetched);
    expect(result.fetched).toBeGreaterThan(BASE.size);
    const warnings = events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(old);
    expect(warnings[0]).toContain(BASE.digest);
    await write(join(dir, 'plain'), source, { graph });
    expect(digestOf(await readFile(join(dir, 'new')))).toBe(digestOf(await readFile(join(dir, 'plain'))));
  });

  it('a second bundle with an intact copy saves fetching it', async () => {
    const dir = scratchFolder();
    const { source, graph, layer } = await grown(dir);
    await copyFile(join(dir, 'old'), join(dir, 'whole'));
    await damage(join(dir, 'old'), BASE);
    const both = await earlier([join(dir, 'old'), join(dir, 'whole')]);
    const result = await write(join(dir, 'new'), source, { graph, earlier: both });
    expect(result.fetched).toBeLessThan(layer.size + 500);
  });

  it('a blob must have the expected size', async () => {
    const dir = scratchFolder();
    await write(join(dir, 'old'), registry());
    const bundles = await earlier([join(dir, 'old')]);
    expect(bundles.hasBlob(BASE)).toBe(true);
    expect(bundles.hasBlob({ ...BASE, size: BASE.size + 1 })).toBe(false);
    expect(bundles.hasBlob(descriptorOf(noise('unknown', 10), LAYER))).toBe(false);
  });

  it('a small blob is read from it without asking the registry, unless it is damaged', async () => {
    const dir = scratchFolder();
    await write(join(dir, 'old'), registry());
    const events: AirgapEvent[] = [];
    const bundles = await earlier([join(dir, 'old')], (event) => void events.push(event));
    const refuse = { size: BASE.size, open: () => Promise.reject(new Error('the registry was asked')) };
    expect(await buffer(await bundles.smallBlobBody(BASE, refuse).open(29_000))).toEqual(
      noise('base', 30_000).subarray(29_000),
    );
    const larger = { ...BASE, size: 9 * 1024 * 1024 };
    expect(bundles.smallBlobBody(larger, refuse)).toBe(refuse);
    await damage(join(dir, 'old'), BASE);
    await expect(bundles.smallBlobBody(BASE, refuse).open()).rejects.toThrow('the registry was asked');
    expect(events.filter(({ type }) => !type.startsWith('step'))).toMatchObject([{ type: 'warning' }]);
  });

  it('that cannot be opened, nothing starts', async () => {
    const dir = scratchFolder();
    await expect(EarlierBundles.open([join(dir, 'none')], ignoreEvents)).rejects.toMatchObject({ code: 'file' });
  });
});
