import { describe, expect, it } from 'vitest';
import { ignoreEvents } from '../../../src/base/events.ts';
import { MediaType } from '../../../src/oci/descriptor.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { parsePlatform } from '../../../src/oci/platform.ts';
import { Walker, walk } from '../../../src/transfer/walk.ts';
import { descriptorOf } from '../../support/descriptor.ts';
import { MemoryRegistry, noise, references } from '../../support/memory-registry.ts';

const options = { platforms: [], concurrency: 4, emit: ignoreEvents };
const only = (...platforms: string[]) => ({ ...options, platforms: platforms.map(parsePlatform) });

function multi(registry: MemoryRegistry, repository: string, tag: string) {
  const amd = registry.addImage(repository, undefined, [noise('amd', 3000)]);
  const arm = registry.addImage(repository, undefined, [noise('arm', 3000)], 'linux/arm64');
  const attestation = registry.addImage(repository, undefined, [noise('attestation', 100)], 'unknown/unknown');
  const amdChild = { ...amd, platform: { os: 'linux', architecture: 'amd64' } };
  const armChild = { ...arm, platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } };
  const attestationChild = {
    ...attestation,
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
  };
  const extra = { annotations: { built: 'once' } };
  const index = registry.addIndex(repository, tag, [amdChild, armChild, attestationChild], extra);
  return { amd, arm, attestation, amdChild, armChild, attestationChild, extra, index };
}

