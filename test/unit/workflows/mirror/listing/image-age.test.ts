import { describe, expect, it } from 'vitest';
import { AirgapError } from '../../../../../src/base/errors.ts';
import { limiter } from '../../../../../src/base/limiter.ts';
import { type Descriptor, MediaType } from '../../../../../src/oci/descriptor.ts';
import { ImageAge } from '../../../../../src/workflows/mirror/listing/image-age.ts';
import { IMAGE_CONFIG, MemoryRegistry } from '../../../../support/memory-registry.ts';

const REPOSITORY = { registry: 'r.example', path: 'app' };
const NAME = 'r.example/app';
const SINCE = new Date('2026-01-31');
const OLD = '2025-06-01T12:00:00Z';
const NEW = '2026-02-01T12:00:00.123456789+01:00';
const CREATED = 'org.opencontainers.image.created';

/** Adds an image whose config has this time of creation, and returns its descriptor. */
function addImage(registry: MemoryRegistry, tag: string | undefined, created: unknown, annotations = {}): Descriptor {
  const config = registry.addBlob(NAME, IMAGE_CONFIG, Buffer.from(JSON.stringify({ created, tag })));
  const manifest = { schemaVersion: 2, mediaType: MediaType.ociManifest, config, layers: [], annotations };
  return registry.addManifest(NAME, manifest, MediaType.ociManifest, tag);
}

async function newer(registry: MemoryRegistry, ...tags: string[]): Promise<{ kept: readonly string[]; age: ImageAge }> {
  const age = new ImageAge(registry, limiter(4));
  return { kept: await age.newerThan(REPOSITORY, tags, SINCE), age };
}

describe('images are kept by their date', () => {
  it('in the config', async () => {
    const registry = new MemoryRegistry();
    addImage(registry, 'old', OLD);
    addImage(registry, 'new', NEW);
    addImage(registry, 'midnight', '2026-01-31T00:00:00Z');
    expect((await newer(registry, 'old', 'new', 'midnight')).kept).toEqual(['new', 'midnight']);
  });

  it('in an annotation, without reading the config', async () => {
    const registry = new MemoryRegistry();
    addImage(registry, 'old', NEW, { [CREATED]: OLD });
    addImage(registry, 'new', OLD, { [CREATED]: NEW });
    expect((await newer(registry, 'old', 'new')).kept).toEqual(['new']);
    expect(registry.log.filter((line) => line.startsWith('OPEN'))).toEqual([]);
  });

  it('of the first image of an index, attestations aside', async () => {
    const registry = new MemoryRegistry();
    const platform = { os: 'linux', architecture: 'amd64' };
    const attestation = { ...addImage(registry, undefined, NEW), platform: { os: 'unknown', architecture: 'unknown' } };
    const [old, fresh] = [OLD, NEW].map((time) => ({ ...addImage(registry, undefined, time), platform }));
    registry.addIndex(NAME, 'old', [attestation, old ?? {}, fresh ?? {}]);
    registry.addIndex(NAME, 'new', [attestation, fresh ?? {}, old ?? {}]);
    registry.addIndex(NAME, 'annotated', [old ?? {}], { annotations: { [CREATED]: NEW } });
    expect((await newer(registry, 'old', 'new', 'annotated')).kept).toEqual(['new', 'annotated']);
  });
});

describe('images without a date are kept', () => {
  it.each([
    undefined,
    null,
    '',
    0,
    'yesterday',
    '0001-01-01T00:00:00Z',
    '1970-01-01T00:00:00Z',
    '1980-01-01T00:00:01Z',
    {},
  ])('such as %j', async (created) => {
    const registry = new MemoryRegistry();
    addImage(registry, 'odd', created);
    addImage(registry, 'old', OLD);
    const { kept, age } = await newer(registry, 'odd', 'old');
    expect(kept).toEqual(['odd']);
    expect(age).toMatchObject({ unknown: 1, example: `${NAME}:odd` });
  });

  it('also those with an empty index, a config that is no JSON or too large, or an unknown format', async () => {
    const registry = new MemoryRegistry();
    registry.addIndex(NAME, 'empty', []);
    const layers: object[] = [];
    const noJson = registry.addBlob(NAME, IMAGE_CONFIG, Buffer.from('{'));
    registry.addManifest(NAME, { config: noJson, layers }, MediaType.ociManifest, 'no-json');
    const large = { ...noJson, size: 1024 ** 3 };
    registry.addManifest(NAME, { config: large, layers }, MediaType.ociManifest, 'large');
    registry.addManifest(NAME, { schemaVersion: 1 }, MediaType.dockerSchema1, 'schema1');
    const { kept, age } = await newer(registry, 'empty', 'no-json', 'large', 'schema1');
    expect(kept).toEqual(['empty', 'no-json', 'large', 'schema1']);
    expect(age.unknown).toBe(4);
  });

  it('also one whose config is larger than its manifest says', async () => {
    const registry = new MemoryRegistry();
    addImage(registry, 'old', OLD);
    const age = new ImageAge(
      {
        head: registry.head.bind(registry),
        manifest: registry.manifest.bind(registry),
        blob: (_, { size }) => ({
          size,
          open: async () => {
            const { Readable } = await import('node:stream');
            return Readable.from(Array.from({ length: 100 }, () => Buffer.alloc(1024 * 1024, ' ')));
          },
        }),
      },
      limiter(1),
    );
    expect(await age.newerThan(REPOSITORY, ['old'], SINCE)).toEqual(['old']);
  });
});

it('tags that have gone since they were listed are left out', async () => {
  const registry = new MemoryRegistry();
  addImage(registry, 'new', NEW);
  expect((await newer(registry, 'gone', 'new')).kept).toEqual(['new']);
});

it('each manifest and config is read once', async () => {
  const registry = new MemoryRegistry();
  const { digest } = addImage(registry, 'v1.2.3', NEW);
  for (const tag of ['v1.2', 'v1', 'latest']) registry.tags.set(`${NAME}:${tag}`, digest);
  expect((await newer(registry, 'v1.2.3', 'v1.2', 'v1', 'latest')).kept).toHaveLength(4);
  expect(registry.log.filter((line) => line.startsWith('GET'))).toHaveLength(1);
  expect(registry.log.filter((line) => line.startsWith('OPEN'))).toHaveLength(1);
});

it('a registry that fails is an error, and no request follows it', async () => {
  const registry = new MemoryRegistry();
  for (const tag of ['a', 'b', 'c']) addImage(registry, tag, NEW, { tag });
  let requests = 0;
  const age = new ImageAge(
    {
      head: registry.head.bind(registry),
      blob: registry.blob.bind(registry),
      manifest: async () => {
        requests++;
        throw new AirgapError('network', 'no answer');
      },
    },
    limiter(1),
  );
  await expect(age.newerThan(REPOSITORY, ['a', 'b', 'c'], SINCE)).rejects.toMatchObject({ code: 'network' });
  const before = requests;
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(requests).toBe(before);
});
