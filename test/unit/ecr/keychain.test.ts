import { describe, expect, it } from 'vitest';
import { decodeToken, type IssuedCredential, TokenCache } from '../../../src/ecr/keychain.ts';

const HOUR = 3_600_000;

function issuer(lifetime: number) {
  let count = 0;
  return async (): Promise<IssuedCredential> => {
    count++;
    return { credential: { kind: 'registry-token', token: `t${count}` }, expiresAt: lifetime };
  };
}

describe('tokens', () => {
  it('are used until half an hour before expiry, and fetched once for concurrent callers', async () => {
    const cache = new TokenCache();
    const fetch = issuer(12 * HOUR);
    const both = await Promise.all([cache.get('r', 0, fetch), cache.get('r', 0, fetch)]);
    expect(both.map((credential) => 'token' in credential && credential.token)).toEqual(['t1', 't1']);
    expect(await cache.get('r', 11 * HOUR, fetch)).toMatchObject({ token: 't1' });
    expect(await cache.get('r', 11.6 * HOUR, fetch)).toMatchObject({ token: 't2' });
    expect(await cache.get('other', 0, fetch)).toMatchObject({ token: 't3' });
  });

  it('are fetched again after a rejection or a failed fetch', async () => {
    const cache = new TokenCache();
    const fetch = issuer(12 * HOUR);
    await expect(cache.get('r', 0, () => Promise.reject(new Error('down')))).rejects.toThrow('down');
    await cache.get('r', 0, fetch);
    cache.forget('r');
    expect(await cache.get('r', 0, fetch)).toMatchObject({ token: 't2' });
  });

  it('that are expired on arrival are used for a minute', async () => {
    const cache = new TokenCache();
    const fetch = issuer(-1);
    await cache.get('r', 0, fetch);
    expect(await cache.get('r', 59_000, fetch)).toMatchObject({ token: 't1' });
    expect(await cache.get('r', 61_000, fetch)).toMatchObject({ token: 't2' });
  });

  it('are user and password in base64', () => {
    expect(decodeToken(Buffer.from('AWS:pass:word').toString('base64'))).toEqual({
      username: 'AWS',
      password: 'pass:word',
    });
  });
});
