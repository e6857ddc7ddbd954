import type { ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import type { Keychain } from '../../../src/auth/keychain.ts';
import type { AirgapEvent } from '../../../src/base/events.ts';
import { MediaType } from '../../../src/oci/descriptor.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import type { RegistryClient } from '../../../src/registry/client.ts';
import { basicOf } from '../../support/basic.ts';
import { descriptorOf } from '../../support/descriptor.ts';
import { type ClientSetUp, clientFor } from '../../support/registry-client.ts';
import { type Answer, type ScriptedServer, type Step, startScript } from '../../support/scripted-server.ts';

const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

async function script(...steps: Step[]): Promise<ScriptedServer> {
  const server = await startScript(steps);
  cleanup.push(() => server.stop());
  return server;
}

function client(servers: readonly ScriptedServer[], options: ClientSetUp = {}): RegistryClient {
  const made = clientFor(
    servers.map(({ host }) => host),
    options,
  );
  cleanup.push(() => made.close());
  return made;
}

const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, config: {}, layers: [] }));
const digest = digestOf(bytes);
const served: Answer = {
  headers: { 'content-type': MediaType.ociManifest, 'docker-content-digest': digest },
  body: bytes,
};
const MANIFEST = 'GET /v2/a/b/manifests/v1';
const layer = Buffer.from('0123456789');
const blob = descriptorOf(layer);
const BLOB = `GET /v2/a/b/blobs/${blob.digest}`;
const error = (code: string, message: string): string => JSON.stringify({ errors: [{ code, message }] });

