import { describe, expect, it } from 'vitest';
import { AirgapError } from '../../../../src/base/errors.ts';
import { formatRepository } from '../../../../src/oci/reference.ts';
import { candidatesOf } from '../../../../src/workflows/prune/candidates.ts';
import { judgeRepository } from '../../../../src/workflows/prune/judge-repository.ts';
import { Kept } from '../../../../src/workflows/prune/kept.ts';
import type { RepositorySource } from '../../../../src/workflows/prune/read-repository.ts';
import { DeletableRegistry } from '../../../support/deletable-registry.ts';
import { addReferrer, addTagged } from '../../../support/referrers.ts';

const repository = { registry: 'r.example', path: 'm/app' };
const NAME = formatRepository(repository);
const NOW = new Date('2026-01-02T00:00:00.000Z');

async function listed(registry: DeletableRegistry, source: Partial<RepositorySource> = {}, kept = new Kept()) {
  const judged = await judgeRepository({ client: registry, concurrency: 2, ...source }, repository, kept, NOW);
  return candidatesOf(judged.relations, judged.staying).map(({ tag, digest, reason }) => [tag ?? digest, reason]);
}

describe('a manifest without a tag', () => {
  it('stays with its signature where the registry does not list such manifests', async () => {
    const registry = new DeletableRegistry();
    const image = registry.addImage(NAME, undefined, [Buffer.from('a')]);
    addTagged(registry, NAME, image);
    expect(await listed(registry)).toEqual([]);
    registry.manifests.delete(`${NAME}@${image.digest}`);
    // Of a subject that is gone, the signature goes.
    expect(await listed(registry)).toEqual([[`${image.digest.replace(':', '-')}.sig`, 'unused']]);
  });

  it('goes in ECR, unless a push may be under way', async () => {
    const registry = new DeletableRegistry();
    const { digest } = registry.addImage(NAME, undefined, [Buffer.from('a')]);
    const images = (pushed: string) => ({ list: (path: string) => registry.list(path, pushed) });
    expect(await listed(registry, { images: images('2026-01-01T12:00:00.000Z') })).toEqual([]);
    expect(await listed(registry, { images: images('2025-12-01T12:00:00.000Z') })).toEqual([[digest, 'untagged']]);
  });
});

describe('everything stays', () => {
  const filled = () => {
    const registry = new DeletableRegistry();
    const image = registry.addImage(NAME, 'old', [Buffer.from('a')]);
    registry.addImage(NAME, 'new', [Buffer.from('b')]);
    return { registry, image };
  };
  const fails = async (): Promise<never> => {
    throw new AirgapError('registry', 'it fails');
  };

  it('if a tag cannot be read', async () => {
    const { registry } = filled();
    registry.manifests.delete(`${NAME}@${registry.tags.get(`${NAME}:new`)}`);
    expect(await listed(registry)).toEqual([]);
  });

  it('if the tags or the referrers cannot be listed', async () => {
    const { registry } = filled();
    expect(await listed(registry)).toHaveLength(2);
    registry.referrers = fails;
    expect(await listed(registry)).toEqual([]);
    const other = filled().registry;
    other.allTags = fails;
    expect(await listed(other)).toEqual([]);
  });

  it('if a nested index is missing, whose children are unknown', async () => {
    const { registry, image } = filled();
    const nested = registry.addIndex(NAME, undefined, [image]);
    registry.addIndex(NAME, 'top', [nested]);
    expect(await listed(registry)).toHaveLength(4);
    registry.manifests.delete(`${NAME}@${nested.digest}`);
    expect(await listed(registry)).toEqual([]);
  });

  it('if an image is archived in ECR', async () => {
    const { registry } = filled();
    const list = async (path: string) => (await registry.list(path)).map((one, i) => ({ ...one, isActive: i > 0 }));
    expect(await listed(registry, { images: { list } })).toEqual([]);
  });
});

it('tags, indexes and referrers that reach what a Pod runs stay', async () => {
  const registry = new DeletableRegistry();
  registry.listsReferrers = true;
  const running = registry.addImage(NAME, undefined, [Buffer.from('a')]);
  const other = registry.addImage(NAME, undefined, [Buffer.from('b')]);
  const index = registry.addIndex(NAME, 'v1', [running, other]);
  addReferrer(registry, NAME, index);
  registry.addImage(NAME, 'old', [Buffer.from('c')]);
  const kept = new Kept();
  kept.everywhere(running.digest, 'Pod');
  expect(await listed(registry, {}, kept)).toEqual([['old', 'unused']]);
});
