import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { AirgapError } from '../../../src/base/errors.ts';
import type { AirgapEvent } from '../../../src/base/events.ts';
import type { LocatedReference } from '../../../src/inventory/finding.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { parseReference } from '../../../src/oci/reference.ts';
import { OperatorScan } from '../../../src/operator-scan/operator-scan.ts';
import { scanOperators } from '../../../src/operator-scan/scan-operators.ts';
import { chart, graphOf, inventoryOf, write } from '../../support/bundles.ts';
import { MemoryRegistry, noise } from '../../support/memory-registry.ts';
import { goProgram } from '../../support/program.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { tarOf } from '../../support/tar.ts';

const operator = 'quay.io/widget/operator:v1.0.0';
const located: LocatedReference = {
  ...{ chart: 'c', profile: 'default', template: 'c/templates/a.yaml', document: 0, kind: 'Deployment', name: 'o' },
  ...{ path: 'spec.template.spec.containers[0].image', how: 'pod-spec', written: operator, reference: operator },
  ...{ confidence: 'certain', need: 'install' },
};
const charts = [{ operators: [{ reference: located, words: ['/manager'], variables: [] }], references: [located] }];
const proxy = 'quay.io/widget/proxy:v1.2.3';
const program = Buffer.concat([goProgram({ build: ['path\tx'], code: [[proxy]] }), Buffer.alloc(300 * 1024)]);
const layer = tarOf([{ path: 'manager', content: program }]);
const base = tarOf([{ path: 'etc/defaults.yaml', content: 'image: quay.io/widget/cache:1.9.0' }]);

function registry(platform = 'linux/amd64'): MemoryRegistry {
  const source = new MemoryRegistry();
  source.chunk = 64 * 1024;
  source.addImage('quay.io/widget/operator', 'v1.0.0', [base, layer], platform);
  source.addImage('quay.io/other', '1', [noise('other', 50_000)]);
  return source;
}

/** Writes a bundle of the registry and scans its operators meanwhile. */
async function written(source: MemoryRegistry, path: string, without: readonly Buffer[] = [], splitSize?: number) {
  const graph = await graphOf(source, [operator, 'quay.io/other:1']);
  const messages: string[] = [];
  const emit = (event: AirgapEvent): void => void (event.type === 'warning' && messages.push(event.message));
  const client = { head: async () => ({ mediaType: 'x', digest: digestOf(base), size: 1 }) };
  const scan = await OperatorScan.for({ env: {}, cwd: '.', emit }, graph, { charts, client, concurrency: 2 });
  onTestFinished(() => scan?.close());
  const requires = without.map((bytes) => ({ digest: digestOf(bytes), size: bytes.length, repositories: [] }));
  const lock = { ...inventoryOf(graph, [chart]), ...(requires.length === 0 ? {} : { requires }) };
  const { status } = await write(path, source, { graph, inventory: lock, watch: scan, splitSize });
  return { status, messages, images: await scan?.finish() };
}

type Images = Awaited<ReturnType<typeof written>>['images'];
const named = (images: Images): unknown => images?.flatMap(({ candidates }) => candidates.map((one) => one.reference));
const both = [proxy, 'quay.io/widget/cache:1.9.0'];

