import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ignoreEvents } from '../../../src/base/events.ts';
import type { WriteOptions } from '../../../src/bundle/write.ts';
import { EarlierBundles } from '../../../src/bundle/writing/earlier-bundles.ts';
import type { Graph } from '../../../src/oci/graph.ts';
import { chart, graphOf, write } from '../../support/bundles.ts';
import { MemoryRegistry, noise } from '../../support/memory-registry.ts';
import { scratchFolder } from '../../support/scratch.ts';

const BASE = noise('base', 20_000);

/** Twelve images on one base layer, some with two platforms. */
const NAMES = Array.from({ length: 12 }, (_, index) => `quay.io/team/i${index}:1`);

function registry(delay: (index: number) => number = () => 0): MemoryRegistry {
  const source = new MemoryRegistry();
  for (let index = 0; index < NAMES.length; index++) {
    const layers = [BASE, noise(`layer ${index}`, 300 + index * 700)];
    const repository = `quay.io/team/i${index}`;
    if (index % 3 > 0) source.addImage(repository, '1', layers);
    else {
      const children = ['amd64', 'arm64'].map((architecture) => ({
        ...source.addImage(repository, undefined, layers, `linux/${architecture}`),
        platform: { os: 'linux', architecture },
      }));
      source.addIndex(repository, '1', children);
    }
  }
  source.onChunk = async (digest) => {
    const turns = delay(Number.parseInt(digest.slice(7, 9), 16));
    for (let round = 0; round < turns; round++) await Promise.resolve();
  };
  return source;
}

async function bytesWith(
  options: Partial<WriteOptions> & { readonly names?: readonly string[]; readonly delay?: (index: number) => number },
): Promise<Buffer> {
  const { names = NAMES, delay, ...rest } = options;
  const path = join(scratchFolder(), 'b');
  const source = registry(delay);
  const graph: Graph = await graphOf(source, names);
  await write(path, source, { ...rest, graph });
  return readFile(path);
}

it('the same content gives the same bytes, whatever the concurrency and order of arrival', async () => {
  const expected = await bytesWith({ concurrency: 1 });
  for (const concurrency of [1, 3, 16]) {
    for (const delay of [undefined, (index: number) => index, (index: number) => 255 - index]) {
      const bytes = await bytesWith({ concurrency, ...(delay === undefined ? {} : { delay }) });
      expect(bytes.equals(expected), `concurrency ${concurrency}`).toBe(true);
    }
  }
});

it('and whatever the order of the references', async () => {
  const expected = await bytesWith({});
  const turned = [...NAMES.slice(5), ...NAMES.slice(0, 5)].reverse();
  expect((await bytesWith({ names: turned })).equals(expected)).toBe(true);
});

it('and over several interrupted runs', async () => {
  const expected = await bytesWith({});
  for (const concurrency of [1, 16]) {
    const path = join(scratchFolder(), 'b');
    const source = registry();
    const graph = await graphOf(source, NAMES);
    let runs = 0;
    for (let done = false; !done; runs++) {
      const stop = new AbortController();
      const until = source.read + 30_000;
      source.onChunk = () => {
        if (source.read > until) stop.abort();
      };
      done = await write(path, source, { graph, concurrency, signal: stop.signal }).then(
        () => true,
        () => false,
      );
    }
    expect(runs).toBeGreaterThan(2);
    expect((await readFile(path)).equals(expected)).toBe(true);
  }
});

it('and when blobs come from earlier bundles', async () => {
  const expected = await bytesWith({});
  const dir = scratchFolder();
  const source = registry();
  const old = [join(dir, 'one'), join(dir, 'two')];
  await write(old[0] as string, source, { graph: await graphOf(source, NAMES.slice(0, 9)), charts: [] });
  await write(old[1] as string, source, { graph: await graphOf(source, NAMES.slice(6, 11)), charts: [chart] });
  for (const paths of [old, [...old].reverse()]) {
    const earlier = await EarlierBundles.open(paths, ignoreEvents);
    try {
      expect((await bytesWith({ earlier })).equals(expected)).toBe(true);
    } finally {
      await earlier.close();
    }
  }
});