describe('a manifest', () => {
  it('is fetched with the token of the challenge, which is reused for the next one', async () => {
    const basic: Keychain = { lookup: async () => ({ kind: 'basic', username: 'user', password: 'geheim123' }) };
    const server = await script(
      {
        expect: MANIFEST,
        answer: (_request, host) => ({
          status: 401,
          headers: {
            'www-authenticate': `Bearer realm="http://${host}/token",service="s",scope="repository:a/b:pull"`,
          },
        }),
      },
      { expect: 'GET /token?service=s&scope=repository%3Aa%2Fb%3Apull', answer: { body: '{"token":"tok-1"}' } },
      { expect: MANIFEST, answer: served },
      { expect: 'GET /v2/a/b/manifests/v2', answer: served },
    );
    const made = client([server], { keychain: basic });
    await made.manifest({ registry: server.host, path: 'a/b' }, 'v1');
    await made.manifest({ registry: server.host, path: 'a/b' }, 'v2');
    const sent = server.seen.map(({ headers }) => headers.authorization);
    const credentials = basicOf('user:geheim123');
    expect(sent).toEqual([undefined, credentials, 'Bearer tok-1', 'Bearer tok-1']);
  });

  it('is fetched with a new token when the old one is rejected, at most twice', async () => {
    const challenge = (_request: unknown, host: string): Answer => ({
      status: 401,
      headers: { 'www-authenticate': `Bearer realm="http://${host}/token",service="s"` },
      body: error('UNAUTHORIZED', 'authentication required'),
    });
    const server = await script(
      { expect: MANIFEST, answer: challenge },
      { expect: /token/, answer: { body: '{"token":"tok-1","expires_in":3600}' } },
      { expect: MANIFEST, answer: served },
      { expect: MANIFEST, answer: challenge },
      { expect: /token/, answer: { body: '{"token":"tok-2","expires_in":3600}' } },
      { expect: MANIFEST, answer: challenge },
      { expect: /token/, answer: { body: '{"token":"tok-3","expires_in":3600}' } },
      { expect: MANIFEST, answer: challenge },
    );
    const made = client([server]);
    const repository = { registry: server.host, path: 'a/b' };
    await made.manifest(repository, 'v1');
    await expect(made.manifest(repository, 'v1')).rejects.toMatchObject({
      code: 'unauthorized',
      message: expect.stringContaining('UNAUTHORIZED: authentication required'),
    });
    expect(server.seen.at(-1)?.headers.authorization).toBe('Bearer tok-3');
  });

  it('is fetched although the first token has expired on arrival', async () => {
    const challenge = (_request: unknown, host: string): Answer => ({
      status: 401,
      headers: { 'www-authenticate': `Bearer realm="http://${host}/token"` },
    });
    const server = await script(
      { expect: MANIFEST, answer: challenge },
      { expect: /token/, answer: { body: '{"token":"tok-1"}' } },
      { expect: MANIFEST, answer: challenge },
      { expect: /token/, answer: { body: '{"token":"tok-2"}' } },
      { expect: MANIFEST, answer: served },
    );
    await client([server]).manifest({ registry: server.host, path: 'a/b' }, 'v1');
    expect(server.seen.at(-1)?.headers.authorization).toBe('Bearer tok-2');
  });

  it.each([
    ['truncated', '{"token":"tok-'],
    ['without the token', '{"tokem":"tok-1"}'],
  ])('is fetched although the first token response was %s', async (_how, damaged) => {
    const server = await script(
      {
        expect: MANIFEST,
        answer: (_request, host) => ({
          status: 401,
          headers: { 'www-authenticate': `Bearer realm="http://${host}/token"` },
        }),
      },
      { expect: /token/, answer: { body: damaged } },
      { expect: /token/, answer: { body: '{"token":"tok-1"}' } },
      { expect: MANIFEST, answer: served },
    );
    await client([server]).manifest({ registry: server.host, path: 'a/b' }, 'v1');
    expect(server.seen.at(-1)?.headers.authorization).toBe('Bearer tok-1');
  });

  it('is not fetched after three responses without a token', async () => {
    const none = { expect: /token/, answer: { body: 'no json' } };
    const server = await script(
      {
        expect: MANIFEST,
        answer: (_request, host) => ({
          status: 401,
          headers: { 'www-authenticate': `Bearer realm="http://${host}/token"` },
        }),
      },
      none,
      none,
      none,
    );
    await expect(client([server]).manifest({ registry: server.host, path: 'a/b' }, 'v1')).rejects.toMatchObject({
      code: 'registry',
      message: expect.stringContaining(`token for ${server.host}: ${server.host} `),
    });
  });

  it('is fetched although the first token response was cut off', async () => {
    const cut = (response: ServerResponse): void => {
      response.writeHead(200, { 'content-length': '17' });
      response.write('{"token', () => response.destroy());
    };
    const server = await script(
      {
        expect: MANIFEST,
        answer: (_request, host) => ({
          status: 401,
          headers: { 'www-authenticate': `Bearer realm="http://${host}/token"` },
        }),
      },
      { expect: /token/, raw: cut },
      { expect: /token/, answer: { body: '{"token":"tok-1"}' } },
      { expect: MANIFEST, answer: served },
    );
    await client([server]).manifest({ registry: server.host, path: 'a/b' }, 'v1');
    expect(server.seen.at(-1)?.headers.authorization).toBe('Bearer tok-1');
  });

  it('uses only the credentials of its registry', async () => {
    const requests: string[] = [];
    const keychain: Keychain = {
      lookup: async (registry) => {
        requests.push(registry);
        return undefined;
      },
    };
    const server = await script({
      expect: MANIFEST,
      answer: { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } },
    });
    const made = client([server], { keychain });
    await expect(made.manifest({ registry: server.host, path: 'a/b' }, 'v1')).rejects.toMatchObject({
      code: 'unauthorized',
    });
    expect(new Set(requests)).toEqual(new Set([server.host]));
  });

  it('that does not match its digest is rejected, both by digest and by tag', async () => {
    const other = digestOf(Buffer.from('something else'));
    const byDigest = {
      expect: `GET /v2/a/b/manifests/${other}`,
      answer: { ...served, headers: { 'content-type': MediaType.ociManifest } },
    };
    const byTag = {
      expect: MANIFEST,
      answer: { ...served, headers: { ...served.headers, 'docker-content-digest': other } },
    };
    const own = { expect: `GET /v2/a/b/manifests/${digest}`, answer: { status: 404 } };
    const server = await script(byDigest, byDigest, byDigest, byTag, byTag, byTag, own);
    const made = client([server]);
    const repository = { registry: server.host, path: 'a/b' };
    await expect(made.manifest(repository, other)).rejects.toMatchObject({ code: 'digest-mismatch' });
    await expect(made.manifest(repository, 'v1')).rejects.toThrow(new RegExp(`${digest}.*${other}`));
  });

  it.each([
    ['with changed bytes', { ...served, body: Buffer.from(bytes).fill(32, 5, 6) }],
    ['that is truncated', { headers: { 'content-type': MediaType.ociManifest }, body: bytes.subarray(0, -3) }],
  ])('is retried after a response %s', async (_how, damaged) => {
    const server = await script({ expect: MANIFEST, answer: damaged }, { expect: MANIFEST, answer: served });
    const events: AirgapEvent[] = [];
    const made = client([server], { emit: (event) => events.push(event) });
    expect((await made.manifest({ registry: server.host, path: 'a/b' }, 'v1')).descriptor.digest).toBe(digest);
    expect(events).toMatchObject([{ type: 'retry', attempt: 1 }]);
  });

  it('is fetched when HEAD returns another digest than the requested one', async () => {
    const other = digestOf(Buffer.from('something else'));
    const headers = { ...served.headers, 'docker-content-digest': other, 'content-length': String(bytes.length) };
    const server = await script(
      { expect: `HEAD /v2/a/b/manifests/${digest}`, answer: { headers } },
      { expect: `GET /v2/a/b/manifests/${digest}`, answer: served },
    );
    expect(await client([server]).hasManifest({ registry: server.host, path: 'a/b' }, digest)).toBe(digest);
  });

  it('is retried when the response is cut off', async () => {
    const server = await script(
      {
        expect: MANIFEST,
        raw: (response) => {
          response.writeHead(200, { ...served.headers, 'content-length': String(bytes.length) } as Record<
            string,
            string
          >);
          response.write(bytes.subarray(0, 5), () => response.socket?.destroy());
        },
      },
      { expect: MANIFEST, answer: served },
    );
    const events: AirgapEvent[] = [];
    const made = client([server], { emit: (event) => events.push(event) });
    const received = await made.manifest({ registry: server.host, path: 'a/b' }, 'v1');
    expect(received.descriptor).toEqual({ mediaType: MediaType.ociManifest, digest, size: bytes.length });
    expect(events).toMatchObject([{ type: 'retry' }]);
  });

  it('that exceeds the size limit is not read', async () => {
    const server = await script({
      expect: MANIFEST,
      answer: { headers: { 'content-type': MediaType.ociManifest }, body: Buffer.alloc(4 * 1024 * 1024 + 1, 32) },
    });
    const reading = client([server]).manifest({ registry: server.host, path: 'a/b' }, 'v1');
    await expect(reading).rejects.toMatchObject({
      code: 'registry',
      message: expect.stringContaining('4194304 bytes'),
    });
  });

  it.each([
    ['the header', MediaType.ociIndex, '{"schemaVersion":2}', MediaType.ociIndex],
    ['its mediaType field', 'text/plain', `{"mediaType":"${MediaType.dockerManifest}"}`, MediaType.dockerManifest],
    ['its structure', 'application/json; charset=utf-8', '{"schemaVersion":2,"manifests":[]}', MediaType.ociIndex],
  ])('has the type of %s', async (_by, type, body, expected) => {
    const server = await script({ expect: MANIFEST, answer: { headers: { 'content-type': type }, body } });
    const received = await client([server]).manifest({ registry: server.host, path: 'a/b' }, 'v1');
    expect(received.descriptor.mediaType).toBe(expected);
  });

  it.each([
    [MediaType.dockerSchema1Signed, '{"schemaVersion":1}', /schema 1/],
    ['application/json', '{"schemaVersion":1}', /schema 1/],
    ['application/json', '{"mediaType":"application/x-other"}', /application\/x-other/],
  ])('of type %s with %s is not supported', async (type, body, says) => {
    const server = await script({ expect: MANIFEST, answer: { headers: { 'content-type': type }, body } });
    const reading = client([server]).manifest({ registry: server.host, path: 'a/b' }, 'v1');
    await expect(reading).rejects.toMatchObject({ code: 'unsupported', message: expect.stringMatching(says) });
  });

  it('is described by HEAD, or by GET when HEAD lacks headers', async () => {
    const server = await script(
      {
        expect: 'HEAD /v2/a/b/manifests/v1',
        answer: { headers: { ...served.headers, 'content-length': String(bytes.length) } },
      },
      { expect: 'HEAD /v2/a/b/manifests/v2', answer: { headers: { 'content-type': MediaType.ociManifest } } },
      { expect: 'GET /v2/a/b/manifests/v2', answer: served },
      { expect: 'HEAD /v2/a/b/manifests/v3', answer: { status: 404 } },
      { expect: 'HEAD /v2/a/b/manifests/v4', answer: { status: 403 } },
      { expect: 'GET /v2/a/b/manifests/v4', answer: { status: 403 } },
    );
    const made = client([server]);
    const repository = { registry: server.host, path: 'a/b' };
    const described = { mediaType: MediaType.ociManifest, digest, size: bytes.length };
    expect(await made.head(repository, 'v1')).toEqual(described);
    expect(await made.head(repository, 'v2')).toEqual(described);
    expect(await made.hasManifest(repository, 'v3')).toBeUndefined();
    await expect(made.head(repository, 'v4')).rejects.toMatchObject({ code: 'forbidden' });
  });

  it('that a mirror does not have is reported with both names', async () => {
    const server = await script({
      expect: 'GET /v2/quay/a/b/manifests/v1',
      answer: { status: 404, body: error('NAME_UNKNOWN', 'repository name not known') },
    });
    const made = client([server], { mirrors: [{ from: 'quay.io', to: `${server.host}/quay` }] });
    await expect(made.manifest({ registry: 'quay.io', path: 'a/b' }, 'v1')).rejects.toMatchObject({
      code: 'image-not-found',
      message: expect.stringMatching(new RegExp(`^quay\\.io/a/b:v1 .*${server.host}/quay/a/b:v1`)),
    });
  });

  it('of a registry with a full disk is reported with its error text, shortened', async () => {
    const detail = { DriverName: 'filesystem', Enclosed: { Op: 'write', Path: `/data/${'x'.repeat(500)}`, Err: 28 } };
    const body = JSON.stringify({ errors: [{ code: 'UNKNOWN', message: 'unknown error', detail }] });
    const full = { expect: MANIFEST, answer: { status: 500, body } };
    const server = await script(full, full, full);
    const reading = client([server]).manifest({ registry: server.host, path: 'a/b' }, 'v1');
    await expect(reading).rejects.toMatchObject({
      code: 'registry',
      message: expect.stringContaining('UNKNOWN: unknown error: {"DriverName":"filesystem"'),
      hint: expect.stringContaining('space'),
    });
    const { message } = (await reading.catch((thrown: unknown) => thrown)) as Error;
    expect(message.length).toBeLessThan(700);
  });

  it('fails without retries or delays when a limit of hours is exhausted', async () => {
    const headers = { 'ratelimit-limit': '10;w=21600', 'ratelimit-remaining': '0;w=21600' };
    const limit = { status: 429, headers, body: error('TOOMANYREQUESTS', 'pull rate limit') };
    const server = await script(
      { expect: /^HEAD/, answer: limit },
      ...[1, 2, 3].map(() => ({ expect: MANIFEST, answer: limit })),
    );
    const made = client([server]);
    const repository = { registry: server.host, path: 'a/b' };
    const began = performance.now();
    await expect(made.head(repository, 'v1')).rejects.toThrow('10 in 6 hours');
    for (const _ of [1, 2, 3]) await expect(made.manifest(repository, 'v1')).rejects.toThrow('10 in 6 hours');
    expect(performance.now() - began).toBeLessThan(900);
  });

  it('that is the page of a login portal is reported as such', async () => {
    const page = { body: '<!DOCTYPE html><title>Log in</title>', headers: { 'content-type': MediaType.ociManifest } };
    const steps = [1, 2, 3].map(() => ({ expect: MANIFEST, answer: page }));
    const server = await script(...steps);
    const reading = client([server]).manifest({ registry: server.host, path: 'a/b' }, 'v1');
    await expect(reading).rejects.toMatchObject({ code: 'registry', message: expect.stringMatching(/HTML, "Log in"/) });
  });

  it('that is rate limited has a hint', async () => {
    const limit = {
      status: 429,
      headers: { 'retry-after': '86400' },
      body: error('TOOMANYREQUESTS', 'pull rate limit'),
    };
    const server = await script({ expect: MANIFEST, answer: limit });
    const reading = client([server]).manifest({ registry: server.host, path: 'a/b' }, 'v1');
    await expect(reading).rejects.toMatchObject({
      message: expect.stringContaining('TOOMANYREQUESTS: pull rate limit'),
      hint: expect.stringContaining('helm airgap login'),
    });
  });
});

