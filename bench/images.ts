import { createCipheriv, createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';

/** What a layer is made from: the same seed gives the same bytes. Size in bytes before packing. */
export type LayerSpec = readonly [seed: string, size: number];

/** Everything that was put into the registry. */
export interface Workload {
  /** `HOST/repository:tag`. */
  readonly references: readonly string[];
  /** Manifest digest by reference. */
  readonly manifests: ReadonlyMap<string, string>;
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
  /** The repository from which others mount it. */
  readonly repository: string;
}

const MB = 1024 * 1024;
const OCI = 'application/vnd.oci.image.';

/** Six images of 275 MB that share their two lower layers: 0.9 GB unique. `scale` makes them smaller. */
export function sharedImages(scale: number): LayerSpec[][] {
  const size = (megabytes: number): number => Math.round(megabytes * MB * scale);
  return [0, 1, 2, 3, 4, 5].map((at) => [
    ['base', size(100)],
    ['runtime', size(50)],
    [`application-${at}`, size(100)],
    [`settings-${at}`, size(25)],
  ]);
}

/** Makes the images and puts them into an open registry, as `NAME/N:v1`. */
export async function putImages(host: string, name: string, images: readonly LayerSpec[][]): Promise<Workload> {
  const layers = new Map<string, Layer>();
  const manifests = new Map<string, string>();
  const digests = new Set<string>();
  for (const [at, specs] of images.entries()) {
    const repository = `${name}/${at}`;
    const parts: Layer[] = [];
    for (const [seed, size] of specs) {
      const layer = layers.get(seed);
      if (layer === undefined) layers.set(seed, await putLayer(host, repository, seed, size));
      else await mount(host, repository, layer);
      parts.push(layers.get(seed) as Layer);
    }
    const config = await putBytes(host, repository, {
      architecture: 'amd64',
      os: 'linux',
      config: { Labels: { name: repository } },
      rootfs: { type: 'layers', diff_ids: parts.map(({ diffId }) => diffId) },
      history: parts.map(() => ({ created_by: 'bench' })),
    });
    const mediaType = `${OCI}manifest.v1+json`;
    const manifest = { schemaVersion: 2, mediaType, config, layers: parts.map(({ descriptor }) => descriptor) };
    const body = JSON.stringify(manifest);
    await send(host, `${repository}/manifests/v1`, { method: 'PUT', body, headers: { 'content-type': mediaType } });
    const digest = `sha256:${createHash('sha256').update(body).digest('hex')}`;
    manifests.set(`${host}/${repository}:v1`, digest);
    for (const each of [digest, config.digest, ...manifest.layers.map((layer) => layer.digest)]) digests.add(each);
  }
  const bytes = [...layers.values()].reduce((sum, { descriptor }) => sum + descriptor.size, 0);
  return { references: [...manifests.keys()], manifests, digests, bytes };
}

/** Sends one layer as it is made: a gzip of stored blocks around a tar, hashed inside and outside. */
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
  const digest = `sha256:${createHash('sha256').update(body).digest('hex')}`;
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

/** A tar with one file of noise (AES in counter mode), which nothing can compress. */
function* tarOf(seed: string, size: number): Generator<Uint8Array> {
  const header = Buffer.alloc(512);
  const field = (text: string, at: number): number => header.write(text, at, 'latin1');
  field(`data/${seed}`, 0);
  field('0000644\0', 100);
  field('0000000\0', 108);
  field('0000000\0', 116);
  field(`${size.toString(8).padStart(11, '0')}\0`, 124);
  field('00000000000\0', 136);
  field('        ', 148);
  field('0', 156);
  field('ustar\x0000', 257);
  const sum = header.reduce((all, byte) => all + byte);
  field(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  yield header;
  const key = createHash('sha256').update(seed).digest();
  const noise = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  const zeros = Buffer.alloc(MB);
  for (let left = size; left > 0; left -= MB) yield noise.update(zeros.subarray(0, Math.min(left, MB)));
  yield Buffer.alloc(((512 - (size % 512)) % 512) + 1024);
}
