import { afterEach, describe, expect, it } from 'vitest';
import { chainKeychains, commandLineKeychain } from '../../../src/auth/keychain.ts';
import type { RegistryClient } from '../../../src/registry/client.ts';
import { clientFor } from '../../support/registry-client.ts';
import { type Answer, type ScriptedServer, type Step, startScript } from '../../support/scripted-server.ts';

const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

const FIRST = 'GET /v2/_catalog?n=1000';

async function setUp(
  steps: readonly Step[],
  login = false,
): Promise<{ server: ScriptedServer; client: RegistryClient }> {
  const server = await startScript(steps);
  const credentials = { registry: server.host, username: 'robot', password: 'correct-horse' };
  const client = clientFor([server.host], {
    ...(login && { keychain: chainKeychains(commandLineKeychain(credentials)) }),
    mirrors: [{ from: server.host, to: '127.0.0.1:1/cache' }],
  });
  cleanup.push(
    () => server.stop(),
    () => client.close(),
  );
  return { server, client };
}

const list = (repositories: unknown, link?: string): Answer => ({
  body: JSON.stringify({ repositories }),
  ...(link !== undefined && { headers: { link } }),
});

describe('the catalogue', () => {
  it('has the repositories of all pages, and is asked for without mirrors', async () => {
    const { server, client } = await setUp([
      { expect: FIRST, answer: list(['a', 'team/app'], '</v2/_catalog?last=team%2Fapp&n=2>; rel="next"') },
      { expect: 'GET /v2/_catalog?last=team%2Fapp&n=2', answer: list(['team/web', 'a']) },
    ]);
    expect(await client.catalog(server.host)).toEqual(['a', 'team/app', 'team/web']);
  });

  it.each([[[]], [null]])('may be empty: %j', async (repositories) => {
    const { server, client } = await setUp([{ expect: FIRST, answer: list(repositories) }]);
    expect(await client.catalog(server.host)).toEqual([]);
  });

  it('needs a token of its own', async () => {
    const { server, client } = await setUp([], true);
    const challenge = `Bearer realm="http://${server.host}/token",service="s",scope="registry:catalog:*"`;
    server.add(
      { expect: FIRST, answer: { status: 401, headers: { 'www-authenticate': challenge } } },
      { expect: /^GET \/token\?/, answer: { body: '{"token":"abc"}' } },
      { expect: FIRST, answer: list(['team/app']) },
    );
    expect(await client.catalog(server.host)).toEqual(['team/app']);
    const token = server.seen.find(({ url }) => url.startsWith('/token'));
    expect(new URL(token?.url ?? '', server.url).searchParams.getAll('scope')).toEqual(['registry:catalog:*']);
  });
});

describe('a hidden catalogue', () => {
  it.each<[string, Answer, string]>([
    ['403', { status: 403, body: '{"errors":[{"code":"DENIED"}]}' }, 'forbidden'],
    ['404', { status: 404, body: 'page not found' }, 'unsupported'],
    ['405', { status: 405, body: '{"errors":[{"code":"UNSUPPORTED"}]}' }, 'unsupported'],
    ['501', { status: 501 }, 'unsupported'],
    ['a web page', { body: '<!doctype html><title>Registry</title>' }, 'unsupported'],
    ['another document', { body: '{"name":"a/b"}' }, 'unsupported'],
  ])('is one error that says what to do: %s', async (_name, answer, code) => {
    const { server, client } = await setUp([{ expect: FIRST, answer }]);
    await expect(client.catalog(server.host)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(server.host),
      hint: expect.stringContaining('--repositories'),
    });
  });

  it('may be hidden behind a login that is not enough', async () => {
    const { server, client } = await setUp([], true);
    const challenge = `Bearer realm="http://${server.host}/token",service="s",scope="registry:catalog:*"`;
    const denied = { status: 401, headers: { 'www-authenticate': `${challenge},error="insufficient_scope"` } };
    server.add(
      { expect: FIRST, answer: denied },
      { expect: /^GET \/token\?/, answer: { body: '{"token":"abc"}' } },
      { expect: FIRST, answer: denied },
    );
    await expect(client.catalog(server.host)).rejects.toMatchObject({
      code: 'unauthorized',
      hint: expect.stringContaining('--repositories'),
    });
  });

  it('is not a registry that fails', async () => {
    const { server, client } = await setUp(
      Array.from({ length: 3 }, () => ({ expect: FIRST, answer: { status: 503 } })),
    );
    const error = await client.catalog(server.host).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'registry', isTransient: true });
    expect(JSON.stringify(error)).not.toContain('--repositories');
  });
});
