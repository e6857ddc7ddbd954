import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Credential } from '../../../src/auth/keychain.ts';
import { createTransport } from '../../../src/http/transport.ts';
import { checkLogin } from '../../../src/registry/check-login.ts';
import { createSession, keychainAuthorizer } from '../../../src/registry/session.ts';
import { basicOf } from '../../support/basic.ts';
import { type ScriptedServer, type Step, startScript } from '../../support/scripted-server.ts';

let server: ScriptedServer;
beforeEach(async () => {
  server = await startScript();
});
afterEach(() => server.stop());

const CREDENTIAL: Credential = { kind: 'basic', username: 'robot', password: 'geheim-word' };
const RIGHT = basicOf('robot:geheim-word');

async function check(...steps: readonly Step[]): Promise<string> {
  return checkWith({ unasked: CREDENTIAL }, ...steps);
}

async function checkWith(options: Parameters<typeof checkLogin>[2], ...steps: readonly Step[]): Promise<string> {
  server.add(...steps);
  const transport = createTransport({ plainHttp: [server.host], retry: { baseDelay: 1, maxDelay: 2, attempts: 2 } });
  const session = createSession(transport, keychainAuthorizer(transport, { lookup: async () => CREDENTIAL }));
  try {
    return await checkLogin(session, { registry: server.host, path: '' }, options);
  } finally {
    await transport.close();
  }
}

const root = (answer: Step['answer']): Step => ({ expect: 'GET /v2/', answer });
const challenge = (value: string): Step => root({ status: 401, headers: { 'www-authenticate': value } });
/** Accepts the right user and password only. */
const byBasic = root(({ headers }) => ({ status: headers.authorization === RIGHT ? 200 : 401 }));

describe('a login is tried', () => {
  it('by Basic', async () => {
    expect(await check(challenge('Basic realm="r"'), byBasic)).toBe('accepted');
    expect(server.seen.map(({ headers }) => headers.authorization)).toEqual([undefined, RIGHT]);
  });

  it('by a token without scopes', async () => {
    const token: Step = {
      expect: '/token',
      answer: ({ headers }) => ({ status: headers.authorization === RIGHT ? 200 : 401, body: '{"token":"issued-1"}' }),
    };
    const steps = [
      challenge(`Bearer realm="http://${server.host}/token",service="s"`),
      { ...token, expect: 'GET /token?service=s' },
      root(({ headers }) => ({ status: headers.authorization === 'Bearer issued-1' ? 200 : 401 })),
    ];
    expect(await check(...steps)).toBe('accepted');
  });

  it('at a registry that answers everyone, which may tell a wrong password all the same', async () => {
    expect(await check(root({ body: '{}' }), byBasic)).toBe('not-asked');
    const rejected = check(root({ body: '{}' }), root({ status: 401 }));
    await expect(rejected).rejects.toMatchObject({ code: 'unauthorized' });
  });
});

it('no login is sent to a registry that asks for none', async () => {
  expect(await checkWith({}, root({ body: '{}' }))).toBe('not-asked');
  expect(server.seen.map(({ headers }) => headers.authorization)).toEqual([undefined]);
});

it('the hint of a refusal does not speak of repositories', async () => {
  const rejected = checkWith({}, challenge('Basic realm="r"'), challenge('Basic realm="r"'));
  await expect(rejected).rejects.toMatchObject({ hint: expect.not.stringContaining('repository') });
});

describe('an error is', () => {
  it.each<[string, string, readonly Step[]]>([
    ['a rejected password', 'unauthorized', [challenge('Basic realm="r"'), challenge('Basic realm="r"')]],
    ['a user without access', 'forbidden', [challenge('Basic realm="r"'), root({ status: 403 })]],
    ['a scheme that is not known', 'unauthorized', [challenge('Negotiate')]],
    ['a host that is no registry', 'registry', [root({ status: 404 })]],
    ['a web page', 'registry', [root({ body: '<!doctype html><title>Portal</title>' })]],
    ['another answer', 'registry', [root({ status: 418 })]],
  ])('%s', async (_, code, steps) => {
    const failed = check(...steps);
    await expect(failed).rejects.toMatchObject({ code, message: expect.stringContaining(server.host) });
    await expect(failed).rejects.not.toThrow(/geheim-word|cm9ib3Q6/);
  });

  it('a token server that rejects the password', async () => {
    const token = { expect: 'GET /token', answer: { status: 401, body: '{"details":"incorrect"}' } };
    const failed = check(challenge(`Bearer realm="http://${server.host}/token"`), token);
    await expect(failed).rejects.toMatchObject({ code: 'unauthorized' });
  });
});
