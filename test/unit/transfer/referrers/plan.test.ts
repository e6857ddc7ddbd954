import { describe, expect, it } from 'vitest';
import { AirgapError } from '../../../../src/base/errors.ts';
import { ignoreEvents } from '../../../../src/base/events.ts';
import type { Graph } from '../../../../src/oci/graph.ts';
import type { Reference } from '../../../../src/oci/reference.ts';
import { copy } from '../../../../src/transfer/copy.ts';
import type { ExistingTag } from '../../../../src/transfer/destinations.ts';
import { ReferrerCollector } from '../../../../src/transfer/referrers/collect.ts';
import { planReferrers, type ReferrersPlan } from '../../../../src/transfer/referrers/plan.ts';
import { pushReferrers } from '../../../../src/transfer/referrers/push.ts';
import { Walker } from '../../../../src/transfer/walk.ts';
import { MemoryRegistry, noise, references } from '../../../support/memory-registry.ts';
import { addReferrer, addTagged, tagOf } from '../../../support/referrers.ts';

const THERE = 'private.example/m/a';
const target = (source: Reference): Reference => ({ ...source, registry: 'private.example', path: `m/${source.path}` });
const steps = { concurrency: 4, emit: ignoreEvents };

/** Returns the graph of an image with an SBOM, a signature of the SBOM, and a cosign signature. */
async function source() {
  const registry = new MemoryRegistry();
  registry.listsReferrers = true;
  const image = registry.addImage('quay.io/a', '1', [noise('a', 50)]);
  addReferrer(registry, 'quay.io/a', addReferrer(registry, 'quay.io/a', image), 'application/vnd.signature');
  addTagged(registry, 'quay.io/a', image);
  const walker = new Walker(registry, { ...steps, platforms: [] });
  await walker.add(references('quay.io/a:1'));
  await new ReferrerCollector(registry, walker, steps).collect(walker.graph().roots);
  return { registry, graph: walker.graph(), signatureTag: tagOf(image.digest, 'sig') };
}

function plan(
  graph: Graph,
  sink: MemoryRegistry,
  { existing = 'error', absent = [] }: { existing?: ExistingTag; absent?: readonly string[] } = {},
): Promise<ReferrersPlan> {
  const options = { target, concurrency: 4, existing, absent: new Set(absent) };
  return planReferrers(graph, graph.referrers ?? [], sink, options);
}

/** Returns `status via` of each item, sorted. */
function summaries({ items }: ReferrersPlan): string[] {
  return items.map(({ status, via }) => `${status} ${via}`).sort();
}

describe('the plan for referrers', () => {
  for (const [name, listsReferrers, via] of [
    ['where there is an API', true, 'referrers-api'],
    ['where there is none', false, 'fallback-tag'],
  ] as const) {
    it(`matches the push, ${name}, and changes nothing`, async () => {
      const { registry, graph } = await source();
      const sink = new MemoryRegistry();
      sink.listsReferrers = listsReferrers;
      const options = { ...steps, target, existing: 'error' as const, now: () => new Date() };
      await copy(graph, registry, sink, options);
      sink.log.length = 0;
      const planned = await plan(graph, sink);
      expect(summaries(planned)).toEqual(['send cosign-tag', `send ${via}`, `send ${via}`]);
      expect(sink.log.filter((line) => line.startsWith('PUT'))).toEqual([]);
      const before = new Set(sink.blobs.keys());
      await pushReferrers(graph, graph.referrers ?? [], registry, sink, options);
      const sent = [...sink.blobs].filter(([key]) => !before.has(key)).map(([, bytes]) => bytes.length);
      expect({ blobs: planned.blobs, bytes: planned.bytes }).toEqual({
        blobs: sent.length,
        bytes: sent.reduce((sum, bytes) => sum + bytes, 0),
      });
      expect(sent.length).toBeGreaterThan(0);
      const after = await plan(graph, sink);
      expect(summaries(after)).toEqual(['present cosign-tag', `present ${via}`, `present ${via}`]);
      expect(after).toMatchObject({ blobs: 0, bytes: 0 });
    });
  }

  it('needs no requests for missing repositories', async () => {
    const { graph } = await source();
    const sink = new MemoryRegistry();
    const planned = await plan(graph, sink, { absent: ['m/a'] });
    expect(summaries(planned)).toEqual(['send cosign-tag', 'send undefined', 'send undefined']);
    expect(planned.bytes).toBeGreaterThan(500);
    expect(sink.log).toEqual([]);
  });

  it('limits concurrent requests, and keeps the order of the bundle', async () => {
    let [running, most] = [0, 0];
    class Slow extends MemoryRegistry {
      override async hasManifest(...args: Parameters<MemoryRegistry['hasManifest']>) {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 1));
        running--;
        return super.hasManifest(...args);
      }
    }
    const registry = new MemoryRegistry();
    registry.listsReferrers = true;
    const image = registry.addImage('quay.io/a', '1', [noise('a', 50)]);
    for (const kind of 'abcdefgh') addReferrer(registry, 'quay.io/a', image, `application/${kind}`);
    addTagged(registry, 'quay.io/a', image);
    const walker = new Walker(registry, { ...steps, platforms: [] });
    await walker.add(references('quay.io/a:1'));
    await new ReferrerCollector(registry, walker, steps).collect(walker.graph().roots);
    const graph = walker.graph();
    const { items } = await plan(graph, new Slow());
    expect(most).toBe(4);
    const kinds = (list: readonly { artifactType: string; tag?: string }[]): string[] =>
      list.map(({ artifactType, tag }) => tag ?? artifactType);
    const [tagged, listed] = [true, false].map((is) =>
      (graph.referrers ?? []).filter(({ tag }) => (tag !== undefined) === is),
    );
    expect(kinds(items.map(({ referrer }) => referrer))).toEqual(kinds([...(tagged ?? []), ...(listed ?? [])]));
  });

  it('names the digest of cosign’s tag, or fails like a push', async () => {
    const { graph, signatureTag } = await source();
    const sink = new MemoryRegistry();
    const { digest } = sink.addImage(THERE, signatureTag, [noise('another', 10)]);
    await expect(plan(graph, sink)).rejects.toMatchObject({
      code: 'tag-conflict',
      message: expect.stringMatching(`:${signatureTag} .*${digest}`),
    });
    for (const [existing, status] of [
      ['skip', 'keep'],
      ['overwrite', 'overwrite'],
    ] as const) {
      const { items } = await plan(graph, sink, { existing });
      expect(items.filter(({ via }) => via === 'cosign-tag')).toMatchObject([{ status, found: digest }]);
    }
  });

  it('treats refused requests as missing, like a push', async () => {
    const { graph } = await source();
    const sink = new MemoryRegistry();
    const refuse = async (): Promise<never> => {
      throw new AirgapError('registry', 'answers 500');
    };
    sink.referrers = refuse;
    sink.hasBlob = refuse;
    const planned = await plan(graph, sink);
    expect(summaries(planned)).toEqual(['send cosign-tag', 'send fallback-tag', 'send fallback-tag']);
    expect(planned.blobs).toBeGreaterThan(0);
  });
});
