import { describe, expect, it } from 'vitest';
import { type Access, createAuthorizer } from '../../../src/auth/authorizer.ts';
import type { Credential, Keychain } from '../../../src/auth/keychain.ts';
import type { TokenExchange } from '../../../src/auth/token.ts';
import type { AirgapError } from '../../../src/base/errors.ts';
import { basicOf } from '../../support/basic.ts';

const access: Access = {
  registry: 'r.example',
  path: 'a/b',
  origin: 'https://r.example',
  scopes: ['repository:a/b:pull'],
};
const BEARER = 'Bearer realm="https://auth.example/token?x=1",service="r.example",scope="repository:a/b:pull"';

interface SentRequest {
  method: string;
  url: string;
  authorization: string | undefined;
  form: string | undefined;
}

function setUp(credential: Credential | undefined, answer: (count: number) => object | number) {
  const requests: SentRequest[] = [];
  const clock = { now: 0 };
  const exchange: TokenExchange = async ({ method, url, headers, form }) => {
    requests.push({ method, url: url.href, authorization: headers.authorization, form });
    await new Promise((resolve) => setTimeout(resolve, 2));
    const response = answer(requests.length);
    return typeof response === 'number'
      ? { status: response, text: '' }
      : { status: 200, text: JSON.stringify(response) };
  };
  const keychain: Keychain = { lookup: async () => credential, sources: () => ['here', 'there'] };
  return { requests, clock, authorizer: createAuthorizer({ keychain, exchange, now: () => clock.now }) };
}

