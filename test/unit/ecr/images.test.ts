import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ecrHost } from '../../../src/ecr/hosts.ts';
import { EcrImages } from '../../../src/ecr/images.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import { digestOf } from '../../support/digest.ts';
import { awsEnvironment, declaring, operations } from '../../support/ecr/access.ts';
import { startEcr, type TestEcr } from '../../support/ecr.ts';

const INDEX = 'application/vnd.oci.image.index.v1+json';

describe('images of ECR', () => {
  let ecr: TestEcr;
  let images: EcrImages;
  beforeEach(async () => {
    awsEnvironment();
    ecr = await startEcr({ repositories: ['m/a', 'm/b', 'other'], pageSize: 2 });
    const options = declaring(ecr);
    const host = ecrHost(ecr.host, options.ecrHosts);
    if (host === undefined) throw new Error('not declared');
    images = new EcrImages(host, options);
  });
  afterEach(async () => {
    await images.close();
    vi.unstubAllEnvs();
    await ecr.stop();
  });

  function add(name: string, tags: readonly string[], children: readonly string[] = []): Digest {
    const repository = ecr.repositories.get('m/a');
    const json = { manifests: children.map((digest) => ({ mediaType: INDEX, digest })), name };
    const bytes = Buffer.from(JSON.stringify(json));
    const digest = digestOf(bytes) as Digest;
    repository?.manifests.set(digest, { mediaType: INDEX, bytes, json, pushedAt: new Date('2026-01-02T03:04:05Z') });
    for (const tag of tags) repository?.tags.set(tag, digest);
    return digest;
  }

  it('are listed in pages, with their tags and times, and none of a missing repository', async () => {
    const digests = ['one', 'two', 'three'].map((name) => add(name, name === 'two' ? ['v1', 'v2'] : []));
    const found = await images.list('m/a');
    expect(found.map(({ digest }) => digest)).toEqual(digests);
    expect(found[1]).toMatchObject({ tags: ['v1', 'v2'], pushed: '2026-01-02T03:04:05.000Z', isActive: true });
    expect(await images.list('m/missing')).toEqual([]);
    expect(await images.repositories()).toEqual(['m/a', 'm/b', 'other']);
  });

  it('are deleted by digest and by tag, and what an index has is not', async () => {
    const child = add('child', []);
    add('index', ['v1'], [child]);
    const two = add('two', ['v2', 'v3']);
    const gone = `sha256:${'0'.repeat(64)}` as const;
    const ids = [{ digest: child }, { tag: 'v2' }, { digest: gone }];
    const outcomes = await images.delete('m/a', ids);
    expect(ids.map((id) => outcomes.get(id))).toEqual([
      expect.objectContaining({ code: 'registry' }),
      'deleted',
      'gone',
    ]);
    const { tags, manifests } = ecr.repositories.get('m/a') ?? {};
    expect([[...(tags?.keys() ?? [])], manifests?.has(two)]).toEqual([['v1', 'v3'], true]);
  });

  it('are deleted 100 a request, and a refusal is asked once', async () => {
    const ids = Array.from({ length: 150 }, (_, i) => ({ digest: add(`${i}`, []) }));
    const original = ecr.repositories.get('m/a')?.manifests;
    ecr.fault({ match: 'BatchDeleteImage', code: 'AccessDeniedException', message: 'not authorized' });
    const refused = await images.delete('m/a', ids);
    expect([...refused.values()].every((one) => one instanceof Error)).toBe(true);
    expect([original?.size, operations(ecr)]).toEqual([150, ['BatchDeleteImage']]);
    const outcomes = await images.delete('m/a', ids);
    expect([...outcomes.values()].every((one) => one === 'deleted')).toBe(true);
    expect(operations(ecr)).toEqual(Array(3).fill('BatchDeleteImage'));
  });
});