describe('scanning operators while a bundle is written', () => {
  test('fetches no blob twice', async () => {
    const source = registry();
    const { status, images, messages } = await written(source, join(scratchFolder(), 'b.tar'));
    expect([status, named(images), images?.[0]?.skipped]).toEqual(['written', both, []]);
    const opened = source.log.filter((line) => line.startsWith('OPEN'));
    expect(new Set(opened).size).toBe(opened.length);
    expect(messages).toEqual([]);
  });

  test('scans a bundle that is up to date without fetching', async () => {
    const path = join(scratchFolder(), 'b.tar');
    await written(registry(), path);
    const source = registry();
    const { status, images } = await written(source, path);
    expect([status, named(images)]).toEqual(['up-to-date', both]);
    expect(source.log.filter((line) => line.startsWith('OPEN'))).toEqual([]);
  });

  test('scans layers that an interrupted run had fetched', async () => {
    const path = join(scratchFolder(), 'b.tar');
    const broken = registry();
    broken.onChunk = (digest) => {
      if (digest === digestOf(noise('other', 50_000))) throw new AirgapError('forbidden', 'no');
    };
    await expect(written(broken, path)).rejects.toThrow();
    const source = registry();
    expect(named((await written(source, path)).images)).toEqual(both);
    expect(source.log.some((line) => line.includes(digestOf(layer)))).toBe(false);
  });

  test('scans layers across the parts of a split bundle', async () => {
    const { images } = await written(registry(), join(scratchFolder(), 'b.tar'), [], 100 * 1024);
    expect([named(images), images?.[0]?.skipped]).toEqual([both, []]);
  });

  test('scans the layers of a delta and reports the others as skipped', async () => {
    const part = await written(registry(), join(scratchFolder(), 'b.tar'), [layer]);
    expect(named(part.images)).toEqual([both[1]]);
    expect(part.images?.[0]?.skipped).toEqual([expect.stringContaining(digestOf(layer))]);
    const none = await written(registry(), join(scratchFolder(), 'b.tar'), [base, layer]);
    expect(none.images?.[0]?.skipped).toEqual([expect.stringMatching(/layers/)]);
  });

  test('warns about an image for another architecture', async () => {
    const { images, messages } = await written(registry('linux/arm64'), join(scratchFolder(), 'b.tar'));
    expect(images).toEqual([]);
    expect(messages).toEqual([expect.stringContaining(operator)]);
    expect(messages[0]).toContain('linux/amd64');
  });

  test('stops when interrupted', async () => {
    const graph = await graphOf(registry(), [operator]);
    const abort = new AbortController();
    const options = { charts, client: { head: async () => undefined }, concurrency: 2 };
    const context = { env: {}, cwd: '.', emit: () => {}, signal: abort.signal };
    const scan = await OperatorScan.for(context, graph, options);
    await write(join(scratchFolder(), 'b.tar'), registry(), { graph, watch: scan });
    abort.abort();
    await expect(scan?.finish()).rejects.toMatchObject({ code: 'interrupted' });
  });

  test('starts no thread without operators', async () => {
    const graph = await graphOf(registry(), ['quay.io/other:1']);
    const options = { charts, client: { head: async () => undefined }, concurrency: 2 };
    expect(await OperatorScan.for({ env: {}, cwd: '.', emit: () => {} }, graph, options)).toBeUndefined();
  });
});

describe('scanning operators without a bundle', () => {
  async function looked(source: MemoryRegistry, signal?: AbortSignal) {
    const messages: string[] = [];
    const emit = (event: AirgapEvent): void => void (event.type === 'warning' && messages.push(event.message));
    const head = async () => ({ mediaType: 'x', digest: digestOf(base), size: 1 });
    const client = Object.assign(source, { head });
    const context = { env: {}, cwd: '.', emit, ...(signal && { signal }) };
    return {
      images: await scanOperators(context, client, charts, { folder: scratchFolder(), concurrency: 2 }),
      messages,
    };
  }

  test('fetches each blob once, and only for amd64', async () => {
    const source = registry('linux/arm64');
    const other = await source.manifest(parseReference(operator), 'v1.0.0');
    const own = source.addImage('quay.io/widget/operator', undefined, [base, layer]);
    const children = [other.descriptor, own].map((one, i) => ({
      ...one,
      platform: { os: 'linux', architecture: ['arm64', 'amd64'][i] },
    }));
    source.addIndex('quay.io/widget/operator', 'v1.0.0', children);
    const { images, messages } = await looked(source);
    expect([named(images), images[0]?.skipped, messages]).toEqual([both, [], []]);
    expect(source.log.filter((line) => line.startsWith('OPEN'))).toHaveLength(3);
  });

  test('scans what could be fetched and verified, and reports the rest', async () => {
    const source = registry();
    source.blobs.set(`quay.io/widget/operator@${digestOf(layer)}`, Buffer.alloc(layer.length));
    const { images } = await looked(source);
    expect([named(images), images[0]?.skipped]).toEqual([[both[1]], [expect.stringContaining(digestOf(layer))]]);
  });

  test('warns about an image that is missing or for another architecture', async () => {
    const other = await looked(registry('linux/arm64'));
    expect([other.images, other.messages]).toEqual([[], [expect.stringContaining(operator)]]);
    expect(other.messages[0]).toContain('linux/amd64');
    const none = await looked(new MemoryRegistry());
    expect([none.images, none.messages]).toEqual([[], [expect.stringContaining(operator)]]);
  });

  test('stops when interrupted', async () => {
    const abort = new AbortController();
    const source = registry();
    source.onChunk = () => abort.abort();
    await expect(looked(source, abort.signal)).rejects.toMatchObject({ code: 'interrupted' });
  });
});
