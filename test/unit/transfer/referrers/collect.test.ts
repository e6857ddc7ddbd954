import { describe, expect, it } from 'vitest';
import { AirgapError } from '../../../../src/base/errors.ts';
import type { AirgapEvent } from '../../../../src/base/events.ts';
import { MediaType } from '../../../../src/oci/descriptor.ts';
import { type Graph, ReferrerIndex } from '../../../../src/oci/graph.ts';
import { parsePlatform } from '../../../../src/oci/platform.ts';
import type { Referrer } from '../../../../src/oci/referrer.ts';
import { ReferrerCollector } from '../../../../src/transfer/referrers/collect.ts';
import { type IncompleteReferrers, ReferrerRequests } from '../../../../src/transfer/referrers/requests.ts';
import { Walker } from '../../../../src/transfer/walk.ts';
import { MemoryRegistry, noise, references } from '../../../support/memory-registry.ts';
import { addReferrer, addTagged, SBOM, tagOf } from '../../../support/referrers.ts';

interface Collected {
  readonly graph: Graph;
  readonly leftOut: readonly Referrer[];
  readonly warnings: readonly string[];
  readonly unanswered: readonly IncompleteReferrers[];
  /** Requests for referrers, after those for the images. */
  readonly asked: readonly string[];
}

async function collect(
  registry: MemoryRegistry,
  names: readonly string[],
  platforms: string[] = [],
): Promise<Collected> {
  const warnings: string[] = [];
  const emit = (event: AirgapEvent): void => void (event.type === 'warning' && warnings.push(event.message));
  const steps = { concurrency: 4, emit };
  const walker = new Walker(registry, { ...steps, platforms: platforms.map(parsePlatform) });
  const [failure] = await walker.add(references(...names));
  if (failure !== undefined) throw failure.error;
  const before = registry.log.length;
  const requests = new ReferrerRequests();
  const collector = new ReferrerCollector(registry, walker, steps, requests);
  await collector.collect(walker.graph().roots);
  return {
    graph: walker.graph(),
    leftOut: collector.leftOut(),
    warnings,
    unanswered: requests.incomplete(),
    asked: registry.log.slice(before),
  };
}

function multi(registry: MemoryRegistry, tag = '1') {
  const amd = registry.addImage('quay.io/a', undefined, [noise('amd', 50)]);
  const arm = registry.addImage('quay.io/a', undefined, [noise('arm', 50)], 'linux/arm64');
  const index = registry.addIndex('quay.io/a', tag, [
    { ...amd, platform: { os: 'linux', architecture: 'amd64' } },
    { ...arm, platform: { os: 'linux', architecture: 'arm64' } },
  ]);
  return { amd, arm, index };
}

function digests(list: readonly Referrer[] = []): string[] {
  return list.map(({ descriptor }) => descriptor.digest).sort();
}

