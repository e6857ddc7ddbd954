import { describe, expect, it } from 'vitest';
import { ignoreEvents } from '../../../src/base/events.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import type { Graph, Root } from '../../../src/oci/graph.ts';
import type { Reference, Repository } from '../../../src/oci/reference.ts';
import { copy } from '../../../src/transfer/copy.ts';
import { planCopy } from '../../../src/transfer/copy-plan.ts';
import { destinationsFor, type ExistingTag } from '../../../src/transfer/destinations.ts';
import { walk } from '../../../src/transfer/walk.ts';
import { MemoryRegistry, noise, references } from '../../support/memory-registry.ts';

const target = ({ registry, path }: Repository) => ({ registry: 'private.example', path: `m/${registry}/${path}` });
const options = (existing: ExistingTag) => ({ target, concurrency: 4, emit: ignoreEvents, existing });
const names = ['quay.io/a:1', 'quay.io/b:1', 'quay.io/c:1'];

/** Returns a source of three images, and a sink that has the first, the second with another digest, not the third. */
async function scene(): Promise<{ graph: Graph; source: MemoryRegistry; sink: MemoryRegistry; other: string }> {
  const source = new MemoryRegistry();
  const sink = new MemoryRegistry();
  for (const name of ['a', 'b', 'c']) source.addImage(`quay.io/${name}`, '1', [noise(name, 1000)]);
  sink.addImage('private.example/m/quay.io/a', '1', [noise('a', 1000)]);
  const other = sink.addImage('private.example/m/quay.io/b', '1', [noise('other', 1000)]).digest;
  const { graph } = await walk(source, references(...names), { platforms: [], concurrency: 4 });
  sink.log.length = 0;
  return { graph, source, sink, other };
}

describe('a tag with the digest', () => {
  const isIncomplete = ({ reference }: Root): boolean => reference.path === 'a';

  it.each(['error', 'skip', 'overwrite'] as const)('is sent if its image is incomplete: %s', async (existing) => {
    const { graph, source, sink } = await scene();
    sink.tags.delete('private.example/m/quay.io/b:1');
    const lost = [...sink.blobs.keys()].find((name) => name.startsWith('private.example/m/quay.io/a@')) ?? '';
    sink.blobs.delete(lost);
    const plan = await planCopy(graph, sink, { ...options(existing), isIncomplete, absent: new Set() });
    expect(plan.items.map(({ status }) => status)).toEqual(['send', 'send', 'send']);
    const { outcomes } = await copy(graph, source, sink, { ...options(existing), isIncomplete });
    expect(outcomes.map(({ status }) => status)).toEqual(['pushed', 'pushed', 'pushed']);
    expect(sink.blobs.has(lost)).toBe(true);
  });
});

describe('a tag with another digest', () => {
  it('is reported before anything is sent', async () => {
    const { graph, source, sink, other } = await scene();
    await expect(copy(graph, source, sink, options('error'))).rejects.toMatchObject({
      code: 'tag-conflict',
      message: expect.stringMatching(new RegExp(`^private\\.example/m/quay\\.io/b:1: .*${other}`)),
      parts: { subject: 'quay.io/b:1' },
    });
    expect(sink.log.filter((line) => /^(?:PUT|POST)/.test(line))).toEqual([]);
    expect(sink.tags.has('private.example/m/quay.io/c:1')).toBe(false);
  });

  it('is kept, and reported as kept', async () => {
    const { graph, source, sink, other } = await scene();
    const { outcomes } = await copy(graph, source, sink, options('skip'));
    expect(outcomes.map(({ status, digest }) => [status, digest === other])).toEqual([
      ['present', false],
      ['kept', true],
      ['pushed', false],
    ]);
    expect(sink.tags.get('private.example/m/quay.io/b:1')).toBe(other);
  });

  it('is overwritten', async () => {
    const { graph, source, sink, other } = await scene();
    const { outcomes } = await copy(graph, source, sink, options('overwrite'));
    expect(outcomes.map(({ status }) => status)).toEqual(['present', 'pushed', 'pushed']);
    expect(sink.tags.get('private.example/m/quay.io/b:1')).not.toBe(other);
  });

  it.each(['skip', 'overwrite'] as const)('is planned as it is done: %s', async (existing) => {
    const { graph, source, sink, other } = await scene();
    const plan = await planCopy(graph, sink, { ...options(existing), absent: new Set() });
    expect(plan.items.map(({ status }) => status)).toEqual([
      'present',
      existing === 'skip' ? 'keep' : 'overwrite',
      'send',
    ]);
    expect(plan.items[1]?.found).toBe(other);
    const result = await copy(graph, source, sink, options(existing));
    expect({ blobs: plan.blobs, bytes: plan.bytes }).toEqual({ blobs: result.blobs.stored, bytes: result.bytes });
  });
});

describe('a name of an image that is not copied', () => {
  const digest = (text: string) => digestOf(Buffer.from(text));
  const root = (name: string, content: string): Root => ({
    reference: references(name)[0] as Reference,
    descriptor: { mediaType: '', digest: digest(content), size: 0 },
  });
  const reserved = new Map([['private.example/m/quay.io/a:1', root('quay.io/a:1', 'old')]]);

  it('is not given to an image that is pinned to another digest', () => {
    const [pinned] = destinationsFor([root(`quay.io/a:1@${digest('new')}`, 'new')], target, reserved);
    expect(pinned?.tag).toMatch(/^digest-/);
  });

  it('is not given to a pinned image if its own image could not be read', () => {
    const unread = new Map([['private.example/m/quay.io/a:1', undefined]]);
    const [pinned] = destinationsFor([root(`quay.io/a:1@${digest('new')}`, 'new')], target, unread);
    expect(pinned?.tag).toMatch(/^digest-/);
  });

  it('is a collision for a tag with other content, and none for the same', () => {
    expect(() => destinationsFor([root('quay.io/a:1', 'new')], target, reserved)).toThrow('quay.io/a:1');
    expect(destinationsFor([root('quay.io/a:1', 'old')], target, reserved)).toHaveLength(1);
  });
});
