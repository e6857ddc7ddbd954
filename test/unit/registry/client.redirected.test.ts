import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import type { Keychain } from '../../../src/auth/keychain.ts';
import { MediaType } from '../../../src/oci/descriptor.ts';
import type { RegistryClient } from '../../../src/registry/client.ts';
import { basicOf } from '../../support/basic.ts';
import { descriptorOf } from '../../support/descriptor.ts';
import { clientFor } from '../../support/registry-client.ts';
import { type Answer, type ScriptedServer, type Step, startScript } from '../../support/scripted-server.ts';

const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

async function script(...steps: readonly Step[]): Promise<ScriptedServer> {
  const server = await startScript(steps);
  cleanup.push(() => server.stop());
  return server;
}

/** Creates a client with credentials for the given hosts. */
function client(
  servers: readonly ScriptedServer[],
  logins: Readonly<Record<string, string>> = {},
  isPushTarget = false,
): RegistryClient {
  const keychain: Keychain = {
    lookup: async (registry) => {
      const username = logins[registry];
      return username === undefined ? undefined : { kind: 'basic', username, password: 'geheim123' };
    },
  };
  const made = clientFor(
    servers.map(({ host }) => host),
    { keychain, isPushTarget },
  );
  cleanup.push(() => made.close());
  return made;
}

const basic = (username: string): string => basicOf(`${username}:geheim123`);
const to = (server: ScriptedServer, path: string, status = 301): Answer => ({
  status,
  headers: { location: `http://${server.host}${path}` },
});
const bearer = (_request: unknown, host: string): Answer => ({
  status: 401,
  headers: { 'www-authenticate': `Bearer realm="http://${host}/token",service="real",scope="repository:org/b:pull"` },
});
const wantsBasic: Answer = { status: 401, headers: { 'www-authenticate': 'Basic realm="real"' } };
const served: Answer = {
  headers: { 'content-type': MediaType.ociManifest },
  body: JSON.stringify({ schemaVersion: 2, config: {}, layers: [] }),
};
const GATE = 'GET /v2/a/b/manifests/v1';
const REAL = 'GET /v2/org/b/manifests/v1';
const sentTo = ({ seen }: ScriptedServer): unknown[] => seen.map(({ headers }) => headers.authorization);

describe('a read that a registry redirects to another registry', () => {
  it('gets a token there with the requested scope, which is reused for the next one', async () => {
    const real = await script(
      { expect: REAL, answer: bearer },
      { expect: 'GET /token?service=real&scope=repository%3Aorg%2Fb%3Apull', answer: { body: '{"token":"tok-1"}' } },
      { expect: REAL, answer: served },
      { expect: 'GET /v2/org/b/manifests/v2', answer: served },
    );
    const gate = await script(
      { expect: GATE, answer: to(real, '/v2/org/b/manifests/v1') },
      { expect: GATE, answer: to(real, '/v2/org/b/manifests/v1') },
      { expect: 'GET /v2/a/b/manifests/v2', answer: to(real, '/v2/org/b/manifests/v2', 307) },
    );
    const made = client([gate, real]);
    await made.manifest({ registry: gate.host, path: 'a/b' }, 'v1');
    await made.manifest({ registry: gate.host, path: 'a/b' }, 'v2');
    expect(sentTo(gate)).toEqual([undefined, undefined, undefined]);
    expect(sentTo(real)).toEqual([undefined, undefined, 'Bearer tok-1', 'Bearer tok-1']);
  });

  it('uses the credentials of each registry only there', async () => {
    const real = await script({ expect: REAL, answer: wantsBasic }, { expect: REAL, answer: served });
    const gate = await script(
      { expect: GATE, answer: wantsBasic },
      { expect: GATE, answer: to(real, '/v2/org/b/manifests/v1') },
      { expect: GATE, answer: to(real, '/v2/org/b/manifests/v1') },
    );
    const made = client([gate, real], { [gate.host]: 'gate', [real.host]: 'real' });
    await made.manifest({ registry: gate.host, path: 'a/b' }, 'v1');
    expect(sentTo(gate)).toEqual([undefined, basic('gate'), basic('gate')]);
    expect(sentTo(real)).toEqual([undefined, basic('real')]);
  });

  it('and then to storage sends no credentials there', async () => {
    const layer = Buffer.from('0123456789');
    const blob = descriptorOf(layer);
    const storage = await script({ expect: 'GET /s3/x', answer: { body: layer } });
    const path = `/v2/org/b/blobs/${blob.digest}`;
    const real = await script(
      { expect: `GET ${path}`, answer: wantsBasic },
      { expect: `GET ${path}`, answer: to(storage, '/s3/x', 307) },
    );
    const [first, second] = [0, 1].map(
      (): Step => ({ expect: `GET /v2/a/b/blobs/${blob.digest}`, answer: to(real, path) }),
    );
    const gate = await script(first as Step, second as Step);
    const made = client([gate, real, storage], { [gate.host]: 'gate', [real.host]: 'real', [storage.host]: 'storage' });
    const body = await made.blob({ registry: gate.host, path: 'a/b' }, blob).open();
    expect(await buffer(body)).toEqual(layer);
    expect(sentTo(real)).toEqual([undefined, basic('real')]);
    expect(sentTo(storage)).toEqual([undefined]);
  });

  it('that rejects its credentials is named in the hint', async () => {
    const real = await script({ expect: REAL, answer: wantsBasic }, { expect: REAL, answer: wantsBasic });
    const gate = await script(
      { expect: GATE, answer: to(real, '/v2/org/b/manifests/v1') },
      { expect: GATE, answer: to(real, '/v2/org/b/manifests/v1') },
    );
    const made = client([gate, real], { [real.host]: 'real' });
    await expect(made.manifest({ registry: gate.host, path: 'a/b' }, 'v1')).rejects.toMatchObject({
      code: 'unauthorized',
      hint: expect.stringContaining(real.host),
    });
  });
});

