import { describe, expect, it } from 'vitest';
import { configuredKeychain } from '../../../src/auth/configured-keychain.ts';
import { redact } from '../../../src/base/redact.ts';

const PASSWORD = 'a geheim of the test';
const env = { USER_OF: 'robot', SECRET_OF: PASSWORD, EMPTY: '', COLON: 'me:geheim', CRLF: 'geheim\r' };
const login = (more: object = {}, variables: Record<string, string> = env) =>
  configuredKeychain([{ registry: 'R.example:5000', secret: { variable: 'SECRET_OF' }, ...more }], variables, 'a.yaml');

describe('logins of a configuration file', () => {
  it('are for their registry only, and removed from output', async () => {
    const keychain = login({ username: { variable: 'USER_OF' } });
    expect(await keychain.lookup('r.example:5000', 'a/b')).toMatchObject({
      ...{ kind: 'basic', username: 'robot', password: PASSWORD },
      source: expect.stringContaining('SECRET_OF'),
    });
    for (const other of ['r.example', 'r.example:5001', 'x.r.example:5000']) {
      expect(await keychain.lookup(other)).toBeUndefined();
      expect(keychain.sources?.(other)).toEqual([]);
    }
    expect(redact(`the ${PASSWORD}`)).toBe('the ***');
  });

  it('may have a user in the file, or a bearer token', async () => {
    expect(await login({ username: 'me' }).lookup('r.example:5000')).toMatchObject({ kind: 'basic', username: 'me' });
    const token = await login().lookup('r.example:5000');
    expect(token).toMatchObject({ kind: 'registry-token', token: PASSWORD });
  });

  it.each([
    ['a secret that is not set', {}, {}, /SECRET_OF.*not set/],
    ['an empty secret', { secret: { variable: 'EMPTY' } }, env, /EMPTY.*empty/],
    ['a secret with the end of a line', { secret: { variable: 'CRLF' } }, env, /CRLF.*line break/],
    ['a user that is not set', { username: { variable: 'NO_USER' } }, env, /NO_USER.*not set/],
    ['a user with a password', { username: { variable: 'COLON' } }, env, /user name/],
  ])('%s is an error when the registry asks, and not before', async (_, more, variables, message) => {
    const keychain = login(more, variables);
    expect(await keychain.lookup('other.example')).toBeUndefined();
    const failure = await keychain.lookup('r.example:5000').catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'config', exitCode: 2, message: expect.stringMatching(message) });
    expect(String(failure)).not.toContain('geheim');
  });
});
