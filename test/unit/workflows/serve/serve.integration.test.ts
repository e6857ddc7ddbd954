import { once } from 'node:events';
import { appendFileSync, renameSync, rmSync, truncateSync, utimesSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ignoreEvents } from '../../../../src/base/events.ts';
import { parseTarget } from '../../../../src/naming/naming.ts';
import { Logins, parseHtpasswd } from '../../../../src/serve/htpasswd.ts';
import { type ServeOptions, type Serving, serve } from '../../../../src/workflows/serve/serve.ts';
import { basicOf } from '../../../support/basic.ts';
import { graphOf, registry, write } from '../../../support/bundles.ts';
import { digestOf } from '../../../support/digest.ts';
import { type MemoryRegistry, noise } from '../../../support/memory-registry.ts';
import { scratchFolder } from '../../../support/scratch.ts';

interface Started extends Serving {
  readonly file: string;
  readonly port: number;
  readonly ended: Promise<unknown>;
  stop(): void;
}

/** Serves the bundle of test/support/bundles.ts. `ended` has the error, or undefined. */
async function start(
  options: Partial<ServeOptions> = {},
  content: Parameters<typeof write>[2] & { readonly source?: MemoryRegistry } = {},
): Promise<Started> {
  const folder = scratchFolder();
  const file = join(folder, 'a.tar');
  await write(file, content.source ?? registry(), content);
  const abort = new AbortController();
  onTestFinished(() => abort.abort());
  const { promise: listening, resolve } = Promise.withResolvers<Serving>();
  const ended = serve(
    { env: {}, cwd: folder, emit: ignoreEvents, signal: abort.signal },
    {
      files: [file],
      target: parseTarget('localhost:5000', 'host-path'),
      listen: { host: '127.0.0.1', port: 0 },
      concurrency: 4,
      ...options,
    },
    async (serving) => resolve(serving),
  ).then(
    () => undefined,
    (error: unknown) => error,
  );
  const serving = await Promise.race([listening, ended.then((error) => Promise.reject(error))]);
  return { ...serving, file, port: Number(new URL(serving.url).port), ended, stop: () => abort.abort() };
}

/** Returns the answer to raw bytes, until the server closes the connection. */
async function raw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1');
  let answer = '';
  socket.on('data', (chunk: string) => {
    answer += chunk;
  });
  socket.on('error', () => {});
  socket.write(text);
  await new Promise((resolve) => socket.on('close', resolve));
  return answer;
}

async function layerOf(url: string, name: string, tag: string): Promise<{ digest: string; size: number }> {
  const manifest = (await (await fetch(`${url}/v2/${name}/manifests/${tag}`)).json()) as {
    layers: { digest: string; size: number }[];
  };
  return manifest.layers[0] as { digest: string; size: number };
}

