import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { AirgapEvent } from '../../../src/base/events.ts';
import { acquireBuffer } from '../../../src/oci/buffer-pool.ts';
import { MediaType } from '../../../src/oci/descriptor.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import type { RegistryClient } from '../../../src/registry/client.ts';
import { descriptorOf } from '../../support/descriptor.ts';
import { noise } from '../../support/memory-registry.ts';
import { type ClientSetUp, clientFor } from '../../support/registry-client.ts';
import { type ScriptedServer, type Step, startScript } from '../../support/scripted-server.ts';

const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

async function setUp(
  steps: Step[],
  options: ClientSetUp = {},
): Promise<{ server: ScriptedServer; client: RegistryClient }> {
  const server = await startScript(steps);
  const client = clientFor([server.host], options);
  cleanup.push(
    () => server.stop(),
    () => client.close(),
  );
  return { server, client };
}

const layer = Buffer.from('0123456789');
const blob = descriptorOf(layer);
const body = { size: layer.length, open: async () => Readable.from([layer.subarray(0, 4), layer.subarray(4)]) };
const START = 'POST /v2/a/b/blobs/uploads/';
const HEAD = `HEAD /v2/a/b/blobs/${blob.digest}`;
const DIGEST = encodeURIComponent(blob.digest);
const accepted = (location: string) => ({ status: 202, headers: { location } });
const error = (code: string, message: string): string => JSON.stringify({ errors: [{ code, message }] });

