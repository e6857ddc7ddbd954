import { describe, expect, it } from 'vitest';
import { AirgapError } from '../../../src/base/errors.ts';
import { ignoreEvents } from '../../../src/base/events.ts';
import { pollUntil } from '../../../src/base/poll-until.ts';
import type { MountSupport } from '../../../src/oci/content.ts';
import { MediaType } from '../../../src/oci/descriptor.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import type { Graph } from '../../../src/oci/graph.ts';
import { formatRepository, type Repository } from '../../../src/oci/reference.ts';
import { copy } from '../../../src/transfer/copy.ts';
import { manifestLevels } from '../../../src/transfer/graph-upload.ts';
import { walk } from '../../../src/transfer/walk.ts';
import { MemoryRegistry, noise, references } from '../../support/memory-registry.ts';
import { addReferrer } from '../../support/referrers.ts';

const target = ({ path }: Repository): Repository => ({ registry: 'p.example', path });
const options = { target, concurrency: 4, emit: ignoreEvents };

async function graphOf(source: MemoryRegistry, ...names: string[]): Promise<Graph> {
  const { graph, failures } = await walk(source, references(...names), {
    platforms: [],
    concurrency: 4,
  });
  expect(failures).toEqual([]);
  return graph;
}

const refuse = async (): Promise<never> => {
  throw new AirgapError('forbidden', 'answers 403');
};

describe('a blob that a registry reports as present but lacks', () => {
  it('is uploaded without a mount when the manifest is refused, and the manifest is pushed again', async () => {
    const source = new MemoryRegistry();
    for (const name of ['a', 'b']) source.addImage(`quay.io/${name}`, '1', [noise('shared', 5000)]);
    class Sink extends MemoryRegistry {
      override mountSupport(): MountSupport {
        return 'any';
      }
    }
    const sink = new Sink();
    const put = sink.putBlob.bind(sink);
    // Answers 201 to every mount without linking the blob.
    sink.putBlob = async (repository, descriptor, body, extra) =>
      extra?.mountFrom === undefined ? put(repository, descriptor, body, extra) : 'mounted';
    const { failures } = await copy(await graphOf(source, 'quay.io/a:1', 'quay.io/b:1'), source, sink, options);
    expect(failures).toEqual([]);
    expect([...sink.tags.keys()]).toEqual(['p.example/a:1', 'p.example/b:1']);
    expect(sink.blobs.size).toBe(4);
  });

  it('causes no second upload if the registry has all blobs', async () => {
    const source = new MemoryRegistry();
    source.addImage('quay.io/a', '1', [noise('x', 5000)]);
    const sink = new MemoryRegistry();
    sink.putManifest = async () => {
      sink.log.push('REFUSED');
      throw new AirgapError('registry', 'answers 400');
    };
    const { failures } = await copy(await graphOf(source, 'quay.io/a:1'), source, sink, options);
    expect(failures).toMatchObject([{ error: { message: expect.stringContaining('answers 400') } }]);
    expect(sink.log.filter((line) => line === 'REFUSED')).toHaveLength(1);
    expect(sink.log.filter((line) => line.startsWith('PUT'))).toHaveLength(2);
  });

  it('is not searched further after a failed request, and the refusal is reported', async () => {
    const source = new MemoryRegistry();
    source.addImage('quay.io/a', '1', [noise('x', 5000), noise('y', 5000)]);
    const sink = new MemoryRegistry();
    let requests = 0;
    sink.putManifest = async () => {
      sink.hasBlob = async () => {
        requests++;
        throw new AirgapError('network', 'closed the connection');
      };
      throw new AirgapError('registry', 'answers 500');
    };
    const { failures } = await copy(await graphOf(source, 'quay.io/a:1'), source, sink, options);
    expect(failures).toMatchObject([{ error: { message: expect.stringContaining('answers 500') } }]);
    expect(requests).toBe(1);
  });
});

it('adds a hint about --attestations drop when an attestation is refused', async () => {
  const source = new MemoryRegistry();
  const image = source.addImage('quay.io/a', undefined, [noise('x', 50)]);
  const attestation = source.addImage('quay.io/a', undefined, [noise('in-toto', 50)]);
  const platform = { os: 'unknown', architecture: 'unknown' };
  source.addIndex('quay.io/a', '1', [image, { ...attestation, platform }]);
  const sink = new MemoryRegistry();
  const put = sink.putManifest.bind(sink);
  sink.putManifest = async (repository, content, tag) => {
    if (content.descriptor.digest === attestation.digest) throw new AirgapError('unsupported', 'answers 400');
    await put(repository, content, tag);
  };
  const { failures } = await copy(await graphOf(source, 'quay.io/a:1'), source, sink, options);
  expect(failures).toMatchObject([{ error: { hint: expect.stringContaining('--attestations drop') } }]);
});