describe('no redirect target gets credentials', () => {
  it.each(['/storage/v2/x', '/v2/', '/v2/org/b/tags/list', '/v2/Org/b/manifests/v1', '/v2/org/../b/x/blobs'])(
    'for a read redirected to something other than a manifest, blob or referrers list: %s',
    async (path) => {
      const url = new URL(path, 'http://x').pathname;
      const other = await script({ expect: `GET ${url}`, answer: wantsBasic });
      const gate = await script({ expect: GATE, answer: to(other, path) });
      const made = client([gate, other], { [other.host]: 'other' });
      const reading = made.manifest({ registry: gate.host, path: 'a/b' }, 'v1');
      await expect(reading).rejects.toMatchObject({ code: 'unauthorized' });
      expect(sentTo(other)).toEqual([undefined]);
    },
  );

  it('for a read from the target of a push, which would receive the content', async () => {
    const layer = Buffer.from('0123456789');
    const blob = descriptorOf(layer);
    const path = `/v2/secret/b/blobs/${blob.digest}`;
    const other = await script({ expect: `GET ${path}`, answer: wantsBasic });
    const target = await script({ expect: `GET /v2/a/b/blobs/${blob.digest}`, answer: to(other, path, 307) });
    const made = client([target, other], { [other.host]: 'other' }, true);
    await expect(made.blob({ registry: target.host, path: 'a/b' }, blob).open()).rejects.toMatchObject({
      code: 'unauthorized',
    });
    expect(sentTo(other)).toEqual([undefined]);
  });

  it('for a write', async () => {
    const bytes = Buffer.from('{}');
    const other = await script(
      { expect: 'POST /v2/a/b/blobs/uploads/', answer: wantsBasic },
      { expect: 'PUT /v2/a/b/manifests/v1', answer: wantsBasic },
    );
    const gate = await script(
      { expect: 'POST /v2/a/b/blobs/uploads/', answer: to(other, '/v2/a/b/blobs/uploads/', 307) },
      { expect: 'PUT /v2/a/b/manifests/v1', answer: to(other, '/v2/a/b/manifests/v1', 308) },
    );
    const made = client([gate, other], { [gate.host]: 'gate', [other.host]: 'other' });
    const repository = { registry: gate.host, path: 'a/b' };
    const body = { size: 2, open: async () => Readable.from([bytes]) };
    const descriptor = descriptorOf(bytes, MediaType.ociManifest);
    await expect(made.putBlob(repository, descriptor, body)).rejects.toMatchObject({ code: 'unauthorized' });
    await expect(made.putManifest(repository, { bytes, descriptor }, 'v1')).rejects.toMatchObject({
      code: 'unauthorized',
    });
    expect(sentTo(other)).toEqual([undefined, undefined]);
  });
});

describe('a registry that redirects to another one every time', () => {
  it('is followed a limited number of times', async () => {
    const log: string[] = [];
    const others = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const server = createServer((request, response) => {
          if (request.url?.startsWith('/token')) return response.end('{"token":"t0ken-of-nobody"}');
          log.push(String(request.headers.host));
          const challenge = `Bearer realm="http://${request.headers.host}/token"`;
          return response.writeHead(401, { 'www-authenticate': challenge }).end();
        }).listen(0, '127.0.0.1');
        await once(server, 'listening');
        cleanup.push(async () => server.close());
        return `127.0.0.1:${(server.address() as AddressInfo).port}`;
      }),
    );
    const gate = await script(
      ...others.slice(0, 4).map(
        (host): Step => ({
          expect: GATE,
          answer: { status: 307, headers: { location: `http://${host}/v2/a/b/manifests/v1` } },
        }),
      ),
    );
    const made = clientFor([gate.host, ...others]);
    cleanup.push(() => made.close());
    const reading = made.manifest({ registry: gate.host, path: 'a/b' }, 'v1');
    await expect(reading).rejects.toMatchObject({
      code: 'registry',
      message: expect.stringMatching(new RegExp(`${gate.host}.*\\b3\\b`)),
    });
    expect(log).toEqual(others.slice(0, 3));
  });
});
