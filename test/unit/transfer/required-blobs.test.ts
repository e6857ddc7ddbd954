import { describe, expect, it } from 'vitest';
import { AirgapError } from '../../../src/base/errors.ts';
import { ignoreEvents } from '../../../src/base/events.ts';
import { type Digest, digestOf } from '../../../src/oci/digest.ts';
import type { Graph } from '../../../src/oci/graph.ts';
import { formatRepository, type Repository } from '../../../src/oci/reference.ts';
import { type CopyResult, copy } from '../../../src/transfer/copy.ts';
import { walk } from '../../../src/transfer/walk.ts';
import { MemoryRegistry, noise, references } from '../../support/memory-registry.ts';

const target = ({ registry, path }: Repository) => ({ registry: 'private.example', path: `m/${registry}/${path}` });
const base = noise('base', 9000);
const shared = digestOf(base);
const [a, b, c] = ['a', 'b', 'c'].map((name) => `private.example/m/quay.io/${name}`) as [string, string, string];

/** Two images on one base that the source lacks. */
async function delta(): Promise<{ source: MemoryRegistry; graph: Graph }> {
  const source = new MemoryRegistry();
  source.addImage('quay.io/b', '1', [base, noise('b', 100)]);
  source.addImage('quay.io/c', '1', [base, noise('c', 100)]);
  const names = references('quay.io/b:1', 'quay.io/c:1');
  const { graph } = await walk(source, names, { platforms: [], concurrency: 4 });
  for (const repository of ['quay.io/b', 'quay.io/c']) source.blobs.delete(`${repository}@${shared}`);
  source.log.length = 0;
  return { source, graph };
}

async function push(
  sink: MemoryRegistry,
  older = ['a'],
  parts?: Awaited<ReturnType<typeof delta>>,
): Promise<CopyResult> {
  const { source, graph } = parts ?? (await delta());
  const places = older.map((path) => target({ registry: 'quay.io', path }));
  const required = { repositories: new Map<Digest, Repository[]>([[shared, places]]), source: sink, hint: 'push v1' };
  return copy(graph, source, sink, { target, concurrency: 4, emit: ignoreEvents, required });
}

function sent(sink: MemoryRegistry): string[] {
  return sink.log.filter((line) => !line.startsWith('HEAD'));
}

describe('a copy from a source that lacks blobs', () => {
  it('succeeds if the target repository has the blob', async () => {
    const sink = new MemoryRegistry();
    for (const name of [b, c]) sink.blobs.set(`${name}@${shared}`, base);
    const { failures, blobs } = await push(sink);
    expect(failures).toEqual([]);
    expect(blobs.mounted).toBe(0);
    expect([...sink.tags.keys()].sort()).toEqual([`${b}:1`, `${c}:1`]);
  });

  it('mounts the blob from the repository of the base bundle', async () => {
    const sink = new MemoryRegistry();
    sink.blobs.set(`${a}@${shared}`, base);
    const { failures, blobs } = await push(sink, ['gone', 'a']);
    expect(failures).toEqual([]);
    expect(blobs).toMatchObject({ mounted: 2, stored: 4 });
    expect(sent(sink)).toEqual(expect.arrayContaining([`MOUNT ${b} ${shared}`, `MOUNT ${c} ${shared}`]));
  });

  it('mounts the blob from another target repository that has it', async () => {
    const sink = new MemoryRegistry();
    sink.blobs.set(`${c}@${shared}`, base);
    const { failures, blobs } = await push(sink, []);
    expect(failures).toEqual([]);
    expect(blobs.mounted).toBe(1);
    expect(sink.blobs.get(`${b}@${shared}`)).toEqual(base);
  });

  it('reads the blob back from a registry that refuses mounts', async () => {
    const sink = new MemoryRegistry();
    sink.mounts = false;
    sink.blobs.set(`${a}@${shared}`, base);
    const { failures } = await push(sink);
    expect(failures).toEqual([]);
    expect(sink.blobs.get(`${b}@${shared}`)).toEqual(base);
    expect(sink.blobs.get(`${c}@${shared}`)).toEqual(base);
    expect(sink.log.filter((line) => line.startsWith('OPEN')).every((line) => line.includes(` ${a} `))).toBe(true);
  });

  it('sends nothing if no repository has the blob, and names the images', async () => {
    const sink = new MemoryRegistry();
    const refused = (await push(sink).catch((error: unknown) => error)) as AirgapError;
    expect(refused).toBeInstanceOf(AirgapError);
    expect(refused.exitCode).toBe(1);
    expect(refused.message).toContain('1 blob ');
    expect(refused.causes).toMatchObject([
      { code: 'image-not-found', message: expect.stringMatching(`quay.io/b:1 .*1 blob .*${b} .*${shared}`) },
      { code: 'image-not-found', message: expect.stringMatching(`quay.io/c:1 .*1 blob .*${c} .*${shared}`) },
    ]);
    expect(refused.causes.map(({ hint }) => hint)).toEqual(['push v1', 'push v1']);
    expect(sent(sink)).toEqual([]);
  });

  it('does not check blobs of images that are present', async () => {
    const { source, graph } = await delta();
    const sink = new MemoryRegistry();
    for (const { reference, descriptor } of graph.roots) {
      sink.tags.set(`${formatRepository(target(reference))}:1`, descriptor.digest);
    }
    const { outcomes } = await push(sink, [], { source, graph });
    expect(outcomes.map(({ status }) => status)).toEqual(['present', 'present']);
    expect(sink.log).toHaveLength(2);
  });

  it('ignores a failing repository if another one has the blob', async () => {
    const forbidding = (): MemoryRegistry => {
      const sink = new MemoryRegistry();
      const ask = sink.hasBlob.bind(sink);
      sink.hasBlob = (repository, descriptor) => {
        if (formatRepository(repository) === a) throw new AirgapError('forbidden', `${a} is closed`);
        return ask(repository, descriptor);
      };
      return sink;
    };
    const sink = forbidding();
    sink.blobs.set(`private.example/m/quay.io/d@${shared}`, base);
    expect((await push(sink, ['a', 'd'])).failures).toEqual([]);
    await expect(push(forbidding())).rejects.toMatchObject({ code: 'forbidden' });
  });
});
