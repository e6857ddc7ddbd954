import { expect, it } from 'vitest';
import { type AirgapEvent, ignoreEvents } from '../../../src/base/events.ts';
import { formatReference, type Reference } from '../../../src/oci/reference.ts';
import { copy } from '../../../src/transfer/copy.ts';
import { LateTags } from '../../../src/transfer/late-tags.ts';
import { ReferrerCollector } from '../../../src/transfer/referrers/collect.ts';
import { pushReferrers } from '../../../src/transfer/referrers/push.ts';
import { Walker } from '../../../src/transfer/walk.ts';
import { MemoryRegistry, noise, references } from '../../support/memory-registry.ts';
import { addReferrer } from '../../support/referrers.ts';

const target = (source: Reference): Reference => ({ ...source, registry: 'private.example', path: `m/${source.path}` });
const steps = { concurrency: 4, emit: ignoreEvents };

/** Copies an image whose child has an SBOM, and one without referrers. */
async function copied() {
  const source = new MemoryRegistry();
  source.listsReferrers = true;
  const child = source.addImage('quay.io/a', undefined, [noise('a', 50)]);
  const sbom = addReferrer(source, 'quay.io/a', child);
  source.addIndex('quay.io/a', '1', [child]);
  source.addImage('quay.io/b', '2', [noise('b', 50)]);
  const walker = new Walker(source, { ...steps, platforms: [] });
  await walker.add(references('quay.io/a:1', 'quay.io/b:2'));
  const collector = new ReferrerCollector(source, walker, steps);
  await collector.collect(walker.graph().roots);
  const graph = await collector.withBlobs(walker.graph());
  const sink = new MemoryRegistry();
  sink.listsReferrers = true;
  const late = new LateTags(graph);
  const result = await copy(graph, source, sink, { ...steps, target, isTaggedLater: late.isLate });
  return { graph, source, sink, late, result, sbom };
}

it('writes the tag of an image after the referrers of its children', async () => {
  const { graph, source, sink, late, result } = await copied();
  expect([...sink.tags.keys()]).toEqual(['private.example/m/b:2']);
  const pushing = { ...steps, target, existing: 'overwrite' as const, now: () => new Date(0) };
  const { outcomes } = await pushReferrers(graph, graph.referrers ?? [], source, sink, pushing);
  const events: AirgapEvent[] = [];
  const tagged = await late.write(result, outcomes, sink, { ...steps, emit: (event) => events.push(event) });
  expect(tagged.failures).toEqual([]);
  expect(tagged.outcomes).toHaveLength(2);
  expect([...sink.tags.keys()].sort()).toEqual(['private.example/m/a:1', 'private.example/m/b:2']);
  expect(sink.log.at(-1)).toBe('PUT private.example/m/a 1');
  expect(events.flatMap((event) => (event.type === 'image' ? [event.reference] : []))).toEqual(['quay.io/a:1']);
});

it('writes no tag of an image whose referrers were not pushed, and says so', async () => {
  const { sink, late, result } = await copied();
  const { outcomes, failures } = await late.write(result, [], sink, steps);
  expect(outcomes.map(({ reference }) => formatReference(reference))).toEqual(['quay.io/b:2']);
  expect(failures.map(({ reference, error }) => [formatReference(reference), error.code])).toEqual([
    ['quay.io/a:1', 'registry'],
  ]);
  expect(sink.tags.has('private.example/m/a:1')).toBe(false);
});

it('writes the tags of a signed image that two source repositories share, whose copies are one', async () => {
  const source = new MemoryRegistry();
  source.listsReferrers = true;
  for (const repository of ['quay.io/a', 'ghcr.io/a']) {
    addReferrer(source, repository, source.addImage(repository, '1', [noise('a', 50)]));
  }
  const walker = new Walker(source, { ...steps, platforms: [] });
  await walker.add(references('quay.io/a:1', 'ghcr.io/a:1'));
  const collector = new ReferrerCollector(source, walker, steps);
  await collector.collect(walker.graph().roots);
  const graph = await collector.withBlobs(walker.graph());
  const sink = new MemoryRegistry();
  sink.listsReferrers = true;
  const late = new LateTags(graph);
  const result = await copy(graph, source, sink, { ...steps, target, isTaggedLater: late.isLate });
  const pushing = { ...steps, target, existing: 'overwrite' as const, now: () => new Date(0) };
  const { outcomes } = await pushReferrers(graph, graph.referrers ?? [], source, sink, pushing);
  expect(outcomes).toHaveLength(1);
  const { failures } = await late.write(result, outcomes, sink, steps);
  expect(failures).toEqual([]);
  expect([...sink.tags.keys()]).toEqual(['private.example/m/a:1']);
});
