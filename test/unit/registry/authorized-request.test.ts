import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Credential } from '../../../src/auth/keychain.ts';
import { MediaType } from '../../../src/oci/descriptor.ts';
import type { RegistryClient } from '../../../src/registry/client.ts';
import { selfSigned } from '../../support/certificate.ts';
import { type ClientSetUp, clientFor } from '../../support/registry-client.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { type ScriptedServer, type Step, startScript } from '../../support/scripted-server.ts';

const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

async function script(steps: readonly Step[], tls?: Parameters<typeof startScript>[1]): Promise<ScriptedServer> {
  const server = await startScript(steps, tls);
  cleanup.push(() => server.stop());
  return server;
}

function client(plain: readonly ScriptedServer[], credential: Credential, setUp: ClientSetUp = {}): RegistryClient {
  const keychain = { lookup: async () => credential };
  const made = clientFor(
    plain.map(({ host }) => host),
    { keychain, ...setUp },
  );
  cleanup.push(() => made.close());
  return made;
}

const MANIFEST = 'GET /v2/a/b/manifests/v1';
const basic: Credential = { kind: 'basic', username: 'user', password: 'geheim123' };
const identity: Credential = { kind: 'identity-token', token: 'refresh-me' };
const challenge = (realm: string): Step => ({
  expect: MANIFEST,
  answer: { status: 401, headers: { 'www-authenticate': `Bearer realm="${realm}",service="s"` } },
});
const manifest: Step = {
  expect: MANIFEST,
  answer: {
    headers: { 'content-type': MediaType.ociManifest },
    body: JSON.stringify({ schemaVersion: 2, config: {}, layers: [] }),
  },
};

describe('the credentials of a registry', () => {
  it('go to the token server that it names, on any host', async () => {
    const tokens = await script([{ expect: /^GET \/token/, answer: { body: '{"token":"tok"}' } }]);
    const server = await script([challenge(`http://${tokens.host}/token`), manifest]);
    await client([server, tokens], basic).manifest({ registry: server.host, path: 'a/b' }, 'v1');
    expect(tokens.seen[0]?.headers.authorization).toMatch(/^Basic /);
  });

  it.each([307, 308])('never follow a token server’s %i to another host, in a body or a header', async (status) => {
    const otherHost = await script([{ expect: /^GET \/collect/, answer: { body: '{"token":"tok-elsewhere"}' } }]);
    const location = `http://${otherHost.host}/collect`;
    const tokens = await script([
      { expect: 'POST /token', answer: { status, headers: { location } } },
      { expect: /^GET \/token/, answer: { status, headers: { location } } },
    ]);
    const realm = `http://${tokens.host}/token`;
    const server = await script([challenge(realm), challenge(realm), manifest]);
    const repository = { registry: server.host, path: 'a/b' };
    const all = [server, tokens, otherHost];
    await expect(client(all, identity).manifest(repository, 'v1')).rejects.toMatchObject({ code: 'registry' });
    expect(otherHost.seen).toEqual([]);
    await client(all, basic).manifest(repository, 'v1');
    expect(otherHost.seen).toMatchObject([{ headers: { host: otherHost.host } }]);
    expect(otherHost.seen[0]?.headers.authorization).toBeUndefined();
  });

  it('follow a redirect within the token server', async () => {
    const tokens = await script([
      { expect: 'POST /token', answer: { status: 307, headers: { location: '/v2/token' } } },
      { expect: 'POST /v2/token', answer: { body: '{"access_token":"tok"}' } },
    ]);
    const server = await script([challenge(`http://${tokens.host}/token`), manifest]);
    await client([server, tokens], identity).manifest({ registry: server.host, path: 'a/b' }, 'v1');
    expect(tokens.seen[1]?.body.toString()).toContain('refresh-me');
  });

  it.each([
    ['a password', basic],
    ['an identity token', identity],
  ])('are not sent without TLS when the registry uses TLS: %s', async (_, credential) => {
    const tls = selfSigned();
    const caFile = join(scratchFolder(), 'ca.pem');
    writeFileSync(caFile, tls.cert);
    const tokens = await script([]);
    const server = await script([challenge(`http://${tokens.host}/token`)], tls);
    const made = client([tokens], credential, { caFile });
    await expect(made.manifest({ registry: server.host, path: 'a/b' }, 'v1')).rejects.toMatchObject({
      code: 'registry',
    });
    expect(tokens.seen).toEqual([]);
  });

  it('that are wrong are distinguished from missing ones', async () => {
    const refusal: Step = {
      expect: MANIFEST,
      answer: { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } },
    };
    const server = await script([refusal, refusal, refusal]);
    const ask = (made: RegistryClient) =>
      made.manifest({ registry: server.host, path: 'a/b' }, 'v1').catch((error: unknown) => error);
    const wrong = await ask(client([server], basic));
    const none = await ask(clientFor([server.host]));
    expect([wrong, none]).toMatchObject([{ code: 'unauthorized' }, { code: 'unauthorized' }]);
    const namesUser = expect.stringContaining('user user');
    expect(wrong).toMatchObject({ message: namesUser });
    expect(none).not.toMatchObject({ message: namesUser });
  });

  it('are selected by the challenge of /v2/ when the request has none', async () => {
    const basicChallenge = { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } };
    const server = await script([
      { expect: MANIFEST, answer: { status: 401 } },
      { expect: 'GET /v2/', answer: basicChallenge },
      manifest,
    ]);
    await client([server], basic).manifest({ registry: server.host, path: 'a/b' }, 'v1');
    expect(server.seen.map(({ headers }) => headers.authorization?.slice(0, 5))).toEqual([
      undefined,
      undefined,
      'Basic',
    ]);
  });

  it('are not sent when /v2/ is redirected or has no challenge either', async () => {
    const otherHost = await script([
      { expect: 'GET /', answer: { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } } },
    ]);
    const server = await script([
      { expect: MANIFEST, answer: { status: 401 } },
      { expect: 'GET /v2/', answer: { status: 307, headers: { location: `http://${otherHost.host}/` } } },
      { expect: MANIFEST, answer: { status: 401 } },
      { expect: 'GET /v2/', answer: {} },
    ]);
    const made = client([server, otherHost], basic);
    for (const _ of [1, 2]) {
      await expect(made.manifest({ registry: server.host, path: 'a/b' }, 'v1')).rejects.toMatchObject({
        code: 'unauthorized',
        message: expect.stringContaining(server.host),
        hint: expect.stringContaining('WWW-Authenticate'),
      });
    }
    expect([...server.seen, ...otherHost.seen].filter(({ headers }) => headers.authorization)).toEqual([]);
  });

  it('are named with their source in errors, including 403', async () => {
    const server = await script([
      { expect: MANIFEST, answer: { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } } },
      { expect: MANIFEST, answer: { status: 403 } },
    ]);
    const made = client([server], { ...basic, source: 'stored in FILE' });
    await expect(made.manifest({ registry: server.host, path: 'a/b' }, 'v1')).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringMatching(new RegExp(`${server.host} stored in FILE .*user user`)),
    });
  });
});
