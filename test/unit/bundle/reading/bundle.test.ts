import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Header, Pax } from 'tar';
import { describe, expect, it } from 'vitest';
import { AirgapError } from '../../../../src/base/errors.ts';
import { ignoreEvents } from '../../../../src/base/events.ts';
import { openBundle } from '../../../../src/bundle/reading/bundle.ts';
import { verifyBundle } from '../../../../src/bundle/verify.ts';
import { MediaType } from '../../../../src/oci/descriptor.ts';
import { digestOf } from '../../../../src/oci/digest.ts';
import { formatReference } from '../../../../src/oci/reference.ts';
import { copy } from '../../../../src/transfer/copy.ts';
import { walk } from '../../../../src/transfer/walk.ts';
import { chart, graphOf, registry, write } from '../../../support/bundles.ts';
import { MemoryRegistry, noise, references } from '../../../support/memory-registry.ts';
import fc from '../../../support/property.ts';
import { scratchFolder } from '../../../support/scratch.ts';

function entry(
  path: string,
  body: Uint8Array | string,
  header: Partial<ConstructorParameters<typeof Header>[0]> = {},
): Buffer {
  const content = Buffer.from(body);
  const block = Buffer.alloc(512);
  new Header({ path, size: content.length, mode: 0o644, type: 'File', ...(header as object) }).encode(block);
  return Buffer.concat([block, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

const END = Buffer.alloc(1024);
const LAYOUT = entry('oci-layout', '{"imageLayoutVersion":"1.0.0"}');
const INDEX = entry('index.json', '{"schemaVersion":2,"manifests":[]}');

async function fileOf(...parts: (Buffer | string)[]): Promise<string> {
  const path = join(scratchFolder(), 'b.tar');
  await writeFile(path, Buffer.concat(parts.map((part) => Buffer.from(part))));
  return path;
}

async function refusal(...parts: (Buffer | string)[]): Promise<string> {
  const path = await fileOf(...parts);
  const error = await openBundle(path).then(
    (bundle) => bundle.close().then(() => undefined),
    (e) => e,
  );
  expect(error).toBeInstanceOf(AirgapError);
  expect(error.code).toBe('bundle-invalid');
  return error.message.replace(path, 'b.tar');
}

describe('openBundle', () => {
  it('returns images, charts, the inventory and every body', async () => {
    const path = join(scratchFolder(), 'b');
    const source = registry();
    const graph = await graphOf(source);
    await write(path, source, { graph });
    const bundle = await openBundle(path);
    expect(bundle.images().map(({ reference }) => formatReference(reference))).toEqual([
      'docker.io/library/b:2',
      'quay.io/a:1',
      'quay.io/multi:3',
    ]);
    expect(bundle.charts().map(({ name, version }) => [name, version])).toEqual([['demo', '1.2.3+b']]);
    expect(bundle.inventory()?.charts[0]?.digest).toBe(chart.descriptor.digest);
    expect(bundle.unnamed()).toEqual([]);
    for (const { descriptor } of graph.blobs.values()) {
      const body = bundle.blob({ registry: 'any', path: 'any' }, descriptor);
      expect(digestOf(Buffer.concat(await (await body.open()).toArray()))).toBe(descriptor.digest);
      const tail = Buffer.concat(await (await body.open(descriptor.size - 3)).toArray());
      expect(tail.length).toBe(3);
    }
    await bundle.close();
  });

  it('returns a source that can be pushed in full, charts included', async () => {
    const path = join(scratchFolder(), 'b');
    await write(path, registry());
    const bundle = await openBundle(path);
    const all = [...bundle.images(), ...bundle.charts()].map(({ reference }) => reference);
    const options = { platforms: [], concurrency: 4, emit: ignoreEvents };
    const { graph, failures } = await walk(bundle, all, options);
    expect(failures).toEqual([]);
    const sink = new MemoryRegistry();
    const target = ({ registry, path }: { registry: string; path: string }) => ({
      registry: 'r',
      path: `${registry}/${path}`,
    });
    const result = await copy(graph, bundle, sink, { target, concurrency: 4, emit: ignoreEvents });
    expect(result.failures).toEqual([]);
    expect(sink.tags.get('r/charts/demo:1.2.3_b')).toBe(chart.descriptor.digest);
    expect(sink.tags.size).toBe(4);
    await bundle.close();
  });

  it('reports an image that it does not contain', async () => {
    const path = join(scratchFolder(), 'b');
    await write(path, registry());
    const bundle = await openBundle(path);
    const { failures } = await walk(bundle, references('quay.io/none:1'), {
      platforms: [],
      concurrency: 1,
    });
    expect(failures[0]?.error.code).toBe('image-not-found');
    await bundle.close();
  });

  it('reads an archive of another tool, with ./ prefixes, directories and long pax names', async () => {
    const config = Buffer.from('{"a":1}');
    const long = digestOf(config, 'sha512');
    const manifest = Buffer.from(
      JSON.stringify({ schemaVersion: 2, config: { mediaType: 'x/y', digest: long, size: config.length }, layers: [] }),
    );
    const name = 'org.opencontainers.image.ref.name';
    const images = ['quay.io/a:1', 'latest'].map((text) => ({
      mediaType: MediaType.ociManifest,
      digest: digestOf(manifest),
      size: manifest.length,
      annotations: { [name]: text },
    }));
    const blob = `./blobs/sha512/${long.slice(7)}`;
    const path = await fileOf(
      entry('./', '', { type: 'Directory' }),
      entry('./blobs/', '', { type: 'Directory' }),
      entry('./oci-layout', '{"imageLayoutVersion": "1.0.0"}'),
      entry('./index.json', JSON.stringify({ schemaVersion: 2, manifests: images })),
      entry(`./blobs/sha256/${digestOf(manifest).slice(7)}`, manifest),
      new Pax({ path: blob }).encode(),
      entry(blob.slice(0, 99), config),
      Buffer.alloc(10240),
    );
    const bundle = await openBundle(path);
    expect(bundle.inventory()).toBeUndefined();
    expect(bundle.images().map(({ reference }) => formatReference(reference))).toEqual(['quay.io/a:1']);
    expect(bundle.unnamed()).toHaveLength(1);
    expect(await verifyBundle(bundle, { emit: ignoreEvents })).toEqual([]);
    await bundle.close();
  });

  it('distinguishes other files from bundles', async () => {
    expect(await refusal('')).toMatch(/^b.tar .*empty/);
    expect(await refusal(gzipSync('x'.repeat(2000)))).toMatch(/^b.tar .*gzip/);
    expect(await refusal(noise('x', 5000))).toMatch(/^b.tar .*tar archive$/);
    expect(await refusal('short')).toMatch(/^b.tar .*tar archive$/);
    expect(await refusal(entry('hello', 'x'), END)).toContain('oci-layout');
    const link = entry('x/layer.tar', '', { type: 'SymbolicLink', linkpath: '../y/layer.tar' });
    expect(await refusal(entry('manifest.json', '[]'), link, END)).toMatch(/^b.tar .*docker save/);
    expect(await refusal(entry('oci-layout', '{"imageLayoutVersion":"2.0"}'), INDEX, END)).toContain('"2.0"');
    expect(await refusal(entry('oci-layout', 'null'), INDEX, END)).toContain('none');
    expect(await refusal(LAYOUT, END)).toContain('index.json');
    expect(await refusal(LAYOUT, entry('index.json', '[]'), END)).toContain('index.json');
  });

  it('refuses a truncated file and says where it ends', async () => {
    const path = join(scratchFolder(), 'b');
    await write(path, registry());
    const whole = await readFile(path);
    expect(await refusal(whole.subarray(0, 20_000))).toMatch(
      /"blobs\/sha256\/[0-9a-f]{64}" at byte \d+ .* byte 20000$/,
    );
    expect(await refusal(whole.subarray(0, whole.length - 1024))).toContain(`byte ${whole.length - 1024} `);
  });

  it('refuses links, devices, duplicate names and impossible sizes', async () => {
    const link = (type: 'SymbolicLink' | 'Link') =>
      entry(`blobs/sha256/${'a'.repeat(64)}`, '', { type, linkpath: '/etc/passwd' });
    expect(await refusal(LAYOUT, INDEX, link('SymbolicLink'), END)).toMatch(/SymbolicLink, .* at byte 2048/);
    expect(await refusal(LAYOUT, INDEX, link('Link'), END)).toMatch(/ Link, .* at byte 2048/);
    expect(await refusal(LAYOUT, INDEX, entry('tty', '', { type: 'CharacterDevice' }), END)).toMatch(/CharacterDevice/);
    expect(await refusal(LAYOUT, INDEX, LAYOUT, END)).toContain('"oci-layout"');
    expect(await refusal(LAYOUT, INDEX, entry('./index.json', '{}'), END)).toContain('"index.json"');
    const sized = (size: number) => entry('blobs/x', '', { size });
    expect(await refusal(LAYOUT, sized(2 ** 50), END)).toMatch(/"blobs\/x" at byte 1024 .*1125899906842624/);
    expect(await refusal(LAYOUT, sized(-512), END)).toMatch(/size .*"blobs\/x" at byte 1024/);
    const outside = entry('blobs/x', '');
    outside.fill(0xff, 125, 136);
    outside[124] = 0x80;
    let sum = 256;
    for (const [i, byte] of outside.subarray(0, 512).entries()) if (i < 148 || i >= 156) sum += byte;
    outside.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    expect(await refusal(LAYOUT, outside, END)).toContain('header at byte 1024');
    const pax = new Pax({ path: 'index.json', size: 2 ** 45 }).encode();
    expect(await refusal(LAYOUT, pax, INDEX, END)).toMatch(/"index.json" .* \d+ bytes/);
    expect(await refusal(LAYOUT, entry('x', 'y'.repeat(100_000), { type: 'ExtendedHeader' }), END)).toMatch(
      /extended header .*100000 bytes/,
    );
  });

  it('refuses two inventories', async () => {
    const inventory = {
      mediaType: MediaType.ociManifest,
      digest: digestOf(Buffer.from('x')),
      size: 1,
      artifactType: MediaType.inventory,
    };
    const index = entry('index.json', JSON.stringify({ schemaVersion: 2, manifests: [inventory, inventory] }));
    expect(await refusal(LAYOUT, index, END)).toContain('more than one');
  });

  it('ignores files that are not part of a layout', async () => {
    const unusual = ['blobs/sha256/short', 'blobs/md5/abc', 'README', 'repositories', '..README'];
    const path = await fileOf(LAYOUT, INDEX, ...unusual.map((name) => entry(name, 'x')), END);
    const bundle = await openBundle(path);
    expect(bundle.entries.size).toBe(0);
    await bundle.close();
  });

  it('refuses names that other readers resolve to another file', async () => {
    const names = ['../../etc/passwd', '/etc/passwd', 'y/../index.json', 'blobs/./x', 'blobs//x', './../x', 'x/..'];
    for (const name of names)
      expect(await refusal(LAYOUT, INDEX, entry(name, 'x'), END), name).toContain(
        JSON.stringify(name.replace(/^\.\//, '')),
      );
    expect(await refusal(LAYOUT, INDEX, entry('./index.json', 'x'), END)).toContain('"index.json"');
    const plain = await fileOf(entry('./oci-layout', '{"imageLayoutVersion":"1.0.0"}'), INDEX, END);
    await (await openBundle(plain)).close();
  });

  it('reports a missing file', async () => {
    await expect(openBundle('/nonexistent/b.tar')).rejects.toMatchObject({ code: 'file' });
    await expect(openBundle(scratchFolder())).rejects.toMatchObject({ code: 'bundle-invalid' });
  });
});

describe('a hostile archive', () => {
  async function small(): Promise<Buffer> {
    const source = new MemoryRegistry();
    source.addImage('quay.io/a', '1', [noise('x', 300)]);
    const path = join(scratchFolder(), 'b');
    await write(path, source, { graph: await graphOf(source, ['quay.io/a:1']) });
    return readFile(path);
  }

  /** Expects an AirgapError or a list of problems, whatever the file contains. */
  async function survives(path: string, bytes: Uint8Array): Promise<void> {
    await writeFile(path, bytes);
    try {
      const bundle = await openBundle(path);
      try {
        await verifyBundle(bundle, { emit: ignoreEvents });
      } finally {
        await bundle.close();
      }
    } catch (error) {
      expect(error).toBeInstanceOf(AirgapError);
    }
  }

  it('ends in an AirgapError or a list of problems, whichever bytes are changed', async () => {
    const whole = await small();
    const path = await fileOf();
    const change = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 8 }), fc.boolean(), async (changes, inMetadata) => {
        const bytes = Buffer.from(whole);
        for (const { at, byte } of changes) bytes[at % (inMetadata ? 3000 : bytes.length)] = byte;
        await survives(path, bytes);
      }),
      { numRuns: 150 },
    );
  });

  it('so do random headers with a valid checksum', async () => {
    const path = await fileOf();
    const nonsense = fc.record({
      path: fc.oneof(fc.string(), fc.constantFrom('oci-layout', 'index.json', 'manifest.json', 'blobs/sha256/a', './')),
      size: fc.oneof(fc.nat(2000), fc.integer(), fc.maxSafeInteger()),
      type: fc.constantFrom(
        'File',
        'ExtendedHeader',
        'NextFileHasLongPath',
        'GlobalExtendedHeader',
        'Directory',
        'Link',
      ),
      body: fc.oneof(fc.string({ maxLength: 600 }), fc.json(), fc.constant('20 size=99999999999\n18 path=\n')),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(nonsense, { maxLength: 6 }), async (entries) => {
        const parts = entries.map(({ body, ...header }) => entry(header.path, body, header as never));
        await survives(path, Buffer.concat([...parts, END]));
      }),
      { numRuns: 150 },
    );
  });
});
