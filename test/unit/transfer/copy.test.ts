import { describe, expect, it } from 'vitest';
import { AirgapError } from '../../../src/base/errors.ts';
import { type AirgapEvent, ignoreEvents } from '../../../src/base/events.ts';
import { MediaType } from '../../../src/oci/descriptor.ts';
import { digestOf, encodedOf } from '../../../src/oci/digest.ts';
import type { Graph } from '../../../src/oci/graph.ts';
import type { Repository } from '../../../src/oci/reference.ts';
import { copy } from '../../../src/transfer/copy.ts';
import { walk } from '../../../src/transfer/walk.ts';
import { MemoryRegistry, noise, references } from '../../support/memory-registry.ts';

const target = ({ registry, path }: Repository) => ({ registry: 'private.example', path: `m/${registry}/${path}` });
const options = { target, concurrency: 4, emit: ignoreEvents };

async function graphOf(source: MemoryRegistry, ...names: string[]): Promise<Graph> {
  const { graph, failures } = await walk(source, references(...names), {
    platforms: [],
    concurrency: 4,
  });
  expect(failures).toEqual([]);
  return graph;
}

describe('copy', () => {
  it('copies an index with all its content, children first and the tag last', async () => {
    const source = new MemoryRegistry();
    const one = source.addImage('quay.io/a', undefined, [noise('x', 5000), noise('y', 10)]);
    const two = source.addImage('quay.io/a', undefined, [noise('x', 5000)], 'linux/arm64');
    const index = source.addIndex('quay.io/a', '1', [one, two]);
    const sink = new MemoryRegistry();
    const result = await copy(await graphOf(source, 'quay.io/a:1'), source, sink, options);
    expect(result.failures).toEqual([]);
    expect(result.outcomes).toEqual([
      {
        reference: references('quay.io/a:1')[0],
        target: { registry: 'private.example', path: 'm/quay.io/a', tag: '1', digest: index.digest },
        digest: index.digest,
        status: 'pushed',
      },
    ]);
    expect(sink.tags.get('private.example/m/quay.io/a:1')).toBe(index.digest);
    expect(sink.manifests.size).toBe(3);
    expect(result.blobs).toEqual({ stored: 4, mounted: 0, present: 0 });
    expect(sink.log.at(-1)).toBe('PUT private.example/m/quay.io/a 1');
  });

  it('adds a hint about foreign layers when such an image is refused', async () => {
    const source = new MemoryRegistry();
    const layer = { ...source.addBlob('quay.io/win', 'x/foreign', noise('w', 100)), urls: ['https://a.example/1'] };
    const config = source.addBlob('quay.io/win', 'x/config', Buffer.from('{}'));
    const manifest = { schemaVersion: 2, mediaType: MediaType.ociManifest, config, layers: [layer] };
    source.addManifest('quay.io/win', manifest, MediaType.ociManifest, '1');
    const sink = new MemoryRegistry();
    const graph = await graphOf(source, 'quay.io/win:1');
    sink.putManifest = async () => {
      throw new AirgapError('registry', 'answers 500');
    };
    const { failures } = await copy(graph, source, sink, options);
    expect(failures[0]?.error.hint).toContain('foreign layers');
  });

  it('sends one request for an image that is present, and no content', async () => {
    const source = new MemoryRegistry();
    source.addImage('quay.io/a', '1', [noise('x', 5000)]);
    const graph = await graphOf(source, 'quay.io/a:1');
    const sink = new MemoryRegistry();
    await copy(graph, source, sink, options);
    sink.log.length = 0;
    source.log.length = 0;
    const again = await copy(graph, source, sink, options);
    expect(again.outcomes[0]?.status).toBe('present');
    expect(again.blobs).toEqual({ stored: 0, mounted: 0, present: 2 });
    expect(sink.log).toEqual(['HEAD private.example/m/quay.io/a 1']);
    expect(source.log).toEqual([]);
  });

  it('reads a shared blob once and mounts it into the other repositories, after the first image is complete', async () => {
    const source = new MemoryRegistry();
    const base = noise('base', 9000);
    for (const name of ['a', 'b', 'c']) source.addImage(`quay.io/${name}`, '1', [base, noise(name, 50)]);
    const sink = new MemoryRegistry();
    const graph = await graphOf(source, 'quay.io/a:1', 'quay.io/b:1', 'quay.io/c:1');
    const result = await copy(graph, source, sink, options);
    expect(result.failures).toEqual([]);
    expect(source.log.filter((line) => line.includes(`${digestOf(base)} 0`))).toHaveLength(1);
    expect(result.blobs.mounted).toBe(2);
    const mounted = sink.log.indexOf(`MOUNT private.example/m/quay.io/b ${digestOf(base)}`);
    expect(mounted).toBeGreaterThan(sink.log.indexOf('PUT private.example/m/quay.io/a 1'));
  });

  it('uploads blobs again if the registry refuses mounts, and adds their bytes to the plan', async () => {
    const source = new MemoryRegistry();
    const base = noise('base', 9000);
    for (const name of ['a', 'b']) source.addImage(`quay.io/${name}`, '1', [base]);
    const sink = new MemoryRegistry();
    sink.mounts = false;
    const events: AirgapEvent[] = [];
    const graph = await graphOf(source, 'quay.io/a:1', 'quay.io/b:1');
    const result = await copy(graph, source, sink, { ...options, emit: (event) => events.push(event) });
    expect(result.failures).toEqual([]);
    expect(result.blobs).toEqual({ stored: 4, mounted: 0, present: 0 });
    const plans = events.flatMap((event) =>
      event.type === 'plan' ? [event.blobs.reduce((sum, blob) => sum + blob.bytes, 0)] : [],
    );
    expect(plans.reduce((sum, bytes) => sum + bytes, 0)).toBe(result.bytes);
    expect(plans[0]).toBeLessThan(result.bytes);
    const sent = events.reduce((sum, event) => sum + (event.type === 'bytes' ? event.bytes : 0), 0);
    expect(sent).toBe(result.bytes);
  });

  it('sends only the blobs that an interrupted run has not sent', async () => {
    const source = new MemoryRegistry();
    const existing = noise('there', 5000);
    source.addImage('quay.io/a', '1', [existing, noise('new', 3000)]);
    const sink = new MemoryRegistry();
    sink.addBlob('private.example/m/quay.io/a', '', existing);
    const result = await copy(await graphOf(source, 'quay.io/a:1'), source, sink, options);
    expect(result.blobs).toEqual({ stored: 2, mounted: 0, present: 1 });
    expect(source.log.some((line) => line.startsWith('OPEN') && line.includes(digestOf(existing)))).toBe(false);
  });

  it('checks small blobs by mount requests if the registry supports it, and large ones with HEAD', async () => {
    const source = new MemoryRegistry();
    source.chunk = 1024 * 1024;
    const [there, fresh, large] = [noise('there', 5000), noise('new', 3000), Buffer.alloc(4 * 1024 * 1024)];
    for (const name of ['a', 'b']) source.addImage(`quay.io/${name}`, '1', [there, fresh, large]);
    const sink = new MemoryRegistry();
    sink.supportsSelfMount = true;
    sink.addBlob('private.example/m/quay.io/a', '', there);
    const result = await copy(await graphOf(source, 'quay.io/a:1', 'quay.io/b:1'), source, sink, options);
    expect(result.blobs).toEqual({ stored: 3, mounted: 4, present: 1 });
    expect(source.log.some((line) => line.startsWith('OPEN') && line.includes(digestOf(there)))).toBe(false);
    const checks = sink.log.filter((line) => line.startsWith('HEAD') && /sha256:/.test(line));
    expect(checks).toEqual([`HEAD private.example/m/quay.io/a ${digestOf(large)}`]);
  });

  it('tags a root that is pinned by digest, so that lifecycle rules keep it', async () => {
    const source = new MemoryRegistry();
    const image = source.addImage('quay.io/a', undefined, [noise('x', 10)]);
    const sink = new MemoryRegistry();
    const result = await copy(await graphOf(source, `quay.io/a@${image.digest}`), source, sink, options);
    expect(result.outcomes[0]?.target.tag).toBe(`digest-${encodedOf(image.digest).slice(0, 12)}`);
    expect(sink.tags.get(`private.example/m/quay.io/a:digest-${encodedOf(image.digest).slice(0, 12)}`)).toBe(
      image.digest,
    );
  });

  it('gives a tag to the root without a digest first', async () => {
    const source = new MemoryRegistry();
    const old = source.addImage('quay.io/a', undefined, [noise('old', 10)]);
    const now = source.addImage('quay.io/a', '1', [noise('new', 10)]);
    const sink = new MemoryRegistry();
    const graph = await graphOf(source, `quay.io/a:1@${old.digest}`, 'quay.io/a:1');
    const result = await copy(graph, source, sink, options);
    expect(result.outcomes.map((outcome) => outcome.target.tag)).toEqual([
      `digest-${encodedOf(old.digest).slice(0, 12)}`,
      '1',
    ]);
    expect(sink.tags.get('private.example/m/quay.io/a:1')).toBe(now.digest);
  });

  it('fails before sending anything if two images would get the same name', async () => {
    const source = new MemoryRegistry();
    source.addImage('quay.io/a', '1', [noise('x', 10)]);
    source.addImage('ghcr.io/a', '1', [noise('y', 10)]);
    const sink = new MemoryRegistry();
    const graph = await graphOf(source, 'quay.io/a:1', 'ghcr.io/a:1');
    const copying = copy(graph, source, sink, { ...options, target: ({ path }) => ({ registry: 'r.example', path }) });
    await expect(copying).rejects.toMatchObject({ code: 'collision' });
    expect(sink.log).toEqual([]);
  });

  it('resumes an interrupted read at its offset', async () => {
    const source = new MemoryRegistry();
    const layer = noise('x', 5000);
    source.addImage('quay.io/a', '1', [layer]);
    let breaks = 1;
    source.onChunk = (digest, offset) => {
      if (digest === digestOf(layer) && offset >= 2000 && breaks-- > 0) throw new Error('reset by peer');
    };
    const events: AirgapEvent[] = [];
    const sink = new MemoryRegistry();
    const graph = await graphOf(source, 'quay.io/a:1');
    const result = await copy(graph, source, sink, { ...options, emit: (event) => events.push(event) });
    expect(result.failures).toEqual([]);
    expect(source.log.filter((line) => line.includes(digestOf(layer)))).toEqual([
      `OPEN quay.io/a ${digestOf(layer)} 0`,
      `OPEN quay.io/a ${digestOf(layer)} 2000`,
    ]);
    expect(events.filter(({ type }) => type === 'retry')).toHaveLength(1);
  });

  it('reads a blob from another repository if the first one lacks it', async () => {
    const source = new MemoryRegistry();
    const layer = noise('x', 500);
    source.addImage('quay.io/a', '1', [layer]);
    source.addImage('quay.io/b', '1', [layer]);
    const graph = await graphOf(source, 'quay.io/a:1', 'quay.io/b:1');
    source.blobs.delete(`quay.io/a@${digestOf(layer)}`);
    const result = await copy(graph, source, new MemoryRegistry(), options);
    expect(result.failures).toEqual([]);
  });

  it('continues after a failure, and names the image and the step', async () => {
    const source = new MemoryRegistry();
    const lost = noise('lost', 500);
    const shared = noise('shared', 700);
    source.addImage('quay.io/bad', '1', [lost, shared]);
    source.addImage('quay.io/good', '1', [shared]);
    const graph = await graphOf(source, 'quay.io/bad:1', 'quay.io/good:1');
    source.blobs.delete(`quay.io/bad@${digestOf(lost)}`);
    const sink = new MemoryRegistry();
    const result = await copy(graph, source, sink, options);
    expect(result.outcomes.map(({ reference }) => reference.path)).toEqual(['good']);
    expect(result.failures).toHaveLength(1);
    expect(result.failures[0]?.error.code).toBe('image-not-found');
    expect(result.failures[0]?.error.message).toMatch(
      new RegExp(`^quay.io/bad:1: blob ${digestOf(lost)} to private.example/m/quay.io/bad: `),
    );
    expect(sink.tags.has('private.example/m/quay.io/bad:1')).toBe(false);
  });

  it('reports an image whose manifest the sink rejects', async () => {
    const source = new MemoryRegistry();
    source.addImage('quay.io/a', '1', [noise('x', 10)]);
    const sink = new MemoryRegistry();
    sink.putManifest = async () => {
      throw new AirgapError('registry', 'TAG_INVALID');
    };
    const result = await copy(await graphOf(source, 'quay.io/a:1'), source, sink, options);
    expect(result.failures[0]?.error.message).toMatch(/^quay.io\/a:1: manifest sha256:.* to .*: TAG_INVALID$/);
  });

  it('does not tag content with a wrong digest', async () => {
    const source = new MemoryRegistry();
    const layer = noise('x', 5000);
    source.addImage('quay.io/a', '1', [layer]);
    const graph = await graphOf(source, 'quay.io/a:1');
    source.blobs.set(`quay.io/a@${digestOf(layer)}`, noise('other', 5000));
    const sink = new MemoryRegistry();
    const result = await copy(graph, source, sink, options);
    expect(result.failures[0]?.error.code).toBe('digest-mismatch');
    expect(sink.tags.size).toBe(0);
  });

  it('sends content that was made in memory', async () => {
    const source = new MemoryRegistry();
    source.addImage('quay.io/a', '1', [noise('x', 10)]);
    const graph = await graphOf(source, 'quay.io/a:1');
    const blobs = new Map(
      [...graph.blobs].map(([digest, node]) => [
        digest,
        { ...node, repositories: [], bytes: source.blobs.get(`quay.io/a@${digest}`) as Uint8Array },
      ]),
    );
    const nothing = new MemoryRegistry();
    const result = await copy({ ...graph, blobs }, nothing, new MemoryRegistry(), options);
    expect(result.failures).toEqual([]);
    expect(nothing.log).toEqual([]);
  });

  it('leaves no tag without its content when it is interrupted', async () => {
    const source = new MemoryRegistry();
    for (let i = 0; i < 10; i++) source.addImage(`quay.io/i${i}`, '1', [noise(`${i}`, 50_000)]);
    const stop = new AbortController();
    let chunks = 0;
    source.onChunk = async () => {
      if (++chunks === 100) stop.abort();
      if (chunks % 20 === 0) await new Promise((go) => setTimeout(go, 1));
    };
    const sink = new MemoryRegistry();
    const graph = await graphOf(source, ...Array.from({ length: 10 }, (_, i) => `quay.io/i${i}:1`));
    const copying = copy(graph, source, sink, { ...options, signal: stop.signal });
    await expect(copying).rejects.toMatchObject({ code: 'interrupted' });
    expect(sink.tags.size).toBeLessThan(10);
    const rerun = await copy(graph, source, sink, options);
    expect(rerun.outcomes).toHaveLength(10);
    expect(rerun.failures).toEqual([]);
  });

  it('limits the number of concurrent blob transfers', async () => {
    const source = new MemoryRegistry();
    source.addImage(
      'quay.io/a',
      '1',
      Array.from({ length: 12 }, (_, i) => noise(`${i}`, 100)),
    );
    let running = 0;
    let most = 0;
    const sink = new MemoryRegistry();
    const put = sink.putBlob.bind(sink);
    sink.putBlob = async (...args) => {
      most = Math.max(most, ++running);
      await new Promise((go) => setTimeout(go, 2));
      running--;
      return put(...args);
    };
    await copy(await graphOf(source, 'quay.io/a:1'), source, sink, { ...options, concurrency: 3 });
    expect(most).toBe(3);
  });

  it('mounts blobs from source repositories of the same registry', async () => {
    const registry = new MemoryRegistry();
    registry.addImage('private.example/dev/a', '1', [noise('a', 500)]);
    const graph = await graphOf(registry, 'private.example/dev/a:1');
    const { blobs, bytes } = await copy(graph, registry, registry, { ...options, mountsFromSource: true });
    expect([blobs, bytes]).toEqual([{ stored: 0, mounted: 2, present: 0 }, 0]);
    expect(registry.log.filter((line) => line.startsWith('OPEN'))).toEqual([]);
  });

  it('uploads blobs if the registry refuses to mount them from their source', async () => {
    const registry = new MemoryRegistry();
    registry.mounts = false;
    registry.addImage('private.example/dev/a', '1', [noise('a', 500)]);
    const graph = await graphOf(registry, 'private.example/dev/a:1');
    const { blobs, failures } = await copy(graph, registry, registry, { ...options, mountsFromSource: true });
    expect([blobs, failures]).toEqual([{ stored: 2, mounted: 0, present: 0 }, []]);
  });
});