describe('an upload', () => {
  it.each([
    ['relative', () => '/up/1', `PUT /up/1?digest=${DIGEST}`],
    ['relative with a query', () => '/up/1?_state=a%2Bb%3D&x=y', `PUT /up/1?_state=a%2Bb%3D&x=y&digest=${DIGEST}`],
    ['absolute', (host: string) => `http://${host}/up/1?s=1`, `PUT /up/1?s=1&digest=${DIGEST}`],
  ])('is a single PUT to a location that is %s', async (_name, location, put) => {
    const { server, client } = await setUp([
      { expect: START, answer: (_request, host) => accepted(location(host)) },
      { expect: put, answer: { status: 201, headers: { 'docker-content-digest': blob.digest } } },
    ]);
    expect(await client.putBlob({ registry: server.host, path: 'a/b' }, blob, body)).toBe('stored');
    expect(server.seen[0]?.headers['content-length']).toBe('0');
    expect(server.seen[1]?.body.toString()).toBe(layer.toString());
    expect(server.seen[1]?.headers).toMatchObject({
      'content-length': '10',
      'content-type': 'application/octet-stream',
    });
    expect(server.seen[1]?.headers['transfer-encoding']).toBeUndefined();
  });

  it('releases a chunk after the connection has sent it, not before', async () => {
    // More than a connection's buffers hold, read slowly: a chunk released too early would arrive as zeros.
    const piece = 256 * 1024;
    const content = noise('slow', 48 * piece + 1);
    const large = descriptorOf(content);
    let back = 0;
    async function* pieces() {
      for (let position = 0; position < content.length; position += piece) {
        const chunk = Uint8Array.from(content.subarray(position, position + piece));
        acquireBuffer(chunk, () => {
          back++;
          chunk.fill(0);
        });
        yield chunk;
      }
    }
    const arrived: Buffer[] = [];
    const server = createServer(async (request, response) => {
      if (request.method === 'POST') return response.writeHead(202, { location: '/up' }).end();
      for await (const chunk of request) {
        arrived.push(chunk);
        if (arrived.length % 20 === 1) await sleep(5);
      }
      return response.writeHead(201).end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanup.push(async () => server.close());
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const client = clientFor([host]);
    cleanup.push(() => client.close());
    const open = async (): Promise<Readable> => Readable.from(pieces(), { objectMode: false });
    await client.putBlob({ registry: host, path: 'a/b' }, large, { size: large.size, open });
    expect(Buffer.concat(arrived).equals(content)).toBe(true);
    expect(back).toBeGreaterThan(40);
  });

  it('that is cut off is retried in a new session, after a check whether it succeeded', async () => {
    const events: AirgapEvent[] = [];
    const { server, client } = await setUp(
      [
        { expect: START, answer: accepted('/up/1') },
        { expect: `PUT /up/1?digest=${DIGEST}`, answer: 'reset' },
        { expect: HEAD, answer: { status: 404 } },
        { expect: START, answer: accepted('/up/2') },
        { expect: `PUT /up/2?digest=${DIGEST}`, answer: { status: 503 } },
        { expect: HEAD, answer: { status: 200 } },
      ],
      { emit: (event) => events.push(event) },
    );
    expect(await client.putBlob({ registry: server.host, path: 'a/b' }, blob, body)).toBe('stored');
    expect(events).toMatchObject([
      { type: 'retry', attempt: 1, reason: expect.stringContaining(server.host) },
      { type: 'retry', attempt: 2, reason: expect.stringContaining('503') },
    ]);
  });

  it('whose session is lost is retried', async () => {
    const { server, client } = await setUp([
      { expect: START, answer: accepted('/up/1') },
      { expect: /^PUT \/up\/1/, answer: { status: 404, body: error('BLOB_UPLOAD_UNKNOWN', 'blob upload unknown') } },
      { expect: HEAD, answer: { status: 404 } },
      { expect: START, answer: accepted('/up/2') },
      { expect: /^PUT \/up\/2/, answer: { status: 201 } },
    ]);
    expect(await client.putBlob({ registry: server.host, path: 'a/b' }, blob, body)).toBe('stored');
  });

  it('whose sessions are always lost is not reported as a missing repository', async () => {
    const lost = { status: 404, body: error('BLOB_UPLOAD_UNKNOWN', 'blob upload unknown') };
    const attempt = (path: string): Step[] => [
      { expect: START, answer: accepted(path) },
      { expect: `PUT ${path}?digest=${encodeURIComponent(blob.digest)}`, answer: lost },
    ];
    const missing: Step = { expect: HEAD, answer: { status: 404 } };
    const { server, client } = await setUp([
      ...attempt('/up/1'),
      missing,
      ...attempt('/up/2'),
      missing,
      ...attempt('/up/3'),
    ]);
    await expect(client.putBlob({ registry: server.host, path: 'a/b' }, blob, body)).rejects.toMatchObject({
      code: 'registry',
      message: expect.stringContaining('BLOB_UPLOAD_UNKNOWN'),
    });
  });

  it('that the registry rejects early is reported with its error text, and the rest is not sent', async () => {
    const big = Buffer.alloc(20_000_000);
    let read = 0;
    const { server, client } = await setUp([
      { expect: START, answer: accepted('/up/1') },
      { expect: /^PUT/, early: true, answer: { status: 413, body: error('SIZE_INVALID', 'layer too large') } },
    ]);
    const source = {
      size: big.length,
      open: async () =>
        Readable.from(
          (function* () {
            for (; read < big.length; read += 1_000_000) yield big.subarray(read, read + 1_000_000);
          })(),
        ),
    };
    const put = client.putBlob({ registry: server.host, path: 'a/b' }, descriptorOf(big), source);
    await expect(put).rejects.toMatchObject({
      code: 'registry',
      message: expect.stringContaining('413 (SIZE_INVALID: layer too large)'),
    });
    expect(read).toBeLessThan(big.length);
  });

  it('to a missing repository has a hint', async () => {
    const message = "The repository with name 'a/b' does not exist in the registry with id '123456789012'";
    const { server, client } = await setUp([
      { expect: START, answer: { status: 404, body: error('NAME_UNKNOWN', message) } },
    ]);
    const put = client.putBlob({ registry: server.host, path: 'a/b' }, blob, body);
    await expect(put).rejects.toMatchObject({
      message: expect.stringContaining(message),
      hint: expect.stringContaining('ECR'),
    });
  });

  it('to a location at another host sends no credentials there', async () => {
    const otherHost = await startScript([{ expect: `PUT /up/1?digest=${DIGEST}`, answer: { status: 201 } }]);
    const server = await startScript([
      { expect: START, answer: { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } } },
      { expect: START, answer: accepted(`http://${otherHost.host}/up/1`) },
    ]);
    const keychain = { lookup: async () => ({ kind: 'basic', username: 'user', password: 'geheim123' }) as const };
    const client = clientFor([server.host, otherHost.host], { keychain });
    cleanup.push(
      () => server.stop(),
      () => otherHost.stop(),
      () => client.close(),
    );
    expect(await client.putBlob({ registry: server.host, path: 'a/b' }, blob, body)).toBe('stored');
    expect(server.seen[1]?.headers.authorization).toMatch(/^Basic /);
    expect(otherHost.seen[0]?.headers.authorization).toBeUndefined();
  });
});

describe('a mount', () => {
  const MOUNT = `POST /v2/a/b/blobs/uploads/?mount=${blob.digest}&from=c/d`;

  it('that succeeds needs no body', async () => {
    const { server, client } = await setUp([{ expect: MOUNT, answer: { status: 201 } }]);
    const unread = { size: layer.length, open: () => Promise.reject(new Error('not to be read')) };
    const mountFrom = { registry: server.host, path: 'c/d' };
    const put = client.putBlob({ registry: server.host, path: 'a/b' }, blob, unread, { mountFrom });
    expect(await put).toBe('mounted');
  });

  it('that is not made is an upload in the session that was opened instead', async () => {
    const { server, client } = await setUp([
      { expect: MOUNT, answer: accepted('/up/1') },
      { expect: HEAD, answer: { status: 404 } },
      { expect: `PUT /up/1?digest=${DIGEST}`, answer: { status: 201 } },
    ]);
    const mountFrom = { registry: server.host, path: 'c/d' };
    expect(await client.putBlob({ registry: server.host, path: 'a/b' }, blob, body, { mountFrom })).toBe('stored');
  });

  it('that is denied is an upload', async () => {
    const { server, client } = await setUp([
      { expect: MOUNT, answer: { status: 403, body: error('DENIED', 'no access to c/d') } },
      { expect: START, answer: accepted('/up/1') },
      { expect: `PUT /up/1?digest=${DIGEST}`, answer: { status: 201 } },
    ]);
    const mountFrom = { registry: server.host, path: 'c/d' };
    expect(await client.putBlob({ registry: server.host, path: 'a/b' }, blob, body, { mountFrom })).toBe('stored');
  });

  it('requests pull access to the other repository, too', async () => {
    const { server, client } = await setUp([
      {
        expect: MOUNT,
        answer: (_request, host) => ({
          status: 401,
          headers: { 'www-authenticate': `Bearer realm="http://${host}/token"` },
        }),
      },
      {
        expect: 'GET /token?scope=repository%3Aa%2Fb%3Apull%2Cpush&scope=repository%3Ac%2Fd%3Apull',
        answer: { body: '{"token":"t-1"}' },
      },
      { expect: MOUNT, answer: { status: 201 } },
    ]);
    const mountFrom = { registry: server.host, path: 'c/d' };
    expect(await client.putBlob({ registry: server.host, path: 'a/b' }, blob, body, { mountFrom })).toBe('mounted');
  });

  it('is an upload if the token server gives no token for the other repository', async () => {
    const challenge = (_request: unknown, host: string) => ({
      status: 401,
      headers: { 'www-authenticate': `Bearer realm="http://${host}/token"` },
    });
    const { server, client } = await setUp([
      { expect: MOUNT, answer: challenge },
      {
        expect: 'GET /token?scope=repository%3Aa%2Fb%3Apull%2Cpush&scope=repository%3Ac%2Fd%3Apull',
        answer: { status: 403, body: '{"details":"no access to c/d"}' },
      },
      { expect: 'GET /token?scope=repository%3Aa%2Fb%3Apull%2Cpush', answer: { body: '{"token":"t-1"}' } },
      { expect: START, answer: accepted('/up/1') },
      { expect: `PUT /up/1?digest=${DIGEST}`, answer: { status: 201 } },
    ]);
    const mountFrom = { registry: server.host, path: 'c/d' };
    expect(await client.putBlob({ registry: server.host, path: 'a/b' }, blob, body, { mountFrom })).toBe('stored');
  });
});

describe('a manifest upload', () => {
  const bytes = Buffer.from('{"schemaVersion":2}');
  const digest = digestOf(bytes);
  const content = { bytes, descriptor: { mediaType: MediaType.ociManifest, digest, size: bytes.length } };
  const PUT = 'PUT /v2/a/b/manifests/v1';
  const CHECK = 'HEAD /v2/a/b/manifests/v1';
  const immutable = {
    status: 400,
    body: error('TAG_INVALID', "The image tag 'v1' already exists in the 'a/b' repository and cannot be overwritten"),
  };
  const has = (existing: string) => ({
    headers: { 'content-type': MediaType.ociManifest, 'docker-content-digest': existing, 'content-length': '19' },
  });

  it('leaves bytes and media type unchanged', async () => {
    const { server, client } = await setUp([{ expect: PUT, answer: { status: 201 } }]);
    await client.putManifest({ registry: server.host, path: 'a/b' }, content, 'v1');
    expect(server.seen[0]?.body).toEqual(bytes);
    expect(server.seen[0]?.headers['content-type']).toBe(MediaType.ociManifest);
  });

  it('to an immutable tag succeeds when the tag already points to it', async () => {
    const { server, client } = await setUp([
      { expect: PUT, answer: immutable },
      { expect: CHECK, answer: has(digest) },
    ]);
    await client.putManifest({ registry: server.host, path: 'a/b' }, content, 'v1');
  });

  it('to an immutable tag that points to another manifest is an error with both digests', async () => {
    const other = digestOf(Buffer.from('other'));
    const { server, client } = await setUp([
      { expect: PUT, answer: immutable },
      { expect: CHECK, answer: has(other) },
    ]);
    const put = client.putManifest({ registry: server.host, path: 'a/b' }, content, 'v1');
    await expect(put).rejects.toMatchObject({
      code: 'tag-conflict',
      message: expect.stringMatching(new RegExp(`immutable.*${other}.*${digest}`)),
    });
  });

  it('is retried when the registry stored another digest, since a tag may point to it', async () => {
    const headers = { 'docker-content-digest': digestOf(Buffer.from('other')) };
    const { client, server } = await setUp([
      { expect: PUT, answer: { status: 201, headers } },
      { expect: PUT, answer: { status: 201, headers: { 'docker-content-digest': digest } } },
    ]);
    await client.putManifest({ registry: server.host, path: 'a/b' }, content, 'v1');
  });

  it('is an error when the registry always stores another digest', async () => {
    const headers = { 'docker-content-digest': digestOf(Buffer.from('other')) };
    const other = { expect: PUT, answer: { status: 201, headers } };
    const { server, client } = await setUp([other, other, other]);
    const put = client.putManifest({ registry: server.host, path: 'a/b' }, content, 'v1');
    await expect(put).rejects.toMatchObject({ code: 'digest-mismatch' });
  });

  // Response of distribution while another client commits a blob of the manifest.
  const unreadable = { expect: PUT, answer: { status: 400, body: error('DIGEST_INVALID', 'did not match') } };

  it('is retried when the registry temporarily cannot verify its digests', async () => {
    const { server, client } = await setUp([unreadable, unreadable, { expect: PUT, answer: { status: 201 } }]);
    await client.putManifest({ registry: server.host, path: 'a/b' }, content, 'v1');
  });

  it('is an error with the text of the registry when it never can', async () => {
    const { server, client } = await setUp([unreadable, unreadable, unreadable]);
    const put = client.putManifest({ registry: server.host, path: 'a/b' }, content, 'v1');
    await expect(put).rejects.toMatchObject({ code: 'registry', message: expect.stringContaining('DIGEST_INVALID') });
  });

  it('that is rejected is reported with the text of the registry', async () => {
    const answer = { status: 405, body: error('UNSUPPORTED', "Invalid parameter at 'ImageManifest'") };
    const { server, client } = await setUp([{ expect: PUT, answer }]);
    const put = client.putManifest({ registry: server.host, path: 'a/b' }, content, 'v1');
    await expect(put).rejects.toThrow("405 (UNSUPPORTED: Invalid parameter at 'ImageManifest')");
  });
});