test('manifests and blobs have the headers of the specification, and blobs have ranges', async () => {
  const { url, stop, ended } = await start();
  const manifest = await fetch(`${url}/v2/quay.io/multi/manifests/3`);
  const bytes = new Uint8Array(await manifest.arrayBuffer());
  const digest = digestOf(Buffer.from(bytes));
  expect(Object.fromEntries(manifest.headers)).toMatchObject({
    'content-type': 'application/vnd.oci.image.index.v1+json',
    'docker-content-digest': digest,
    'content-length': String(bytes.length),
  });
  const unchanged = await fetch(`${url}/v2/quay.io/multi/manifests/${digest}`, {
    headers: { 'If-None-Match': `"${digest}"` },
  });
  expect(unchanged.status).toBe(304);
  const layer = await layerOf(url, 'quay.io/a', '1');
  const blob = `${url}/v2/quay.io/a/blobs/${layer.digest}`;
  const whole = Buffer.from(await (await fetch(blob)).arrayBuffer());
  expect(digestOf(whole)).toBe(layer.digest);
  const head = await fetch(blob, { method: 'HEAD' });
  expect([head.status, head.headers.get('content-length')]).toEqual([200, String(layer.size)]);
  const part = await fetch(blob, { headers: { Range: 'bytes=100-199' } });
  expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 100-199/${layer.size}`]);
  expect(Buffer.from(await part.arrayBuffer()).equals(whole.subarray(100, 200))).toBe(true);
  const none = await fetch(blob, { headers: { Range: `bytes=${layer.size}-` } });
  expect([none.status, none.headers.get('content-range')]).toEqual([416, `bytes */${layer.size}`]);
  // A blob of the bundle that another repository has.
  const elsewhere = await layerOf(url, 'docker.io/library/b', '2');
  const other = (await (await fetch(`${url}/v2/quay.io/a/manifests/1`)).json()) as { config: { digest: string } };
  expect((await fetch(`${url}/v2/docker.io/library/b/blobs/${other.config.digest}`)).status).toBe(404);
  expect(elsewhere.digest).toBe(layer.digest);
  stop();
  expect(await ended).toBeUndefined();
});

test('everything that would write is refused', async () => {
  const { url } = await start();
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
    const body = method === 'PUT' ? 'x'.repeat(1000) : undefined;
    const answer = await fetch(`${url}/v2/quay.io/a/manifests/1`, { method, ...(body && { body }) });
    expect(answer.status, method).toBe(405);
    expect(await answer.json()).toMatchObject({ errors: [{ code: 'UNSUPPORTED' }] });
  }
});

test('hostile requests get an answer or the end of their connection, and the others theirs', async () => {
  const { url, port } = await start();
  expect(await raw(port, 'nonsense\r\n\r\n')).toMatch(/^HTTP\/1\.1 400/);
  expect(await raw(port, `GET /v2/ HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`)).toMatch(
    /^HTTP\/1\.1 431/,
  );
  expect(await raw(port, 'GET /v2/../../etc/passwd HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 404/);
  expect(await raw(port, 'GET /v2/a\x00/manifests/1 HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 400/);
  const { digest } = await layerOf(url, 'quay.io/a', '1');
  const pipelined = `GET /v2/quay.io/a/blobs/${digest} HTTP/1.1\r\nHost: a\r\n\r\n`.repeat(200);
  expect((await raw(port, pipelined)).match(/200 OK/g) ?? []).not.toHaveLength(200);
  const halfOpen: Socket[] = Array.from({ length: 50 }, () => connect(port, '127.0.0.1').on('error', () => {}));
  for (const socket of halfOpen) socket.write(`GET /v2/quay.io/a/blobs/${digest} HTTP/1.1\r\nHost: a\r\n\r\n`);
  await Promise.all(halfOpen.slice(0, 25).map((socket) => new Promise((resolve) => socket.once('data', resolve))));
  for (const socket of halfOpen) socket.resetAndDestroy();
  expect((await fetch(`${url}/v2/`)).status).toBe(200);
});

test('one host cannot take all connections', async () => {
  const { port } = await start();
  const from = (localAddress: string): Socket =>
    connect({ port, host: '127.0.0.1', localAddress }).on('error', () => {});
  const silent = Array.from({ length: 512 }, () => from('127.0.0.1'));
  onTestFinished(() => {
    for (const socket of silent) socket.destroy();
  });
  await Promise.all(silent.map((socket) => once(socket, 'connect')));
  const more = from('127.0.0.1');
  await new Promise((resolve) => more.on('close', resolve));
  const other = from('127.0.0.2').setEncoding('latin1');
  other.write('GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n');
  expect((await once(other, 'data'))[0]).toMatch(/^HTTP\/1\.1 200/);
  other.destroy();
});

test('a login is needed', async () => {
  const hash = '$2y$04$1fHUL5gCsLFLv12UKxer0OdV6vqkJbFB8jHQCyvvU378Phn4rupra';
  const { url } = await start({ logins: new Logins(parseHtpasswd(`ann:${hash}`, 'users')) });
  for (const path of ['', '_catalog', 'quay.io/a/manifests/1', 'nothing/tags/list']) {
    const refused = await fetch(`${url}/v2/${path}`);
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringMatching(/^Basic realm=/),
    ]);
    const wrong = await fetch(`${url}/v2/${path}`, { headers: { Authorization: basicOf('ann:wrong') } });
    expect(wrong.status).toBe(401);
  }
  expect((await fetch(`${url}/v2/`, { headers: { Authorization: basicOf('ann:secret') } })).status).toBe(200);
});

test.each([
  ['is longer', (file: string) => appendFileSync(file, 'x')],
  ['is shorter', (file: string) => truncateSync(file, 1000)],
  ['is another file', (file: string) => renameSync(join(file, '../b.tar'), file)],
  ['was written again', (file: string) => utimesSync(file, 1, 1)],
  ['is gone', (file: string) => rmSync(file)],
])('a bundle that %s ends it', async (_, change) => {
  const { file, ended, url } = await start();
  await write(join(file, '../b.tar'), registry());
  change(file);
  expect(await ended).toMatchObject({ code: 'file', message: expect.stringContaining(file) });
  await expect(fetch(`${url}/v2/`)).rejects.toThrow();
});

test('an interrupt lets running answers end, and refuses new connections', async () => {
  const source = registry();
  source.addImage('quay.io/big', '1', [noise('big', 20_000_000)]);
  const { url, stop, ended, port } = await start({}, { graph: await graphOf(source, ['quay.io/big:1']), source });
  const { digest, size } = await layerOf(url, 'quay.io/big', '1');
  const socket = connect(port, '127.0.0.1');
  let bytes = 0;
  socket.on('data', (chunk) => {
    bytes += chunk.length;
  });
  socket.write(`GET /v2/quay.io/big/blobs/${digest} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  await once(socket, 'data');
  socket.pause();
  stop();
  await expect(fetch(`${url}/v2/`, { headers: { Connection: 'close' } })).rejects.toThrow();
  socket.resume();
  await once(socket, 'close');
  expect(bytes).toBeGreaterThan(size);
  expect(await ended).toBeUndefined();
});
