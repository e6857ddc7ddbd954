import { createCipheriv, createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { digestOf } from '../../test/support/digest.ts';
import { tarHeader } from '../../test/support/tar.ts';
import type { ExpectedImage } from '../registry.ts';

/** Description of a layer: the same seed gives the same bytes. Size in bytes, uncompressed. */
type LayerSpec = readonly [seed: string, size: number];

/** Layers of an image by architecture, for linux. With several architectures it is an index. */
export type ImageSpec = Readonly<Record<string, readonly LayerSpec[]>>;

/** Content of the registry. */
export interface Workload {
  readonly images: readonly ExpectedImage[];
  /** Digests of manifests, configs and layers. */
  readonly digests: ReadonlySet<string>;
  /** Bytes of the layers, each counted once. */
  readonly bytes: number;
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

interface Layer {
  readonly descriptor: Descriptor;
  readonly diffId: string;
  /** Repository from which others mount it. */
  readonly repository: string;
}

const MB = 1024 * 1024;
const OCI = 'application/vnd.oci.image.';

/** Workloads by name: large shared layers, many small blobs, one large blob, several platforms. */
export function workloads(scale: number): Readonly<Record<'shared' | 'small' | 'large' | 'platforms', ImageSpec[]>> {
  const size = (megabytes: number): number => Math.round(megabytes * MB * scale);
  const times = <T>(count: number, make: (index: number) => T): T[] =>
    Array.from({ length: count }, (_, index) => make(index));
  let state = 42;
  /** 4 KB to 2 MB, reproducible (a linear congruential generator). */
  const smallSize = (): number => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return Math.round(4096 * 512 ** (state / 2 ** 31));
  };
  const base = times(20, (index): LayerSpec => [`base-${index}`, smallSize()]);
  return {
    shared: times(6, (index) => ({
      amd64: [
        ['base', size(100)],
        ['runtime', size(50)],
        [`application-${index}`, size(100)],
        [`settings-${index}`, size(25)],
      ],
    })),
    small: times(Math.ceil(80 * scale), (index) => ({
      amd64: [
        ...times(4, (layer) => base[(index * 3 + layer * 5) % base.length] as LayerSpec),
        ...times(8, (layer): LayerSpec => [`small-${index}-${layer}`, smallSize()]),
      ],
    })),
    large: [{ amd64: [['large', size(4096)]] }],
    platforms: times(8, (index) => {
      const layers = (arch: string): LayerSpec[] => [
        [`base-${arch}`, size(40)],
        ...times(2, (layer): LayerSpec => [`${arch}-${index}-${layer}`, size(40)]),
      ];
      return { amd64: layers('amd64'), arm64: layers('arm64') };
    }),
  };
}

/** Builds the images and pushes them to a registry without authentication, as `NAME/N:v1`. */
export async function putImages(host: string, name: string, images: readonly ImageSpec[]): Promise<Workload> {
  const layers = new Map<string, Layer>();
  const expected: ExpectedImage[] = [];
  const digests = new Set<string>();
  for (const [index, image] of images.entries()) {
    const repository = `${name}/${index}`;
    const children: object[] = [];
    const several = Object.keys(image).length > 1;
    let top = '';
    for (const [architecture, specs] of Object.entries(image)) {
      const parts: Layer[] = [];
      for (const [seed, size] of specs) {
        const layer = layers.get(seed);
        if (layer === undefined) layers.set(seed, await putLayer(host, repository, seed, size));
        else if (layer.repository !== repository) await mount(host, repository, layer);
        parts.push(layers.get(seed) as Layer);
      }
      const config = await putBytes(host, repository, {
        architecture,
        os: 'linux',
        config: { Labels: { name: repository } },
        rootfs: { type: 'layers', diff_ids: parts.map(({ diffId }) => diffId) },
        history: parts.map(() => ({ created_by: 'bench' })),
      });
      const manifest = { config, layers: parts.map(({ descriptor }) => descriptor) };
      const child = await putManifest(host, repository, 'manifest', manifest, several ? undefined : 'v1');
      children.push({ ...child, platform: { os: 'linux', architecture } });
      top = child.digest;
      for (const each of [child.digest, config.digest, ...manifest.layers.map(({ digest }) => digest)]) {
        digests.add(each);
      }
    }
    if (several) top = (await putManifest(host, repository, 'index', { manifests: children }, 'v1')).digest;
    expected.push({ repository, reference: 'v1', digest: top });
    digests.add(top);
  }
  const bytes = [...layers.values()].reduce((sum, { descriptor }) => sum + descriptor.size, 0);
  return { images: expected, digests, bytes };
}

/** Pushes a manifest by its tag, or by its digest if there is none. */
async function putManifest(
  host: string,
  repository: string,
  kind: 'manifest' | 'index',
  content: object,
  tag: string | undefined,
): Promise<Descriptor> {
  const mediaType = `${OCI}${kind}.v1+json`;
  const body = JSON.stringify({ schemaVersion: 2, mediaType, ...content });
  const digest = digestOf(body);
  const headers = { 'content-type': mediaType };
  await send(host, `${repository}/manifests/${tag ?? digest}`, { method: 'PUT', body, headers });
  return { mediaType, digest, size: Buffer.byteLength(body) };
}

/** Uploads a layer while generating it: an uncompressed gzip of a tar; hashes both. */
async function putLayer(host: string, repository: string, seed: string, size: number): Promise<Layer> {
  const inner = createHash('sha256');
  const outer = createHash('sha256');
  let bytes = 0;
  async function* packed(): AsyncGenerator<Uint8Array> {
    const tar = Readable.from(counted(tarOf(seed, size), inner), { objectMode: false });
    for await (const chunk of tar.pipe(createGzip({ level: 0, chunkSize: MB / 4 })) as AsyncIterable<Uint8Array>) {
      outer.update(chunk);
      bytes += chunk.length;
      yield chunk;
    }
  }
  const start = await send(host, `${repository}/blobs/uploads/`, { method: 'POST' });
  const sent = await send(host, location(start), { method: 'PATCH', body: Readable.from(packed()), duplex: 'half' });
  const digest = `sha256:${outer.digest('hex')}`;
  await send(host, `${location(sent)}&digest=${digest}`, { method: 'PUT' });
  const descriptor = { mediaType: `${OCI}layer.v1.tar+gzip`, digest, size: bytes };
  return { descriptor, diffId: `sha256:${inner.digest('hex')}`, repository };
}

async function mount(host: string, repository: string, { descriptor, repository: from }: Layer): Promise<void> {
  await send(host, `${repository}/blobs/uploads/?mount=${descriptor.digest}&from=${from}`, { method: 'POST' });
}

async function putBytes(host: string, repository: string, value: object): Promise<Descriptor> {
  const body = JSON.stringify(value);
  const digest = digestOf(body);
  const start = await send(host, `${repository}/blobs/uploads/`, { method: 'POST' });
  await send(host, `${location(start)}&digest=${digest}`, { method: 'PUT', body });
  return { mediaType: `${OCI}config.v1+json`, digest, size: Buffer.byteLength(body) };
}

/** distribution's upload locations are absolute and have a query. */
function location(response: Response): string {
  return response.headers.get('location') as string;
}

async function send(host: string, path: string, init: object): Promise<Response> {
  const response = await fetch(new URL(path, `http://${host}/v2/`), init as RequestInit);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  await response.arrayBuffer();
  return response;
}

function* counted(chunks: Iterable<Uint8Array>, hash: ReturnType<typeof createHash>): Generator<Uint8Array> {
  for (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
}

/** Generates a tar with one file of incompressible noise (AES in counter mode). */
function* tarOf(seed: string, size: number): Generator<Uint8Array> {
  yield tarHeader({ path: `data/${seed}`, size });
  const key = createHash('sha256').update(seed).digest();
  const noise = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  const zeros = Buffer.alloc(MB);
  for (let left = size; left > 0; left -= MB) yield noise.update(zeros.subarray(0, Math.min(left, MB)));
  yield Buffer.alloc(((512 - (size % 512)) % 512) + 1024);
}
