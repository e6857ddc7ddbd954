import { expect, it } from 'vitest';
import { AirgapError } from '../../../src/base/errors.ts';
import { ignoreEvents } from '../../../src/base/events.ts';
import { copy } from '../../../src/transfer/copy.ts';
import { type Destination, destinationsFor } from '../../../src/transfer/destinations.ts';
import { incompleteRoots } from '../../../src/transfer/incomplete-roots.ts';
import { graphOf, registry } from '../../support/bundles.ts';
import { MemoryRegistry } from '../../support/memory-registry.ts';

const target = (reference: { path: string }) => ({ ...reference, registry: 'private', path: reference.path }) as never;

/** Three images in a target: two without platforms, and an index with two. */
async function copied() {
  const source = registry();
  const graph = await graphOf(source);
  const sink = new MemoryRegistry();
  await copy(graph, source, sink, { target, concurrency: 4, emit: ignoreEvents });
  sink.log.length = 0;
  const destinations = destinationsFor(graph.roots, target);
  const incomplete = async (): Promise<string[]> => {
    const roots = await incompleteRoots(graph, destinations, sink, { concurrency: 2, emit: ignoreEvents });
    return [...roots].map(({ reference }) => reference.path);
  };
  return { graph, sink, destinations, incomplete };
}

const keysIn = ({ repository }: Destination, map: ReadonlyMap<string, unknown>): string[] =>
  [...map.keys()].filter((key) => key.startsWith(`private/${repository.path}@`));

it('finds nothing in a complete target, and asks for each blob of a repository once', async () => {
  const { sink, incomplete } = await copied();
  expect(await incomplete()).toEqual([]);
  expect(new Set(sink.log).size).toBe(sink.log.length);
});

it('finds roots that lack a blob or the manifest of a platform', async () => {
  const { sink, destinations, incomplete } = await copied();
  const [single, , index] = destinations as [Destination, Destination, Destination];
  sink.blobs.delete(keysIn(single, sink.blobs)[0] as string);
  const child = keysIn(index, sink.manifests).find((key) => !key.endsWith(index.root.descriptor.digest));
  sink.manifests.delete(child as string);
  expect(await incomplete()).toEqual([single.root.reference.path, index.root.reference.path]);
});

it('leaves out roots that are missing altogether, and counts those that cannot be checked', async () => {
  const { sink, destinations, incomplete } = await copied();
  const [first] = destinations as [Destination];
  sink.manifests.delete(`private/${first.repository.path}@${first.root.descriptor.digest}`);
  expect(await incomplete()).toEqual([]);
  sink.hasBlob = () => Promise.reject(new AirgapError('forbidden', 'no'));
  expect(await incomplete()).toHaveLength(2);
});
