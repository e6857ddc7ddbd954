import { expect, it } from 'vitest';
import { listedReferrers, taggedReferrers } from '../../../../src/transfer/referrers/listing.ts';
import { MemoryRegistry, noise } from '../../../support/memory-registry.ts';
import { addReferrer, tagOf } from '../../../support/referrers.ts';

const repository = { registry: 'quay.io', path: 'a' };

it('reads the referrers API, or else the referrers tag', async () => {
  const registry = new MemoryRegistry();
  const image = registry.addImage('quay.io/a', '1', [noise('a', 50)]);
  const { digest, ...entry } = addReferrer(registry, 'quay.io/a', image);
  const listed = async (): Promise<string[]> => [...(await listedReferrers(registry, repository, image.digest))];
  expect(await listed()).toEqual([]);
  registry.addIndex('quay.io/a', tagOf(image.digest), [{ digest, ...entry }]);
  expect(await listed()).toEqual([digest]);
  registry.addImage('quay.io/a', tagOf(image.digest), [noise('no list', 10)]);
  expect(await listed()).toEqual([]);
  registry.listsReferrers = true;
  expect(await listed()).toEqual([digest]);
});

it('ignores a referrers tag that resolves to the subject itself', async () => {
  const registry = new MemoryRegistry();
  const image = registry.addImage('quay.io/a', undefined, [noise('a', 50)]);
  const index = registry.addIndex('quay.io/a', '1', [image]);
  registry.tags.set(`quay.io/a:${tagOf(index.digest)}`, index.digest);
  expect([...(await taggedReferrers(registry, repository, index.digest))]).toEqual([]);
});

it('reads the referrers tag independently of the API', async () => {
  const registry = new MemoryRegistry();
  registry.referrers = async () => [];
  const image = registry.addImage('quay.io/a', '1', [noise('a', 50)]);
  const entry = addReferrer(registry, 'quay.io/a', image);
  registry.addIndex('quay.io/a', tagOf(image.digest), [entry]);
  expect([...(await listedReferrers(registry, repository, image.digest))]).toEqual([]);
  expect([...(await taggedReferrers(registry, repository, image.digest))]).toEqual([entry.digest]);
});