describe('a blob', () => {
  it('is read from the storage of the registry without its credentials', async () => {
    const storage = await script({
      expect: 'GET /layer?X-Amz-Signature=abc',
      answer: { status: 206, headers: { 'content-range': 'bytes 4-9/10' }, body: layer.subarray(4) },
    });
    const challenge = { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } };
    const location = `http://${storage.host}/layer?X-Amz-Signature=abc`;
    const server = await script(
      { expect: BLOB, answer: challenge },
      { expect: BLOB, answer: { status: 307, headers: { location } } },
    );
    const keychain: Keychain = { lookup: async () => ({ kind: 'basic', username: 'AWS', password: 'geheim123' }) };
    const made = client([server, storage], { keychain });
    const stream = await made.blob({ registry: server.host, path: 'a/b' }, blob).open(4);
    expect((await buffer(stream)).toString()).toBe('456789');
    expect(server.seen[1]?.headers).toMatchObject({ authorization: expect.any(String), range: 'bytes=4-' });
    expect(storage.seen[0]?.headers.range).toBe('bytes=4-');
    expect(storage.seen[0]?.headers.authorization).toBeUndefined();
  });

  it('starts at the offset although the server ignores ranges', async () => {
    const big = Buffer.alloc(3_000_000, 'abcdefghij');
    const descriptor = descriptorOf(big);
    const server = await script({ expect: /blobs/, answer: { body: big } });
    const stream = await client([server]).blob({ registry: server.host, path: 'a/b' }, descriptor).open(2_000_003);
    expect((await buffer(stream)).equals(big.subarray(2_000_003))).toBe(true);
  });

  it('of the wrong length is rejected', async () => {
    const part = (range: string, body: Buffer): Answer => ({ status: 206, headers: { 'content-range': range }, body });
    const server = await script(
      ...[1, 2, 3].map(() => ({ expect: BLOB, answer: part('bytes 4-8/9', layer.subarray(4, 9)) })),
      ...[1, 2, 3].map(() => ({ expect: BLOB, answer: { body: layer.subarray(1) } })),
    );
    const body = client([server]).blob({ registry: server.host, path: 'a/b' }, blob);
    const mismatch = { code: 'digest-mismatch', message: expect.stringMatching(/\b9 bytes.*\b10\b/) };
    await expect(body.open(4)).rejects.toMatchObject(mismatch);
    await expect(body.open()).rejects.toMatchObject(mismatch);
  });

  it('is retried when the response is too short', async () => {
    const server = await script(
      { expect: BLOB, answer: { body: layer.subarray(0, 7) } },
      { expect: BLOB, answer: { body: layer } },
    );
    const stream = await client([server]).blob({ registry: server.host, path: 'a/b' }, blob).open();
    expect((await buffer(stream)).toString()).toBe(layer.toString());
  });

  it('that is cut off can be resumed by its reader', async () => {
    const server = await script(
      {
        expect: BLOB,
        raw: (response) => {
          response.writeHead(200, { 'content-length': '10' });
          response.write(layer.subarray(0, 6), () => response.socket?.destroy());
        },
      },
      { expect: BLOB, answer: { status: 206, headers: { 'content-range': 'bytes 6-9/10' }, body: layer.subarray(6) } },
    );
    const body = client([server]).blob({ registry: server.host, path: 'a/b' }, blob);
    let received = '';
    const read = async (): Promise<void> => {
      for await (const chunk of await body.open(received.length)) received += chunk;
    };
    await expect(read()).rejects.toMatchObject({ code: 'network' });
    await read();
    expect(received).toBe(layer.toString());
  });

  it('that is a foreign layer is read from its own URLs', async () => {
    const origin = await script({ expect: 'GET /layer', answer: { body: layer } });
    const server = await script({ expect: BLOB, answer: { status: 404, body: error('BLOB_UNKNOWN', 'blob unknown') } });
    const foreign = { ...blob, urls: ['ftp://nowhere.example/layer', `http://${origin.host}/layer`] };
    const stream = await client([server, origin]).blob({ registry: server.host, path: 'a/b' }, foreign).open();
    expect((await buffer(stream)).toString()).toBe(layer.toString());
  });
});
