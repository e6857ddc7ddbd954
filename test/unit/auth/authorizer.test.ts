import { describe, expect, it } from 'vitest';
import { type Access, createAuthorizer } from '../../../src/auth/authorizer.ts';
import type { Credential } from '../../../src/auth/credential.ts';
import type { Keychain } from '../../../src/auth/keychain.ts';
import type { TokenExchange } from '../../../src/auth/token.ts';

const access: Access = { registry: 'r.example', path: 'a/b', scopes: ['repository:a/b:pull'] };
const BEARER = 'Bearer realm="https://auth.example/token?x=1",service="r.example",scope="repository:a/b:pull"';

interface Asked {
  method: string;
  url: string;
  authorization: string | undefined;
  form: string | undefined;
}

function setUp(credential: Credential | undefined, answer: (count: number) => object | number) {
  const asked: Asked[] = [];
  const clock = { now: 0 };
  const exchange: TokenExchange = async ({ method, url, headers, form }) => {
    asked.push({ method, url: url.href, authorization: headers.authorization, form });
    await new Promise((resolve) => setTimeout(resolve, 2));
    const given = answer(asked.length);
    return typeof given === 'number' ? { status: given, text: '' } : { status: 200, text: JSON.stringify(given) };
  };
  const keychain: Keychain = { lookup: async () => credential };
  return { asked, clock, authorizer: createAuthorizer({ keychain, exchange, now: () => clock.now }) };
}