describe('a bearer challenge', () => {
  it('is answered with a token for the scope, fetched with the credentials', async () => {
    const { requests, authorizer } = setUp({ kind: 'basic', username: 'u', password: 'p' }, () => ({ token: 'tok-1' }));
    expect(await authorizer.authorization(access)).toBeUndefined();
    expect(await authorizer.renew(access, BEARER, undefined)).toBe('Bearer tok-1');
    expect(await authorizer.authorization(access)).toBe('Bearer tok-1');
    expect(requests).toEqual([
      {
        method: 'GET',
        url: 'https://auth.example/token?x=1&service=r.example&scope=repository%3Aa%2Fb%3Apull',
        authorization: basicOf('u:p'),
        form: undefined,
      },
    ]);
  });

  it('is answered anonymously without credentials', async () => {
    const { requests, authorizer } = setUp(undefined, () => ({ access_token: 'anon' }));
    expect(await authorizer.renew(access, BEARER, undefined)).toBe('Bearer anon');
    expect(requests[0]?.authorization).toBeUndefined();
  });

  it('is answered with an identity token by POST, not in the URL', async () => {
    const { requests, authorizer } = setUp({ kind: 'identity-token', token: 'refresh-me' }, () => ({
      access_token: 't',
    }));
    expect(await authorizer.renew(access, BEARER, undefined)).toBe('Bearer t');
    expect(requests).toMatchObject([{ method: 'POST', url: 'https://auth.example/token?x=1' }]);
    expect(Object.fromEntries(new URLSearchParams(requests[0]?.form))).toEqual({
      grant_type: 'refresh_token',
      service: 'r.example',
      client_id: 'helm-airgap',
      scope: 'repository:a/b:pull',
      refresh_token: 'refresh-me',
    });
  });

  it('is answered once for concurrent requests', async () => {
    const { requests, authorizer } = setUp(undefined, (count) => ({ token: `tok-${count}` }));
    const all = await Promise.all(Array.from({ length: 8 }, () => authorizer.renew(access, BEARER, undefined)));
    expect(new Set(all)).toEqual(new Set(['Bearer tok-1']));
    expect(requests).toHaveLength(1);
  });

  it('is answered with a new token before the old one expires, by default after 60 s', async () => {
    const { requests, authorizer, clock } = setUp(undefined, (count) => ({ token: `tok-${count}` }));
    await authorizer.renew(access, BEARER, undefined);
    clock.now = 50_000;
    expect(await authorizer.authorization(access)).toBe('Bearer tok-1');
    clock.now = 55_000;
    const both = await Promise.all([authorizer.authorization(access), authorizer.authorization(access)]);
    expect(both).toEqual(['Bearer tok-2', 'Bearer tok-2']);
    expect(requests).toHaveLength(2);
  });

  it('drops a rejected token once for all requests that sent it', async () => {
    const { requests, authorizer } = setUp(undefined, (count) => ({ token: `tok-${count}`, expires_in: 3600 }));
    const sent = await authorizer.renew(access, BEARER, undefined);
    const renewed = await Promise.all([authorizer.renew(access, BEARER, sent), authorizer.renew(access, BEARER, sent)]);
    expect(renewed).toEqual(['Bearer tok-2', 'Bearer tok-2']);
    expect(requests).toHaveLength(2);
  });

  it('for another scope than that of the path gets a token for both', async () => {
    const { requests, authorizer } = setUp(undefined, (count) => ({ token: `tok-${count}` }));
    const wider = BEARER.replace('repository:a/b:pull"', 'repository:proxy/a/b:pull"');
    await authorizer.renew(access, wider, undefined);
    expect(await authorizer.authorization(access)).toBe('Bearer tok-1');
    expect(new URL(requests[0]?.url ?? '').searchParams.getAll('scope')).toEqual([
      'repository:a/b:pull',
      'repository:proxy/a/b:pull',
    ]);
  });

  it('for ever more scopes is limited', async () => {
    const { requests, authorizer } = setUp(undefined, (count) => ({ token: `tok-${count}` }));
    let sent: string | undefined;
    for (let index = 0; index < 50; index++) {
      const scope = `scope="repository:a/${index}:pull ${'x'.repeat(5000)}"`;
      sent = await authorizer.renew(access, BEARER.replace(/scope=.*/, scope), sent);
    }
    const scopes = requests.map(({ url }) => new URL(url).searchParams.getAll('scope'));
    expect(Math.max(...scopes.map((list) => list.length))).toBe(20);
    expect(Math.max(...scopes.flat().map((scope) => scope.length))).toBeLessThan(100);
  });

  it('for a token without permission is not answered with another token of the same scopes', async () => {
    const { requests, authorizer } = setUp(undefined, (count) => ({ token: `tok-${count}` }));
    const sent = await authorizer.renew(access, BEARER, undefined);
    const insufficient = `${BEARER},error="insufficient_scope"`;
    expect(await authorizer.renew(access, insufficient, sent)).toBeUndefined();
    const wider = insufficient.replace('repository:a/b:pull"', 'repository:proxy/a/b:pull"');
    expect(await authorizer.renew(access, wider, sent)).toBe('Bearer tok-2');
    expect(requests).toHaveLength(2);
  });

  it('whose token endpoint denies access is an error with or without a login', async () => {
    const anonymous = setUp(undefined, () => 401);
    await expect(anonymous.authorizer.renew(access, BEARER, undefined)).rejects.toMatchObject({
      code: 'unauthorized',
      message: expect.stringMatching(/^auth\.example .*r\.example .*\b401\b.*repository:a\/b:pull$/),
      hint: expect.stringMatching(/helm airgap login r\.example.*here, there/),
    });
    const known = setUp({ kind: 'basic', username: 'u', password: 'p', source: 'stored in FILE' }, () => 401);
    await expect(known.authorizer.renew(access, BEARER, undefined)).rejects.toThrow(
      /^auth\.example .*r\.example stored in FILE .*user u.*\b401\b.*repository:a\/b:pull$/,
    );
  });

  it.each([
    [{ errors: [{ code: 'DENIED', message: 'suspended' }] }, 'suspended'],
    [{ details: 'incorrect username or password' }, 'incorrect username or password'],
    [{ error: 'invalid_grant', error_description: 'token expired' }, 'token expired'],
    [{ message: `one\n\u001b[2J${'x'.repeat(1000)}` }, 'one'],
    ['<html>', ''],
    [null, ''],
    [{ errors: [null, 1] }, ''],
  ])('whose token endpoint denies access is an error with its text: %j', async (body, words) => {
    const exchange: TokenExchange = async () => ({ status: 401, text: JSON.stringify(body) });
    const authorizer = createAuthorizer({ keychain: { lookup: async () => undefined }, exchange, now: () => 0 });
    const error = await authorizer.renew(access, BEARER, undefined).catch((caught: unknown) => caught as AirgapError);
    expect(error).toMatchObject({ code: 'unauthorized', message: expect.stringContaining(words) });
    expect((error as AirgapError).message.length).toBeLessThan(500);
    expect((error as AirgapError).message).not.toMatch(/\p{Cc}/u);
  });

  it.each([
    ['/token', 'https://r.example/token'],
    ['token?x=1', 'https://r.example/token?x=1'],
    ['//auth.example/t', 'https://auth.example/t'],
  ])('with the realm %s is answered at %s', async (realm, url) => {
    const { requests, authorizer } = setUp(undefined, () => ({ token: 'tok' }));
    expect(await authorizer.renew(access, `Bearer realm="${realm}"`, undefined)).toBe('Bearer tok');
    expect(requests[0]?.url.startsWith(url)).toBe(true);
  });

  it.each(['', 'ftp://auth.example/t', 'file:///etc/passwd', 'javascript:1'])(
    'with the realm %j cannot be answered',
    async (realm) => {
      const { requests, authorizer } = setUp(undefined, () => ({ token: 'tok' }));
      expect(await authorizer.renew(access, `Bearer realm="${realm}"`, undefined)).toBeUndefined();
      expect(requests).toEqual([]);
    },
  );

  it.each([404, 405, 501])(
    'is answered with an identity token as the password of its user after a POST with %d',
    async (status) => {
      const { requests, authorizer } = setUp(
        { kind: 'identity-token', token: 'refresh-me', username: 'me' },
        (count) => (count === 1 ? status : { token: 'tok' }),
      );
      expect(await authorizer.renew(access, BEARER, undefined)).toBe('Bearer tok');
      expect(requests.map(({ method }) => method)).toEqual(['POST', 'GET']);
      expect(requests[1]?.authorization).toBe(basicOf('me:refresh-me'));
      expect(requests[1]?.url).not.toContain('refresh-me');
    },
  );

  it.each([400, 401, 403])(
    'is not answered a second time when an identity token is rejected with %d',
    async (status) => {
      const { requests, authorizer } = setUp({ kind: 'identity-token', token: 'old', username: 'me' }, () => status);
      await expect(authorizer.renew(access, BEARER, undefined)).rejects.toMatchObject({ code: 'unauthorized' });
      expect(requests).toHaveLength(1);
    },
  );

  it('is an error with the login when an identity token without a user is not accepted', async () => {
    const { authorizer } = setUp({ kind: 'identity-token', token: 'x', source: 'stored in FILE' }, () => 405);
    await expect(authorizer.renew(access, BEARER, undefined)).rejects.toMatchObject({
      code: 'registry',
      hint: expect.stringContaining('stored in FILE'),
    });
  });

  it('whose token endpoint fails is an error for all concurrent requests, with a single fetch', async () => {
    const answer = Promise.withResolvers<{ status: number; text: string }>();
    let requests = 0;
    const exchange: TokenExchange = () => {
      requests++;
      return answer.promise;
    };
    const authorizer = createAuthorizer({ keychain: { lookup: async () => undefined }, exchange, now: () => 0 });
    const renewals = [authorizer.renew(access, BEARER, undefined)];
    // The second request starts while the first is waiting.
    await new Promise((resolve) => setImmediate(resolve));
    renewals.push(authorizer.renew(access, BEARER, undefined));
    await new Promise((resolve) => setImmediate(resolve));
    answer.resolve({ status: 500, text: '' });
    expect(await Promise.allSettled(renewals)).toMatchObject(Array(2).fill({ reason: { code: 'registry' } }));
    expect(requests).toBe(1);
  });

  it('whose token endpoint fails once is answered the next time', async () => {
    const { authorizer } = setUp(undefined, (count) => (count === 1 ? 500 : { token: 'tok' }));
    await expect(authorizer.renew(access, BEARER, undefined)).rejects.toMatchObject({ code: 'registry' });
    expect(await authorizer.authorization(access)).toBe('Bearer tok');
  });
});