describe('referrers of an image', () => {
  it('cost four requests if there are none, without reading a manifest', async () => {
    for (const listsReferrers of [true, false]) {
      const registry = new MemoryRegistry();
      registry.listsReferrers = listsReferrers;
      const { digest } = registry.addImage('quay.io/a', '1', [noise('a', 50)]);
      const { asked, graph } = await collect(registry, ['quay.io/a:1']);
      const tags = [tagOf(digest, 'sig'), tagOf(digest, 'att'), tagOf(digest, 'sbom')];
      const expected = [`LIST quay.io/a ${digest}`, ...tags.map((tag) => `HEAD quay.io/a ${tag}`)];
      if (!listsReferrers) expected.push(`HEAD quay.io/a ${tagOf(digest)}`);
      expect([...asked].sort()).toEqual(expected.sort());
      expect(graph.referrers).toEqual([]);
    }
  });

  it('are listed by the API, tagged by cosign, or referrers of these', async () => {
    const registry = new MemoryRegistry();
    registry.listsReferrers = true;
    const image = registry.addImage('quay.io/a', '1', [noise('a', 50)]);
    const sbom = addReferrer(registry, 'quay.io/a', image);
    const signed = addReferrer(registry, 'quay.io/a', sbom, 'application/vnd.signature');
    const tagged = addTagged(registry, 'quay.io/a', image);
    const { graph, warnings } = await collect(registry, ['quay.io/a:1']);
    expect(digests(graph.referrers)).toEqual([sbom, signed, tagged].map(({ digest }) => digest).sort());
    expect(graph.referrers?.find(({ descriptor }) => descriptor.digest === sbom.digest)).toEqual({
      repository: { registry: 'quay.io', path: 'a' },
      subject: image.digest,
      descriptor: sbom,
      artifactType: SBOM,
    });
    expect(graph.referrers?.find(({ tag }) => tag !== undefined)?.tag).toBe(tagOf(image.digest, 'sig'));
    for (const { descriptor } of graph.referrers ?? []) {
      for (const { digest } of graph.manifests.get(descriptor.digest)?.blobs ?? []) {
        expect(graph.blobs.get(digest)?.repositories).toEqual([{ registry: 'quay.io', path: 'a' }]);
      }
    }
    expect(warnings).toEqual([]);
    expect(graph.roots).toHaveLength(1);
  });

  it('are read from the referrers tag without an API, if their subject matches', async () => {
    const registry = new MemoryRegistry();
    const image = registry.addImage('quay.io/a', '1', [noise('a', 50)]);
    const other = registry.addImage('quay.io/a', '2', [noise('b', 50)]);
    const sbom = addReferrer(registry, 'quay.io/a', image);
    const foreign = addReferrer(registry, 'quay.io/a', other);
    const missing = { ...sbom, digest: `sha256:${'0'.repeat(64)}` };
    registry.addIndex('quay.io/a', tagOf(image.digest), [sbom, foreign, other, missing]);
    const { graph, warnings } = await collect(registry, ['quay.io/a:1']);
    expect(digests(graph.referrers)).toEqual([sbom.digest]);
    expect(warnings).toHaveLength(3);
    expect(warnings).toContainEqual(expect.stringMatching(`${foreign.digest}: .*${image.digest}.*${other.digest}$`));
    expect(warnings).toContainEqual(expect.stringMatching(`${other.digest}: .*${image.digest}`));
    expect(warnings).toContainEqual(expect.stringContaining(missing.digest));
  });

  it('are not read from a referrers tag that is not an index', async () => {
    const registry = new MemoryRegistry();
    const image = registry.addImage('quay.io/a', '1', [noise('a', 50)]);
    registry.addImage('quay.io/a', tagOf(image.digest), [noise('b', 50)]);
    const { graph, warnings } = await collect(registry, ['quay.io/a:1']);
    expect(graph.referrers).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining(`quay.io/a:${tagOf(image.digest)}`)]);
  });

  it('are read by tag if the digest is missing, and only with the same digest', async () => {
    const registry = new MemoryRegistry();
    const image = registry.addImage('quay.io/a', '1', [noise('a', 50)]);
    const signature = addTagged(registry, 'quay.io/a', image);
    const attestation = addTagged(registry, 'quay.io/a', image, 'att');
    const read = registry.manifest.bind(registry);
    registry.manifest = async (repository, lookup) => {
      if ([signature.digest, attestation.digest].some((digest) => digest === lookup)) {
        throw new AirgapError('image-not-found', `${lookup} is not there`);
      }
      return read(repository, lookup === tagOf(image.digest, 'att') ? image.digest : lookup);
    };
    const { graph, warnings } = await collect(registry, ['quay.io/a:1']);
    expect(digests(graph.referrers)).toEqual([signature.digest]);
    expect(warnings).toEqual([expect.stringContaining(attestation.digest)]);
  });

  it('are collected even if HEAD or the list reports a wrong size', async () => {
    const registry = new MemoryRegistry();
    registry.listsReferrers = true;
    const image = registry.addImage('quay.io/a', '1', [noise('a', 50)]);
    const sbom = addReferrer(registry, 'quay.io/a', image);
    const signature = addTagged(registry, 'quay.io/a', image);
    const { head, referrers } = { head: registry.head.bind(registry), referrers: registry.referrers.bind(registry) };
    registry.head = async (...requests) => (await head(...requests)) && { ...signature, size: 20 };
    registry.referrers = async (...requests) => (await referrers(...requests))?.map((one) => ({ ...one, size: 0 }));
    const { graph } = await collect(registry, ['quay.io/a:1']);
    expect(graph.referrers?.map(({ descriptor }) => descriptor)).toEqual(expect.arrayContaining([sbom, signature]));
  });

  it('are requested once for several tags of an image', async () => {
    const registry = new MemoryRegistry();
    registry.addImage('quay.io/a', '1', [noise('a', 50)]);
    registry.addImage('quay.io/a', '2', [noise('a', 50)]);
    const { asked } = await collect(registry, ['quay.io/a:1', 'quay.io/a:2']);
    expect(asked).toHaveLength(5);
    expect(new Set(asked).size).toBe(5);
  });

  it('may refer to an image in an index, if the registry lists them', async () => {
    const registry = new MemoryRegistry();
    registry.listsReferrers = true;
    const { arm } = multi(registry);
    const sbom = addReferrer(registry, 'quay.io/a', arm);
    const { graph, asked } = await collect(registry, ['quay.io/a:1']);
    expect(digests(graph.referrers)).toEqual([sbom.digest]);
    expect(asked.filter((line) => line.includes(arm.digest.replace(':', '-')))).toEqual([]);
  });

  it('are also searched by tags of child images if the index has referrers', async () => {
    const registry = new MemoryRegistry();
    const { index, arm } = multi(registry);
    const own = addTagged(registry, 'quay.io/a', index);
    const child = addTagged(registry, 'quay.io/a', arm);
    const { graph } = await collect(registry, ['quay.io/a:1']);
    expect(digests(graph.referrers)).toEqual([own.digest, child.digest].sort());
    const repository = { registry: 'quay.io', path: 'a' };
    expect(digests(new ReferrerIndex(graph).transitive(repository, index.digest))).toEqual(digests(graph.referrers));
    expect(digests(new ReferrerIndex(graph).transitive(repository, arm.digest))).toEqual([child.digest]);
  });

  it('of a reduced index are left out, except those of its images', async () => {
    const registry = new MemoryRegistry();
    const { index, arm, amd } = multi(registry);
    const own = addTagged(registry, 'quay.io/a', index);
    const child = addTagged(registry, 'quay.io/a', arm);
    addTagged(registry, 'quay.io/a', amd);
    const selected = await collect(registry, ['quay.io/a:1'], ['linux/arm64']);
    expect(digests(selected.graph.referrers)).toEqual([child.digest]);
    expect(digests(selected.leftOut)).toEqual([own.digest]);
    expect(selected.graph.manifests.has(own.digest)).toBe(false);
    // Pinned by digest, the same index is complete and keeps its referrers.
    const pinned = await collect(registry, ['quay.io/a:1', `quay.io/a@${index.digest}`], ['linux/arm64']);
    expect(digests(pinned.graph.referrers)).toContain(own.digest);
    expect(pinned.leftOut).toEqual([]);
  });

  it('are recorded as incomplete for every image if the registry denies access', async () => {
    const registry = new MemoryRegistry();
    registry.addImage('quay.io/a', '1', [noise('a', 50)]);
    registry.addImage('quay.io/b', '1', [noise('b', 50)]);
    registry.head = async () => {
      throw new AirgapError('forbidden', 'the credentials do not allow this');
    };
    const { unanswered } = await collect(registry, ['quay.io/a:1', 'quay.io/b:1']);
    expect(unanswered).toMatchObject([
      { registry: 'quay.io', images: ['quay.io/a:1', 'quay.io/b:1'], error: { code: 'forbidden' } },
    ]);
  });

  it.each(['registry', 'network', 'unsupported'] as const)(
    'are collected from other requests if one fails (%s)',
    async (code) => {
      const registry = new MemoryRegistry();
      const image = registry.addImage('quay.io/a', '1', [noise('a', 50)]);
      const signature = addTagged(registry, 'quay.io/a', image);
      const sbom = addReferrer(registry, 'quay.io/a', image);
      registry.addIndex('quay.io/a', tagOf(image.digest), [sbom]);
      const head = registry.head.bind(registry);
      registry.referrers = async () => {
        throw new AirgapError(code, 'answers 500');
      };
      registry.head = async (repository, lookup) => {
        if (lookup.endsWith('.att')) throw new AirgapError(code, 'answers 400');
        return head(repository, lookup);
      };
      const { graph, unanswered } = await collect(registry, ['quay.io/a:1']);
      expect(digests(graph.referrers)).toEqual([signature.digest, sbom.digest].sort());
      expect(unanswered).toMatchObject([
        { images: ['quay.io/a:1'], error: { code, message: 'quay.io/a: answers 500' } },
      ]);
    },
  );

  it('are recorded as incomplete if a listed one cannot be read', async () => {
    const registry = new MemoryRegistry();
    registry.listsReferrers = true;
    const { arm } = multi(registry);
    const valid = addReferrer(registry, 'quay.io/a', arm);
    const invalid = addReferrer(registry, 'quay.io/a', arm, 'application/x.other');
    const read = registry.manifest.bind(registry);
    registry.manifest = async (repository, lookup) => {
      if (lookup === invalid.digest) throw new AirgapError('unsupported', 'a manifest of an unknown type');
      return read(repository, lookup);
    };
    const { graph, unanswered } = await collect(registry, ['quay.io/a:1']);
    expect(digests(graph.referrers)).toEqual([valid.digest]);
    expect(unanswered).toMatchObject([{ images: ['quay.io/a:1'], error: { code: 'unsupported' } }]);
  });

  it('are left out and recorded if the registry lacks their blob', async () => {
    const registry = new MemoryRegistry();
    registry.listsReferrers = true;
    const image = registry.addImage('quay.io/a', '1', [noise('a', 50)]);
    const valid = addReferrer(registry, 'quay.io/a', image);
    const signature = addTagged(registry, 'quay.io/a', image);
    const { layers } = JSON.parse(
      Buffer.from(registry.manifests.get(`quay.io/a@${signature.digest}`)?.bytes ?? '').toString(),
    );
    registry.blobs.delete(`quay.io/a@${layers[0].digest}`);
    const { graph, unanswered } = await collect(registry, ['quay.io/a:1']);
    expect(digests(graph.referrers)).toEqual([valid.digest]);
    expect(graph.blobs.has(layers[0].digest)).toBe(false);
    expect(unanswered).toMatchObject([
      { images: ['quay.io/a:1'], error: { code: 'registry', message: expect.stringContaining(layers[0].digest) } },
    ]);
  });

  it('are not read from a referrers tag that resolves to the image itself, as in GitLab', async () => {
    const registry = new MemoryRegistry();
    const { index, amd, arm } = multi(registry);
    for (const { digest } of [index, amd, arm]) registry.tags.set(`quay.io/a:${tagOf(digest)}`, digest);
    const { graph, warnings, unanswered } = await collect(registry, ['quay.io/a:1']);
    expect([graph.referrers, warnings, unanswered]).toEqual([[], [], []]);
  });

  it('are not requested after an interrupt', async () => {
    const registry = new MemoryRegistry();
    registry.addImage('quay.io/a', '1', [noise('a', 50)]);
    registry.head = async () => {
      throw new AirgapError('interrupted', 'interrupted');
    };
    await expect(collect(registry, ['quay.io/a:1'])).rejects.toMatchObject({ code: 'interrupted' });
  });

  it('are followed only to a limited depth', async () => {
    const registry = new MemoryRegistry();
    registry.listsReferrers = true;
    let subject = registry.addImage('quay.io/a', '1', [noise('a', 50)]);
    for (let i = 0; i < 10; i++) subject = addReferrer(registry, 'quay.io/a', subject);
    const { graph } = await collect(registry, ['quay.io/a:1']);
    expect(graph.referrers).toHaveLength(4);
  });

  it('may be indexes, which are collected with their children', async () => {
    const registry = new MemoryRegistry();
    registry.listsReferrers = true;
    const image = registry.addImage('quay.io/a', '1', [noise('a', 50)]);
    const part = registry.addImage('quay.io/a', undefined, [noise('part', 50)]);
    const list = registry.addIndex('quay.io/a', undefined, [part], { subject: image });
    const { graph } = await collect(registry, ['quay.io/a:1']);
    expect(graph.referrers).toMatchObject([{ descriptor: { digest: list.digest, mediaType: MediaType.ociIndex } }]);
    expect(graph.manifests.has(part.digest)).toBe(true);
  });
});