describe('a bearer challenge', () => {
  it('is answered with a token for the scope, asked for with the credentials', async () => {
    const { asked, authorizer } = setUp({ kind: 'basic', username: 'u', password: 'p' }, () => ({ token: 'tok-1' }));
    expect(await authorizer.authorization(access)).toBeUndefined();
    expect(await authorizer.renew(access, BEARER, undefined)).toBe('Bearer tok-1');
    expect(await authorizer.authorization(access)).toBe('Bearer tok-1');
    expect(asked).toEqual([
      {
        method: 'GET',
        url: 'https://auth.example/token?x=1&service=r.example&scope=repository%3Aa%2Fb%3Apull',
        authorization: `Basic ${Buffer.from('u:p').toString('base64')}`,
        form: undefined,
      },
    ]);
  });

  it('is answered anonymously without credentials', async () => {
    const { asked, authorizer } = setUp(undefined, () => ({ access_token: 'anon' }));
    expect(await authorizer.renew(access, BEARER, undefined)).toBe('Bearer anon');
    expect(asked[0]?.authorization).toBeUndefined();
  });

  it('is answered with an identity token by POST, which stays out of the URL', async () => {
    const { asked, authorizer } = setUp({ kind: 'identity-token', token: 'refresh-me' }, () => ({ access_token: 't' }));
    expect(await authorizer.renew(access, BEARER, undefined)).toBe('Bearer t');
    expect(asked).toMatchObject([{ method: 'POST', url: 'https://auth.example/token?x=1' }]);
    expect(Object.fromEntries(new URLSearchParams(asked[0]?.form))).toEqual({
      grant_type: 'refresh_token',
      service: 'r.example',
      client_id: 'helm-airgap',
      scope: 'repository:a/b:pull',
      refresh_token: 'refresh-me',
    });
  });

  it('is answered once for many at the same time', async () => {
    const { asked, authorizer } = setUp(undefined, (count) => ({ token: `tok-${count}` }));
    const all = await Promise.all(Array.from({ length: 8 }, () => authorizer.renew(access, BEARER, undefined)));
    expect(new Set(all)).toEqual(new Set(['Bearer tok-1']));
    expect(asked).toHaveLength(1);
  });

  it('is answered anew before the token ends; without a word about it that is 60 s', async () => {
    const { asked, authorizer, clock } = setUp(undefined, (count) => ({ token: `tok-${count}` }));
    await authorizer.renew(access, BEARER, undefined);
    clock.now = 50_000;
    expect(await authorizer.authorization(access)).toBe('Bearer tok-1');
    clock.now = 55_000;
    const both = await Promise.all([authorizer.authorization(access), authorizer.authorization(access)]);
    expect(both).toEqual(['Bearer tok-2', 'Bearer tok-2']);
    expect(asked).toHaveLength(2);
  });

  it('in mid-run drops the token that was refused, once for all who sent it', async () => {
    const { asked, authorizer } = setUp(undefined, (count) => ({ token: `tok-${count}`, expires_in: 3600 }));
    const sent = await authorizer.renew(access, BEARER, undefined);
    const renewed = await Promise.all([authorizer.renew(access, BEARER, sent), authorizer.renew(access, BEARER, sent)]);
    expect(renewed).toEqual(['Bearer tok-2', 'Bearer tok-2']);
    expect(asked).toHaveLength(2);
  });

  it('that asks for another scope than the path suggests gets both, from then on', async () => {
    const { asked, authorizer } = setUp(undefined, (count) => ({ token: `tok-${count}` }));
    const wider = BEARER.replace('repository:a/b:pull"', 'repository:proxy/a/b:pull"');
    await authorizer.renew(access, wider, undefined);
    expect(await authorizer.authorization(access)).toBe('Bearer tok-1');
    expect(new URL(asked[0]?.url ?? '').searchParams.getAll('scope')).toEqual([
      'repository:a/b:pull',
      'repository:proxy/a/b:pull',
    ]);
  });

  it('for a token that has not the right is not answered with another one of the same kind', async () => {
    const { asked, authorizer } = setUp(undefined, (count) => ({ token: `tok-${count}` }));
    const sent = await authorizer.renew(access, BEARER, undefined);
    const insufficient = `${BEARER},error="insufficient_scope"`;
    expect(await authorizer.renew(access, insufficient, sent)).toBeUndefined();
    const wider = insufficient.replace('repository:a/b:pull"', 'repository:proxy/a/b:pull"');
    expect(await authorizer.renew(access, wider, sent)).toBe('Bearer tok-2');
    expect(asked).toHaveLength(2);
  });

  it('whose token endpoint refuses is an error that says whether credentials were there', async () => {
    const anonymous = setUp(undefined, () => 401);
    await expect(anonymous.authorizer.renew(access, BEARER, undefined)).rejects.toMatchObject({
      code: 'unauthorized',
      message: 'auth.example gives no anonymous access to r.example (401): no token for repository:a/b:pull',
      hint: 'log in first: helm registry login r.example',
    });
    const known = setUp({ kind: 'basic', username: 'u', password: 'p' }, () => 401);
    await expect(known.authorizer.renew(access, BEARER, undefined)).rejects.toThrow(
      'auth.example refuses the credentials that are stored for r.example (401): no token for repository:a/b:pull',
    );
  });

  it('whose token endpoint fails once is asked again the next time', async () => {
    const { authorizer } = setUp(undefined, (count) => (count === 1 ? 500 : { token: 'tok' }));
    await expect(authorizer.renew(access, BEARER, undefined)).rejects.toMatchObject({ code: 'registry' });
    expect(await authorizer.authorization(access)).toBe('Bearer tok');
  });
});

describe('a basic challenge', () => {
  it('is answered with the credentials, and after a refusal with fresh ones', async () => {
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
    expect(first).toBe(`Basic ${Buffer.from('AWS:old-password').toString('base64')}`);
    expect(forgotten).toBe(0);
    const second = await authorizer.renew(access, 'Basic realm="x"', first);
    expect(second).toBe(`Basic ${Buffer.from('AWS:new-password').toString('base64')}`);
    expect(await authorizer.renew(access, 'Basic realm="x"', second)).toBeUndefined();
  });

  it('without credentials has no answer', async () => {
    const { authorizer } = setUp(undefined, () => 500);
    expect(await authorizer.renew(access, 'Basic realm="x"', undefined)).toBeUndefined();
  });
});