describe('walk', () => {
  it('reads an index with all children, including attestations, without a platform selection', async () => {
    const registry = new MemoryRegistry();
    const { index } = multi(registry, 'quay.io/a', '1');
    const { graph, failures } = await walk(registry, references('quay.io/a:1'), options);
    expect(failures).toEqual([]);
    expect(graph.roots).toEqual([{ reference: references('quay.io/a:1')[0], descriptor: index }]);
    expect(graph.manifests.size).toBe(4);
    expect(graph.blobs.size).toBe(6);
    expect(graph.manifests.get(index.digest)?.bytes).toEqual(
      registry.manifests.get(`quay.io/a@${index.digest}`)?.bytes,
    );
  });

  it('names a missing child of an index, with a hint', async () => {
    for (const [pinned, way] of [
      [false, ''],
      [true, 'tag'],
    ] as const) {
      const registry = new MemoryRegistry();
      const { arm, attestation, index } = multi(registry, 'quay.io/a', '1');
      registry.manifests.delete(`quay.io/a@${attestation.digest}`);
      const names = references(pinned ? `quay.io/a@${index.digest}` : 'quay.io/a:1');
      const one = await walk(registry, names, options);
      expect(one.failures[0]?.error).toMatchObject({
        code: 'image-not-found',
        message: expect.stringContaining('attestation'),
        hint: expect.stringMatching(`${way}.*--attestations drop`),
      });
      registry.manifests.delete(`quay.io/a@${arm.digest}`);
      const { causes = [] } = (await walk(registry, names, options)).failures[0]?.error ?? {};
      expect(causes.map(({ hint }) => hint)).toEqual([
        expect.stringMatching(`${way}.*--platform`),
        expect.stringContaining('--attestations drop'),
      ]);
      expect(causes[0]?.message).toContain('linux/arm64/v8');
    }
  });

  it('reduces an index to the selected platforms, keeping its other fields and the source digest', async () => {
    const registry = new MemoryRegistry();
    const { index, armChild, extra, amd } = multi(registry, 'quay.io/a', '1');
    const { graph } = await walk(registry, references('quay.io/a:1'), only('linux/arm64'));
    const [root] = graph.roots;
    const bytes = graph.manifests.get(root?.descriptor.digest as never)?.bytes as Uint8Array;
    expect(root?.sourceDigest).toBe(index.digest);
    expect(JSON.parse(Buffer.from(bytes).toString())).toEqual({
      schemaVersion: 2,
      mediaType: MediaType.ociIndex,
      manifests: [armChild],
      ...extra,
    });
    expect(root?.descriptor).toEqual(descriptorOf(bytes, MediaType.ociIndex));
    expect(graph.manifests.has(amd.digest)).toBe(false);
    expect(registry.log).not.toContain(`GET quay.io/a ${amd.digest}`);
    const again = await walk(registry, references('quay.io/a:1'), only('linux/arm64'));
    expect(again.graph.roots[0]?.descriptor).toEqual(root?.descriptor);
  });

  it('keeps an index whose images are all selected', async () => {
    const registry = new MemoryRegistry();
    const { index } = multi(registry, 'quay.io/a', '1');
    const { graph } = await walk(registry, references('quay.io/a:1'), only('linux/arm64', 'linux/amd64'));
    expect(graph.roots[0]?.descriptor.digest).toBe(index.digest);
    expect(graph.roots[0]?.sourceDigest).toBeUndefined();
    expect(graph.manifests.size).toBe(4);
  });

  it('keeps everything of a reference that is pinned by digest', async () => {
    const registry = new MemoryRegistry();
    const { index } = multi(registry, 'quay.io/a', '1');
    const { graph } = await walk(registry, references(`quay.io/a:1@${index.digest}`), only('linux/arm64'));
    expect(graph.roots[0]?.descriptor.digest).toBe(index.digest);
    expect(graph.manifests.size).toBe(4);
  });

  it('keeps both a whole index and its subset', async () => {
    const registry = new MemoryRegistry();
    const { index } = multi(registry, 'quay.io/a', '1');
    const { graph } = await walk(registry, references(`quay.io/a@${index.digest}`, 'quay.io/a:1'), only('linux/arm64'));
    expect(new Set(graph.roots.map(({ descriptor }) => descriptor.digest)).size).toBe(2);
    expect(graph.manifests.size).toBe(5);
  });

  it('lists the available platforms if none matches', async () => {
    const registry = new MemoryRegistry();
    multi(registry, 'quay.io/a', '1');
    const { graph, failures } = await walk(registry, references('quay.io/a:1'), only('linux/s390x'));
    expect(graph.roots).toEqual([]);
    expect(graph.blobs.size).toBe(0);
    expect(failures[0]?.error.code).toBe('image-not-found');
    expect(failures[0]?.error.message).toMatch(/^quay\.io\/a:1: .*linux\/s390x.*linux\/amd64, linux\/arm64\/v8$/);
  });

  it('keeps an image manifest for any platform selection', async () => {
    const registry = new MemoryRegistry();
    const image = registry.addImage('quay.io/a', '1', [noise('x', 10)], 'windows/amd64');
    const { graph } = await walk(registry, references('quay.io/a:1'), only('linux/arm64'));
    expect(graph.roots[0]?.descriptor).toEqual(image);
  });

  it('reduces nested indexes, and drops those without a matching platform', async () => {
    const registry = new MemoryRegistry();
    const { index, armChild, extra } = multi(registry, 'quay.io/a', 'inner');
    const windows = registry.addImage('quay.io/a', undefined, [noise('w', 10)], 'windows/amd64');
    const other = registry.addIndex('quay.io/a', undefined, [
      { ...windows, platform: { os: 'windows', architecture: 'amd64' } },
    ]);
    const outer = registry.addIndex('quay.io/a', 'outer', [index, other]);
    const { graph } = await walk(registry, references('quay.io/a:outer'), only('linux/arm64'));
    const inner = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: [armChild], ...extra }),
    );
    const root = graph.manifests.get(graph.roots[0]?.descriptor.digest as never);
    expect(root?.children).toEqual([descriptorOf(inner, MediaType.ociIndex)]);
    expect(graph.manifests.has(digestOf(inner))).toBe(true);
    expect(graph.roots[0]?.sourceDigest).toBe(outer.digest);
    expect(graph.manifests.size).toBe(3);
  });

  it('rejects indexes that are nested too deeply', async () => {
    const registry = new MemoryRegistry();
    let descriptor = registry.addImage('quay.io/a', undefined, [noise('x', 10)]);
    for (let depth = 0; depth < 7; depth++) descriptor = registry.addIndex('quay.io/a', 'deep', [descriptor]);
    const { failures } = await walk(registry, references('quay.io/a:deep'), options);
    expect(failures[0]?.error.code).toBe('unsupported');
  });

  it('reads a repeated child once', async () => {
    const registry = new MemoryRegistry();
    const image = registry.addImage('quay.io/a', undefined, [noise('x', 10)]);
    let descriptor = image;
    for (let depth = 0; depth < 3; depth++) {
      descriptor = registry.addIndex('quay.io/a', 'wide', Array<typeof descriptor>(1000).fill(descriptor), { depth });
    }
    const began = performance.now();
    const { graph, failures } = await walk(registry, references('quay.io/a:wide'), options);
    expect(failures).toEqual([]);
    expect(graph.manifests.size).toBe(4);
    expect(graph.roots[0]?.descriptor).toEqual(descriptor);
    expect(performance.now() - began).toBeLessThan(5000);
    const { graph: selected } = await walk(registry, references('quay.io/a:wide'), only('linux/arm64'));
    expect(selected.manifests.size).toBe(4);
  });

  it('rejects indexes with too many descriptors', async () => {
    const registry = new MemoryRegistry();
    const image = registry.addImage('quay.io/a', undefined, [noise('x', 10)]);
    const names = Array.from({ length: 20 }, (_, i) => {
      registry.addIndex('quay.io/a', String(i), Array<typeof image>(10).fill(image), { at: i });
      return `quay.io/a:${i}`;
    });
    const walked = async (limit: number) => new Walker(registry, options, limit).add(references(...names));
    // Ten children and the index itself; the image with its config and layer is walked once for each.
    expect(await walked(20 * 14)).toEqual([]);
    const failures = await walked(20 * 14 - 1);
    expect(failures.map(({ error }) => error.code)).toEqual(['unsupported']);
  });

  it('counts depth along the longest path', async () => {
    const registry = new MemoryRegistry();
    const image = registry.addImage('quay.io/a', undefined, [noise('x', 10)]);
    let chain = image;
    for (let depth = 0; depth < 4; depth++) chain = registry.addIndex('quay.io/a', undefined, [chain], { depth });
    const near = registry.addIndex('quay.io/a', 'five', [chain]);
    const far = registry.addIndex('quay.io/a', undefined, [chain], { far: true });
    registry.addIndex('quay.io/a', 'six', [chain, far, near]);
    const failures = (await walk(registry, references('quay.io/a:five', 'quay.io/a:six'), options)).failures;
    expect(failures.map(({ reference, error }) => [reference.tag, error.code])).toEqual([['six', 'unsupported']]);
  });

  it('keeps Docker manifest lists and artifacts unchanged', async () => {
    const registry = new MemoryRegistry();
    const config = registry.addBlob('quay.io/a', 'application/vnd.docker.container.image.v1+json', Buffer.from('{}'));
    const schema2 = { schemaVersion: 2, mediaType: MediaType.dockerManifest, config, layers: [] };
    const image = registry.addManifest('quay.io/a', schema2, MediaType.dockerManifest);
    const list = { schemaVersion: 2, mediaType: MediaType.dockerList, manifests: [image] };
    const root = registry.addManifest('quay.io/a', list, MediaType.dockerList, 'docker');
    const layer = registry.addBlob('quay.io/a', 'application/wasm', noise('wasm', 99));
    const helm = {
      schemaVersion: 2,
      config: registry.addBlob('quay.io/a', MediaType.helmConfig, Buffer.from('{"a":1}')),
      layers: [layer],
    };
    const artifact = registry.addManifest('quay.io/a', helm, MediaType.ociManifest, 'artifact');
    const { graph } = await walk(registry, references('quay.io/a:docker', 'quay.io/a:artifact'), options);
    expect(graph.roots.map(({ descriptor }) => descriptor)).toEqual([root, artifact]);
    expect(graph.blobs.has(layer.digest)).toBe(true);
  });

  it('requests each digest once, and records every repository that has a blob', async () => {
    const registry = new MemoryRegistry();
    const layer = noise('shared', 500);
    const one = registry.addImage('quay.io/a', '1', [layer]);
    registry.addImage('quay.io/b', '1', [layer]);
    registry.addIndex('quay.io/a', 'x', [one]);
    registry.addIndex('quay.io/a', 'y', [one, { ...one, annotations: { a: 'b' } }]);
    const { graph } = await walk(registry, references('quay.io/a:x', 'quay.io/a:y', 'quay.io/b:1'), options);
    expect(registry.log.filter((line) => line === `GET quay.io/a ${one.digest}`)).toHaveLength(1);
    expect(graph.blobs.get(digestOf(layer))?.repositories).toEqual([
      { registry: 'quay.io', path: 'a' },
      { registry: 'quay.io', path: 'b' },
    ]);
  });

  it('collects all failures', async () => {
    const registry = new MemoryRegistry();
    registry.addImage('quay.io/good', '1', [noise('x', 10)]);
    const lost = descriptorOf(Buffer.from('{}'), MediaType.ociManifest);
    const invalid = registry.addImage('quay.io/sparse', undefined, [noise('y', 10)]);
    registry.addIndex('quay.io/sparse', '1', [lost, invalid]);
    const found = await walk(registry, references('quay.io/gone:1', 'quay.io/sparse:1', 'quay.io/good:1'), options);
    expect(found.graph.roots).toHaveLength(1);
    expect(found.graph.blobs.size).toBe(2);
    expect(found.failures.map(({ reference }) => reference.path)).toEqual(['gone', 'sparse']);
    expect(found.failures[1]?.error.message).toContain(lost.digest);
    expect(found.failures[1]?.error.message).toContain('quay.io/sparse:1');
  });

  it('rejects a manifest with another digest', async () => {
    const registry = new MemoryRegistry();
    const image = registry.addImage('quay.io/a', '1', [noise('x', 10)]);
    registry.manifests.set(`quay.io/a@${image.digest}`, {
      descriptor: image,
      bytes: Buffer.from('{"schemaVersion":2}'),
    });
    const { failures } = await walk(registry, references(`quay.io/a@${image.digest}`), options);
    expect(failures[0]?.error.code).toBe('digest-mismatch');
  });

  it('rejects wrong and contradictory sizes', async () => {
    const registry = new MemoryRegistry();
    const image = registry.addImage('quay.io/a', '1', [noise('x', 10)]);
    registry.addIndex('quay.io/a', 'lies', [{ ...image, size: image.size + 1 }]);
    const layer = descriptorOf(noise('x', 10), 'application/octet-stream');
    const other = { schemaVersion: 2, layers: [{ ...layer, size: 11 }] };
    registry.addManifest('quay.io/a', other, MediaType.ociManifest, 'other');
    const { graph, failures } = await walk(
      registry,
      references('quay.io/a:lies', 'quay.io/a:1', 'quay.io/a:other'),
      options,
    );
    expect(failures.map(({ reference, error }) => [reference.tag, error.code])).toEqual([
      ['lies', 'registry'],
      ['other', 'registry'],
    ]);
    expect(graph.roots).toHaveLength(1);
  });

  it('limits concurrent manifest requests', async () => {
    const registry = new MemoryRegistry();
    let running = 0;
    let most = 0;
    for (let i = 0; i < 20; i++) registry.addImage(`quay.io/i${i}`, '1', [noise(`${i}`, 10)]);
    const slow = {
      blob: registry.blob.bind(registry),
      async manifest(...args: Parameters<MemoryRegistry['manifest']>) {
        most = Math.max(most, ++running);
        await new Promise((go) => setTimeout(go, 1));
        running--;
        return registry.manifest(...args);
      },
    };
    const all = Array.from({ length: 20 }, (_, i) => `quay.io/i${i}:1`);
    const { graph } = await walk(slow, references(...all), { ...options, concurrency: 3 });
    expect(graph.roots.map(({ reference }) => reference.path)).toEqual(all.map((_, i) => `i${i}`));
    expect(most).toBe(3);
  });

  it('stops when it is interrupted', async () => {
    const registry = new MemoryRegistry();
    registry.addImage('quay.io/a', '1', [noise('x', 10)]);
    const walking = walk(registry, references('quay.io/a:1'), { ...options, signal: AbortSignal.abort() });
    await expect(walking).rejects.toMatchObject({ code: 'interrupted' });
  });
});