it('uploads if a registry refuses existence checks', async () => {
  const source = new MemoryRegistry();
  source.addImage('quay.io/a', '1', [noise('x', 5000)]);
  const sink = new MemoryRegistry();
  sink.hasBlob = refuse;
  const { failures, blobs } = await copy(await graphOf(source, 'quay.io/a:1'), source, sink, options);
  expect([failures, blobs.stored]).toEqual([[], 2]);
});

describe('a tag whose digest a registry refuses to return', () => {
  class Sink extends MemoryRegistry {
    list: readonly string[] | undefined = [];
    async listTags(repository: Repository): Promise<ReadonlySet<string> | undefined> {
      this.log.push(`TAGS ${formatRepository(repository)}`);
      return this.list && new Set(this.list);
    }
  }

  async function push(list: readonly string[] | undefined): Promise<{ sink: Sink; errors: (string | undefined)[] }> {
    const source = new MemoryRegistry();
    for (const tag of ['1', '2']) source.addImage('quay.io/a', tag, [noise(tag, 50)]);
    const sink = new Sink();
    sink.list = list;
    sink.hasManifest = refuse;
    const graph = await graphOf(source, 'quay.io/a:1', 'quay.io/a:2');
    const { failures } = await copy(graph, source, sink, { ...options, existing: 'error' });
    return { sink, errors: failures.map(({ error }) => error.code) };
  }

  it('is pushed if the tag list, which is read once, does not contain it', async () => {
    const { sink, errors } = await push([]);
    expect(errors).toEqual([]);
    expect([...sink.tags.keys()]).toEqual(['p.example/a:1', 'p.example/a:2']);
    expect(sink.log.filter((line) => line.startsWith('TAGS'))).toHaveLength(1);
  });

  it('is not pushed if it is listed, or without a list', async () => {
    const listed = await push(['2']);
    expect([listed.errors, [...listed.sink.tags.keys()]]).toEqual([['forbidden'], ['p.example/a:1']]);
    const unknown = await push(undefined);
    expect([unknown.errors, unknown.sink.tags.size]).toEqual([['forbidden', 'forbidden'], 0]);
  });
});

describe('manifest levels', () => {
  it('have children before their index, and subjects before their referrers', async () => {
    const source = new MemoryRegistry();
    const image = source.addImage('quay.io/a', undefined, [noise('x', 10)]);
    const other = source.addImage('quay.io/a', undefined, [noise('x', 10)], 'linux/arm64');
    const attestation = addReferrer(source, 'quay.io/a', image);
    const signature = addReferrer(source, 'quay.io/a', attestation, 'application/vnd.signature');
    const inner = source.addIndex('quay.io/a', undefined, [signature, attestation, image]);
    source.addIndex('quay.io/a', '1', [inner, other]);
    const graph = await graphOf(source, 'quay.io/a:1');
    const nodes = [...graph.manifests.values()];
    const names = new Map<Digest, string>([
      [image.digest, 'image'],
      [other.digest, 'other'],
      [attestation.digest, 'attestation'],
      [signature.digest, 'signature'],
      [inner.digest, 'inner'],
    ]);
    for (const order of [nodes, [...nodes].reverse()]) {
      const levels = manifestLevels(order).map((level) =>
        level.map(({ descriptor: { digest } }) => names.get(digest) ?? 'index'),
      );
      expect(levels.map((level) => level.sort())).toEqual([
        ['image', 'other'],
        ['attestation'],
        ['signature'],
        ['inner'],
        ['index'],
      ]);
    }
  });

  it('terminate for a cycle of subjects', () => {
    const node = (digest: string, subject: string) => {
      const bytes = Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          config: { mediaType: 'x', digest: `sha256:${'c'.repeat(64)}`, size: 1 },
          layers: [],
          subject: { mediaType: MediaType.ociManifest, digest: subject, size: 1 },
        }),
      );
      const descriptor = { mediaType: MediaType.ociManifest, digest: digest as Digest, size: bytes.length };
      return { descriptor, bytes, children: [], blobs: [], repository: { registry: 'q', path: 'a' } };
    };
    const [a, b] = [`sha256:${'a'.repeat(64)}`, `sha256:${'b'.repeat(64)}`];
    expect(manifestLevels([node(a, b), node(b, a)]).map((level) => level.length)).toEqual([2]);
  });
});

it('polls until the expected answer, or returns the last one', async () => {
  let requests = 0;
  const read = async (): Promise<number> => ++requests;
  expect(await pollUntil(read, (answer) => answer === 3, { delay: 1 })).toBe(3);
  expect(await pollUntil(read, () => false, { delay: 1, attempts: 2 })).toBe(5);
});
