import { execFileSync } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Header } from 'tar';
import { describe, expect, it } from 'vitest';
import { AirgapError } from '../../../../src/base/errors.ts';
import { ignoreEvents } from '../../../../src/base/events.ts';
import { openBundle } from '../../../../src/bundle/reading/bundle.ts';
import { verifyBundle } from '../../../../src/bundle/verify.ts';
import { checkTrees } from '../../../../src/bundle/verifying/trees.ts';
import { MediaType } from '../../../../src/oci/descriptor.ts';
import { digestOf } from '../../../../src/oci/digest.ts';
import { extract } from '../../../../src/workflows/extract/extract.ts';
import { graphOf, inventoryOf, registry, write } from '../../../support/bundles.ts';
import { MemoryRegistry, noise } from '../../../support/memory-registry.ts';
import fc from '../../../support/property.ts';
import { scratchFolder } from '../../../support/scratch.ts';

/** Bundles crafted to crash a reader, to make it hang, or to make it write elsewhere. */

const DEEP = 100_000;
const deep = `${'['.repeat(DEEP)}${']'.repeat(DEEP)}`;

function entry(path: string, body: string | Buffer, type: 'File' | 'SparseFile' = 'File'): Buffer {
  const content = Buffer.from(body);
  const block = Buffer.alloc(512);
  new Header({ path, size: content.length, mode: 0o644, mtime: new Date(0), type: type as 'File' }).encode(block);
  return Buffer.concat([block, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

function blob(body: string | Buffer): { readonly digest: string; readonly size: number; readonly entry: Buffer } {
  const digest = digestOf(Buffer.from(body));
  return { digest, size: Buffer.byteLength(body), entry: entry(`blobs/${digest.replace(':', '/')}`, body) };
}

function archive(index: unknown, ...entries: readonly Buffer[]): Buffer {
  const text = typeof index === 'string' ? index : JSON.stringify({ schemaVersion: 2, manifests: index });
  const layout = entry('oci-layout', '{"imageLayoutVersion":"1.0.0"}');
  return Buffer.concat([layout, entry('index.json', text), ...entries, Buffer.alloc(1024)]);
}

const named = (name: string, { digest, size }: { digest: string; size: number }, extra: object = {}) => ({
  mediaType: MediaType.ociManifest,
  digest,
  size,
  annotations: { 'org.opencontainers.image.ref.name': name },
  ...extra,
});

/** Returns the message of an AirgapError or of the problems found. Any other error is rethrown. */
async function answer(path: string): Promise<string> {
  try {
    const bundle = await openBundle(path);
    try {
      return (await verifyBundle(bundle, { emit: ignoreEvents })).map(({ message }) => message).join('\n');
    } finally {
      await bundle.close();
    }
  } catch (error) {
    if (error instanceof AirgapError) return error.message;
    throw error;
  }
}

async function answerTo(bytes: Buffer): Promise<string> {
  const path = join(scratchFolder(), 'b.tar');
  await writeFile(path, bytes);
  return answer(path);
}

describe('deeply nested JSON', () => {
  const manifest = blob(`{"config":${deep},"layers":[]}`);
  const inventory = blob(
    `{"apiVersion":"airgap/v1","kind":"Lock","schemaVersion":1,"images":${deep},"charts":${deep}}`,
  );
  const config = blob('{}');
  const inventoryManifest = blob(
    JSON.stringify({
      schemaVersion: 2,
      config: { mediaType: MediaType.empty, digest: config.digest, size: 2 },
      layers: [{ mediaType: MediaType.inventory, digest: inventory.digest, size: inventory.size }],
    }),
  );
  const asInventory = { artifactType: MediaType.inventory };
  it.each([
    ['the layout', Buffer.concat([entry('oci-layout', `{"imageLayoutVersion":${deep}}`), Buffer.alloc(1024)])],
    ['the index', archive(deep)],
    ['a descriptor', archive(`{"manifests":[{"mediaType":"x","digest":${deep},"size":${deep}}]}`)],
    [
      'its platform',
      archive(`{"manifests":[{"mediaType":"x","digest":"${config.digest}","size":2,"platform":${deep}}]}`),
    ],
    ['a manifest', archive([named('quay.io/a:1', manifest)], manifest.entry)],
    ['manifest.json', archive([], entry('manifest.json', deep))],
    ['its entries', archive([], entry('manifest.json', `[{"Config":${deep},"Layers":${deep}}]`))],
    [
      'the inventory',
      archive(
        [named('airgap/lock:v1', inventoryManifest, asInventory)],
        inventoryManifest.entry,
        inventory.entry,
        config.entry,
      ),
    ],
  ])('is refused in %s', async (_, bytes) => {
    expect((await answerTo(bytes)).length).toBeGreaterThan(10);
  });
});

describe('names', () => {
  const one = blob('1');
  const two = blob('2');

  it('have one digest each, and a digest has one media type', async () => {
    const twice = [named('quay.io/a:1', one), named('quay.io/a:1', two)];
    expect(await answerTo(archive(twice, one.entry, two.entry))).toMatch(/quay\.io\/a:1.* digests$/);
    const types = [named('quay.io/a:1', one), named('quay.io/b:1', one, { mediaType: MediaType.ociIndex })];
    expect(await answerTo(archive(types, one.entry))).toMatch(/sha256:\w+ .*media types$/);
  });

  it('are limited when many refer to one index with many children', async () => {
    const children = Array.from({ length: 100 }, (_, i) => ({
      mediaType: 'x',
      digest: `sha256:${String(i).padStart(64, '0')}`,
      size: 1,
    }));
    const index = blob(JSON.stringify({ schemaVersion: 2, manifests: children }));
    const names = Array.from({ length: 100 }, (_, i) =>
      named(`quay.io/a:${i}`, index, { mediaType: MediaType.ociIndex }),
    );
    const path = join(scratchFolder(), 'b.tar');
    await writeFile(path, archive(names, index.entry));
    const bundle = await openBundle(path);
    await expect(checkTrees(bundle, new Set(), 10_000)).rejects.toMatchObject({ code: 'bundle-invalid' });
    expect((await checkTrees(bundle, new Set(), 10_100)).problems).toHaveLength(100);
    await bundle.close();
  });

  it('are visited once when referrers form a long chain or a cycle', async () => {
    const [count, one] = [20_000, blob('{"schemaVersion":2}')];
    const digest = (index: number): string => `sha256:${String(index % count).padStart(64, '0')}`;
    const chain = Array.from({ length: count }, (_, i) => ({
      ...named('', { digest: digest(i), size: 1 }),
      annotations: { 'vnd.helm-airgap.subject': digest(i + 1), 'vnd.helm-airgap.repository': 'quay.io/a' },
    }));
    const text = await answerTo(archive([named('quay.io/a:1', one), ...chain], one.entry));
    expect(text).toContain(digest(count - 1));
  });

  it('of a chart cannot lead out of the output folder', async () => {
    const dir = scratchFolder();
    const archiveBlob = blob('the chart');
    const config = blob('{"name":"x","version":"1"}');
    const manifest = blob(
      JSON.stringify({
        schemaVersion: 2,
        config: { mediaType: MediaType.helmConfig, digest: config.digest, size: config.size },
        layers: [{ mediaType: MediaType.helmChart, digest: archiveBlob.digest, size: archiveBlob.size }],
      }),
    );
    const name = '../../../evil';
    const annotations = {
      'org.opencontainers.image.ref.name': `charts/${name}:1`,
      'org.opencontainers.image.title': name,
      'org.opencontainers.image.version': '1',
    };
    const index = [{ ...named('', manifest), annotations }];
    await writeFile(join(dir, 'b.tar'), archive(index, archiveBlob.entry, config.entry, manifest.entry));
    const context = { env: {}, cwd: dir, emit: ignoreEvents };
    const options = { file: join(dir, 'b.tar'), out: join(dir, 'out.tgz'), force: false, concurrency: 2 };
    const extraction = extract(context, { ...options, selection: { chart: name } });
    await expect(extraction).rejects.toMatchObject({ code: 'bundle-invalid' });
    expect((await readdir(dir)).sort()).toEqual(['b.tar']);
  });
});

describe('files', () => {
  it('that are sparse are refused, whatever their declared size', async () => {
    const block = entry('blobs/x', '', 'File');
    block[156] = 'S'.charCodeAt(0);
    let sum = 8 * 32;
    for (const [i, byte] of block.subarray(0, 512).entries()) if (i < 148 || i >= 156) sum += byte;
    block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    expect(await answerTo(archive([], block))).toMatch(/blobs\/x/);
  });

  it('that are pipes are refused without waiting', async () => {
    const dir = scratchFolder();
    execFileSync('mkfifo', [join(dir, 'pipe'), join(dir, 'b.parts.json')]);
    expect(await answer(join(dir, 'pipe'))).toContain(join(dir, 'pipe'));
    expect(await answer(join(dir, 'b.parts.json'))).toContain(join(dir, 'b.parts.json'));
  });
});

it('manifest.json cannot give an image another name', async () => {
  const dir = scratchFolder();
  const path = join(dir, 'b');
  const source = registry();
  await write(path, source, { inventory: inventoryOf(await graphOf(source), []), charts: [] });
  const text = await readFile(path, 'latin1');
  const changed = text.replace('"RepoTags":["quay.io/a:1"]', '"RepoTags":["quay.io/c:1"]');
  expect(changed).not.toBe(text);
  await writeFile(path, changed, 'latin1');
  expect(await answer(path)).toMatch(/^manifest\.json .*"quay\.io\/c:1"/);
});

describe('the index of a split bundle', () => {
  async function split(): Promise<{ readonly index: string; readonly text: string }> {
    const source = new MemoryRegistry();
    source.addImage('quay.io/a', '1', [noise('x', 300)]);
    const path = join(scratchFolder(), 'b');
    const graph = await graphOf(source, ['quay.io/a:1']);
    await write(path, source, { graph, inventory: inventoryOf(graph, []), charts: [], splitSize: 2000 });
    const index = `${path}.parts.json`;
    return { index, text: await readFile(index, 'utf8') };
  }

  it.each([
    ['names a path', (text: string) => text.replace('"b.001"', '"../b.001"'), 'b.001'],
    ['names the root', (text: string) => text.replace('"b.001"', '"/etc/passwd"'), 'b.001'],
    ['names a part twice', (text: string) => text.replace('"b.002"', '"b.001"'), 'b.002'],
    ['has another version', (text: string) => text.replace('n": 1', 'n": 2'), 'version 1'],
    [
      'claims a huge size',
      (text: string) => text.replace(/"size": \d+/, '"size": 9007199254740991'),
      '9007199254740991',
    ],
    ['claims no size', (text: string) => text.replace(/"size": \d+/, '"size": -1'), 'size'],
    ['claims tiny parts', (text: string) => text.replace('"partSize": 2000', '"partSize": 1e-9'), 'size'],
    ['has no hash', (text: string) => text.replace(/"sha256": "../, '"sha256": "no'), 'part b.001'],
    ['is deeply nested', (text: string) => text.replace('"b.001"', deep), 'b.001'],
    ['is not JSON', () => 'b.001 b.002', 'JSON'],
    ['is a number', () => '1', 'version 1'],
  ])('is refused when it %s', async (_, change, fact) => {
    const { index, text } = await split();
    const changed = change(text);
    expect(changed).not.toBe(text);
    await writeFile(index, changed);
    expect((await answer(index)).replace(index, '')).toContain(fact);
  });

  it('ends in an AirgapError or a bundle, whatever its content', async () => {
    const { index, text } = await split();
    const valid = JSON.parse(text);
    const value = fc.oneof(
      fc.integer(),
      fc.double(),
      fc.string(),
      fc.jsonValue(),
      fc.constantFrom('b.001', 2000, null),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('schemaVersion', 'size', 'partSize', 'parts', 'name', 'sha256', 'part size'),
        value,
        fc.nat(3),
        async (field, hostile, position) => {
          const changed = structuredClone(valid);
          const part = changed.parts[position % changed.parts.length];
          if (field === 'name' || field === 'sha256') part[field] = hostile;
          else if (field === 'part size') part.size = hostile;
          else changed[field] = hostile;
          await writeFile(index, JSON.stringify(changed) ?? '');
          expect(await answer(index)).toBeTypeOf('string');
        },
      ),
      { numRuns: 60 },
    );
  });
});
