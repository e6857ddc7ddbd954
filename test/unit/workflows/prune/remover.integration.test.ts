import { describe, expect, it } from 'vitest';
import { formatRepository } from '../../../../src/oci/reference.ts';
import { RegistryRemover } from '../../../../src/workflows/prune/remover.ts';
import { DeletableRegistry } from '../../../support/deletable-registry.ts';

const repository = { registry: 'r.example', path: 'm/app' };
const NAME = formatRepository(repository);

function registryWith(...tags: readonly string[]) {
  const registry = new DeletableRegistry();
  const { digest } = registry.addImage(NAME, tags[0], [Buffer.from('layer')]);
  for (const tag of tags) registry.tags.set(`${NAME}:${tag}`, digest);
  return { registry, digest, remover: new RegistryRemover(registry, repository) };
}

describe('a tag of a manifest that stays', () => {
  it('goes alone', async () => {
    const { registry, digest, remover } = registryWith('kept', 'old');
    expect(await remover.tag('old', digest, ['kept'])).toBe('deleted');
    expect([...registry.tags.keys()]).toEqual([`${NAME}:kept`]);
  });

  it('comes with the manifest in some registries, which gets it back with its other tags', async () => {
    const { registry, digest, remover } = registryWith('kept', 'old');
    registry.tagDeletion = 'manifest';
    expect(await remover.tag('old', digest, ['kept'])).toMatchObject({ code: 'registry' });
    expect(registry.tags.get(`${NAME}:kept`)).toBe(digest);
    expect(registry.digests(repository)).toEqual([digest]);
  });

  it('stays if it was moved meanwhile, or if the registry deletes no tags', async () => {
    const { registry, digest, remover } = registryWith('kept', 'old');
    const { digest: other } = registry.addImage(NAME, 'old', [Buffer.from('another')]);
    expect(await remover.tag('old', digest, ['kept'])).toMatchObject({ code: 'tag-conflict' });
    registry.tagDeletion = 'refused';
    expect(await remover.tag('old', other, [])).toMatchObject({ code: 'unsupported' });
    expect(registry.deleted).toEqual([]);
  });
});

describe('a manifest', () => {
  it('stays if one of its tags was moved right before', async () => {
    const { registry, digest, remover } = registryWith('old');
    registry.addImage(NAME, 'old', [Buffer.from('another')]);
    const removals = await remover.manifests([digest], () => ['old']);
    expect(removals.get(digest)).toMatchObject({ code: 'tag-conflict' });
    expect(registry.deleted).toEqual([]);
  });

  it('that the registry still serves is not said to be deleted', async () => {
    const { registry, digest, remover } = registryWith('old');
    registry.deleteManifest = async () => 'deleted';
    const removals = await remover.manifests([digest], () => ['old']);
    expect(removals.get(digest)).toMatchObject({ code: 'registry' });
  });

  it('after one that is refused is not tried', async () => {
    const { registry, digest, remover } = registryWith('old');
    const { digest: other } = registry.addImage(NAME, 'other', [Buffer.from('another')]);
    let asked = 0;
    registry.onDelete = () => {
      asked += 1;
    };
    registry.deleteManifest = async () => {
      registry.onDelete('');
      const { AirgapError } = await import('../../../../src/base/errors.ts');
      throw new AirgapError('forbidden', 'no');
    };
    const removals = await remover.manifests([digest, other], () => []);
    expect([asked, removals.size]).toEqual([1, 1]);
  });
});