describe('a basic challenge', () => {
  it('is answered with the credentials, and after a rejection with fresh ones', async () => {
    let password = 'old-password';
    let forgotten = 0;
    const keychain: Keychain = {
      lookup: async () => ({ kind: 'basic', username: 'AWS', password }),
      forget: () => {
        forgotten++;
        password = 'new-password';
      },
    };
    const exchange: TokenExchange = () => Promise.reject(new Error('no token wanted'));
    const authorizer = createAuthorizer({ keychain, exchange, now: () => 0 });
    const first = await authorizer.renew(access, 'Basic realm="x"', undefined);
    expect(first).toBe(basicOf('AWS:old-password'));
    expect(forgotten).toBe(0);
    const second = await authorizer.renew(access, 'Basic realm="x"', first);
    expect(second).toBe(basicOf('AWS:new-password'));
    expect(await authorizer.renew(access, 'Basic realm="x"', second)).toBeUndefined();
  });

  it('without credentials has no answer', async () => {
    const { authorizer } = setUp(undefined, () => 500);
    expect(await authorizer.renew(access, 'Basic realm="x"', undefined)).toBeUndefined();
  });
});

describe('a final refusal', () => {
  const me: Credential = { kind: 'basic', username: 'me', password: 'pw', source: 'stored in FILE', remedy: 'do this' };
  const explained = async (
    credential: Credential | undefined,
    challenge: string | undefined,
    refused: { status: number; sent?: string },
  ) => {
    const { authorizer } = setUp(credential, () => ({ token: 'tok' }));
    await authorizer.renew(access, challenge, undefined);
    return authorizer.explain(access, { wwwAuthenticate: challenge, sent: undefined, ...refused });
  };

  it('of a password has file, user and remedy', async () => {
    expect(await explained(me, 'Basic', { status: 401, sent: 'Basic x' })).toEqual({
      message: expect.stringMatching(/r\.example stored in FILE .*user me/),
      hint: 'do this',
    });
  });

  it('of a token fetched with a login does not suggest a wrong password', async () => {
    const { message, hint } = await explained(me, BEARER, { status: 401, sent: 'Bearer tok' });
    expect(message).toMatch(/r\.example stored in FILE .*user me/);
    expect(hint).toMatch(/do this.*check the name/);
  });

  it('without credentials lists the sources that were searched', async () => {
    const { message, hint } = await explained(undefined, BEARER, { status: 401, sent: 'Bearer tok' });
    expect(message).toContain('r.example');
    expect(hint).toMatch(/helm airgap login r\.example.*here, there/);
  });

  it('with 403 distinguishes a login, no login, and no challenge', async () => {
    expect((await explained(me, 'Basic', { status: 403, sent: 'Basic x' })).message).toContain('FILE (user me)');
    expect((await explained(undefined, BEARER, { status: 403, sent: 'Bearer t' })).hint).toContain('helm airgap login');
    expect((await explained(me, undefined, { status: 403 })).hint).toContain('WWW-Authenticate');
  });

  it.each([
    ['Negotiate', 'Negotiate'],
    ['NTLM, Negotiate abc==', 'NTLM, Negotiate'],
    ['Bearer realm=""', 'Bearer (without a token server URL)'],
  ])('with the challenge %s lists the schemes', async (challenge, schemes) => {
    expect((await explained(me, challenge, { status: 401 })).message).toContain(` ${schemes} `);
  });

  it('limits the length of texts from registries and files', async () => {
    const long = { ...me, username: 'u'.repeat(5000) };
    expect((await explained(long, 'Basic', { status: 401, sent: 'Basic x' })).message.length).toBeLessThan(300);
    const schemes = Array.from({ length: 100 }, (_, i) => `${'x'.repeat(500)}${i}`).join(', ');
    expect((await explained(me, schemes, { status: 401 })).message.length).toBeLessThan(800);
  });
});
