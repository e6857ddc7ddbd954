import { expect, it } from 'vitest';
import { ignoreEvents } from '../../../src/base/events.ts';
import type { Sink } from '../../../src/oci/content.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import { formatRepository, type Repository } from '../../../src/oci/reference.ts';
import { copy } from '../../../src/transfer/copy.ts';
import { planCopy } from '../../../src/transfer/copy-plan.ts';
import { walk } from '../../../src/transfer/walk.ts';
import { MemoryRegistry, noise, references } from '../../support/memory-registry.ts';

/** A registry with a batch check for blobs, which fails unless `answers` is set. */
class BatchRegistry extends MemoryRegistry implements Sink {
  answers = true;

  async hasBlobs(repository: Repository, digests: readonly Digest[]): Promise<ReadonlySet<Digest>> {
    const name = formatRepository(repository);
    this.log.push(`BATCH ${name} ${digests.length}`);
    if (!this.answers) throw new Error('the batch check failed');
    return new Set(digests.filter((digest) => this.blobs.has(`${name}@${digest}`)));
  }

  checks(): string[] {
    return this.log.filter((line) => /^BATCH|^HEAD \S+ sha256:/.test(line)).map((line) => line.slice(0, 26));
  }
}

const target = ({ path }: Repository): Repository => ({ registry: 'p.example', path });
const options = { target, concurrency: 4, emit: ignoreEvents };

async function images(): Promise<{ source: MemoryRegistry; graph: Awaited<ReturnType<typeof walk>>['graph'] }> {
  const source = new MemoryRegistry();
  const layers = ['x', 'y', 'z'].map((seed) => noise(seed, 3000));
  source.addImage('quay.io/a', '1', layers);
  source.addImage('quay.io/b', '1', [...layers, noise('own', 2000)]);
  const { graph } = await walk(source, references('quay.io/a:1', 'quay.io/b:1'), { ...options, platforms: [] });
  return { source, graph };
}

it('checks all candidate blobs of a repository with one request, including shared layers', async () => {
  const { source, graph } = await images();
  const sink = new BatchRegistry();
  for (const seed of ['x', 'y']) sink.addBlob('p.example/a', 'x/layer', noise(seed, 3000));
  const { blobs } = await copy(graph, source, sink, options);
  expect(sink.checks().sort()).toEqual(['BATCH p.example/a 4', 'BATCH p.example/b 5']);
  expect(blobs).toEqual({ stored: 4, mounted: 3, present: 2 });
  expect(sink.tags.size).toBe(2);
});

it('checks blobs one by one if the batch request fails', async () => {
  const { source, graph } = await images();
  const sink = new BatchRegistry();
  sink.answers = false;
  const { failures } = await copy(graph, source, sink, options);
  expect(failures).toEqual([]);
  expect(sink.checks().filter((line) => line.startsWith('HEAD'))).toHaveLength(9);
});

it('checks a single blob with HEAD, also when planning', async () => {
  const { graph } = await images();
  const sink = new BatchRegistry();
  const plan = await planCopy(graph, sink, { ...options, absent: new Set() });
  expect(plan).toMatchObject({ blobs: 6, present: 0 });
  // The other layers are checked in the repository that they are uploaded to first.
  expect(sink.checks()).toContain('BATCH p.example/a 4');
  expect(sink.checks()).not.toContain('BATCH p.example/b 1');
});
