import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { AirgapError } from '../../../src/base/errors.ts';
import { ignoreEvents } from '../../../src/base/events.ts';
import type { Graph } from '../../../src/oci/graph.ts';
import type { Repository } from '../../../src/oci/reference.ts';
import { copy } from '../../../src/transfer/copy.ts';
import { SharedSource } from '../../../src/transfer/shared-source.ts';
import { walk } from '../../../src/transfer/walk.ts';
import { MemoryRegistry, noise, references } from '../../support/memory-registry.ts';

const LONG = 60_000;
const options = {
  target: ({ path }: Repository) => ({ registry: 'private.example', path }),
  concurrency: 4,
  emit: ignoreEvents,
};

/** Forty images that share some of their layers. */
async function upstream(): Promise<{ source: MemoryRegistry; graph: Graph }> {
  const source = new MemoryRegistry();
  const names = Array.from({ length: 40 }, (_, index) => `quay.io/i${index}:1`);
  for (const index of names.keys()) {
    source.addImage(`quay.io/i${index}`, '1', [noise(`${index % 7}`, 4000), noise(`own ${index}`, 2500 + index)]);
  }
  const { graph } = await walk(source, references(...names), { platforms: [], concurrency: 4 });
  return { source, graph };
}

const openings = ({ log }: MemoryRegistry): string[] => log.filter((line) => line.startsWith('OPEN'));

/** Copies into all sinks concurrently. */
async function copyAll(graph: Graph, shared: SharedSource, sinks: readonly MemoryRegistry[]): Promise<number[]> {
  const readers = sinks.map(() => shared.reader());
  const results = await Promise.all(
    sinks.map(async (sink, index) => {
      const reader = readers[index] as (typeof readers)[number];
      const result = await copy(graph, reader, sink, { ...options, coordinator: reader });
      reader.close();
      return result.failures.length;
    }),
  );
  return results;
}

describe('a source that several copies read at the same time', () => {
  it('is read once for all copies', async () => {
    const { source, graph } = await upstream();
    const sinks = [new MemoryRegistry(), new MemoryRegistry(), new MemoryRegistry()];
    expect(await copyAll(graph, new SharedSource(source, LONG), sinks)).toEqual([0, 0, 0]);
    expect(openings(source)).toHaveLength(graph.blobs.size);
    expect(source.read).toBe([...graph.blobs.values()].reduce((sum, { descriptor }) => sum + descriptor.size, 0));
    for (const sink of sinks) expect(sink.tags.size).toBe(40);
  });

  it('is read once by copies that lack different blobs', async () => {
    const { source, graph } = await upstream();
    const has = async (sink: MemoryRegistry, roots: Graph['roots']): Promise<void> => {
      await copy({ ...graph, roots }, source, sink, options);
    };
    const [first, second] = [new MemoryRegistry(), new MemoryRegistry()];
    await has(first, graph.roots.slice(0, 12));
    await has(second, graph.roots.slice(28));
    source.log.length = 0;
    expect(await copyAll(graph, new SharedSource(source, LONG), [first, second])).toEqual([0, 0]);
    expect(new Set(openings(source)).size).toBe(openings(source).length);
    expect([first.tags.size, second.tags.size]).toEqual([40, 40]);
  });

  it('is read by one copy when the other one has ended', async () => {
    const { source, graph } = await upstream();
    const shared = new SharedSource(source, LONG);
    const reader = shared.reader();
    const missing = shared.reader();
    const sink = new MemoryRegistry();
    const copying = copy(graph, reader, sink, { ...options, coordinator: reader });
    await sleep(5);
    expect(openings(source)).toEqual([]);
    missing.close();
    await copying;
    expect(sink.tags.size).toBe(40);
  });

  it('waits only once for a copy that does not read', async () => {
    const { source, graph } = await upstream();
    const shared = new SharedSource(source, LONG);
    const reader = shared.reader();
    const slow = shared.reader();
    slow.expect(graph.blobs.keys());
    const sink = new MemoryRegistry();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const copying = copy(graph, reader, sink, { ...options, coordinator: reader });
      for (let round = 0; round < 20; round++) await new Promise(setImmediate);
      expect(openings(source)).toEqual([]);
      vi.advanceTimersByTime(LONG);
      await copying;
    } finally {
      vi.useRealTimers();
    }
    expect(sink.tags.size).toBe(40);
    const late = new MemoryRegistry();
    await copy(graph, slow, late, { ...options, coordinator: slow });
    expect(late.tags.size).toBe(40);
  });

  it('continues for the others when a reader closes or blocks', async () => {
    const { source, graph } = await upstream();
    const shared = new SharedSource(source, 20);
    const reader = shared.reader();
    const broken = shared.reader();
    const stuck = shared.reader();
    const [node] = [...graph.blobs.values()].filter(({ descriptor }) => descriptor.size === 4000);
    const { descriptor, repositories } = node as NonNullable<typeof node>;
    const [repository] = repositories as [Repository];
    for (const one of [reader, broken, stuck]) one.expect([descriptor.digest]);
    const [whole, partial, none] = await Promise.all(
      [reader, broken, stuck].map((one) => one.blob(repository, descriptor).open()),
    );
    partial?.on('error', () => {}).destroy(new Error('gone'));
    const ended = new Promise((resolve) => none?.on('error', resolve));
    let bytes = 0;
    for await (const chunk of whole ?? []) bytes += (chunk as Uint8Array).length;
    expect(bytes).toBe(4000);
    expect(await ended).toMatchObject({ code: 'network' });
    expect(openings(source)).toHaveLength(1);
    // It continues separately at its offset.
    expect((await stuck.blob(repository, descriptor).open(1000)).readable).toBe(true);
    expect(openings(source)[1]).toMatch(/ 1000$/);
  });

  it('fails for all readers on an error, and each retries separately', async () => {
    const { source, graph } = await upstream();
    const invalid = [...graph.blobs.keys()][5];
    let broken = 0;
    source.onChunk = (digest, offset) => {
      if (digest === invalid && offset === 0 && broken++ === 0) throw new Error('reset');
    };
    const sinks = [new MemoryRegistry(), new MemoryRegistry()];
    expect(await copyAll(graph, new SharedSource(source, LONG), sinks)).toEqual([0, 0]);
    expect(openings(source)).toHaveLength(graph.blobs.size + 2);
  });

  it('releases a copy that is interrupted while it waits', async () => {
    const { source, graph } = await upstream();
    const shared = new SharedSource(source, LONG);
    const reader = shared.reader();
    shared.reader();
    const abort = new AbortController();
    const { signal } = abort;
    const copying = copy(graph, reader, new MemoryRegistry(), { ...options, coordinator: reader, signal });
    await sleep(5);
    abort.abort(new AirgapError('interrupted', 'interrupted'));
    await expect(copying).rejects.toMatchObject({ code: 'interrupted' });
  });
});
