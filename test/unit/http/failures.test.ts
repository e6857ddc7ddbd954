import { describe, expect, it } from 'vitest';
import { describeFailure, isUnknownAuthority } from '../../../src/http/failures.ts';

const context = { url: new URL('https://r.example:5000/v2/'), what: 'r.example:5000/a:1' };
const failed = (code: string, extra: object = {}): Error =>
  Object.assign(new Error('what Node says'), { code, ...extra });

describe('a certificate for other names', () => {
  it('is reported with a limited number of its names', () => {
    const names = Array.from({ length: 40 }, (_, index) => `DNS:n${index}.example`).join(', ');
    const thrown = failed('ERR_TLS_CERT_ALTNAME_INVALID', { cert: { subjectaltname: names } });
    const { error, retryable } = describeFailure(thrown, context);
    expect(retryable).toBe('no');
    expect(error.message).toContain('r.example:5000');
    expect(error.message).toContain('n0.example, n1.example');
    expect(error.message).toContain('35');
    expect(error.message).not.toContain('n5.example');
    const long = failed('ERR_TLS_CERT_ALTNAME_INVALID', { cert: { subjectaltname: `DNS:${'x'.repeat(5000)}` } });
    expect(describeFailure(long, context).error.message.length).toBeLessThan(500);
  });

  it.each([{}, { cert: {} }, { cert: { subjectaltname: 'URI:x' } }])('may have no names: %j', (extra) => {
    const { error } = describeFailure(failed('ERR_TLS_CERT_ALTNAME_INVALID', extra), context);
    expect(error).toMatchObject({ message: expect.stringContaining('subjectAltName'), hint: expect.any(String) });
  });
});

it('an untrusted authority is told from other failures, also in a copy of the error', () => {
  const { error } = describeFailure(failed('SELF_SIGNED_CERT_IN_CHAIN'), context);
  expect([error, error.with({ subject: 'r.example:5000/b:2' })].map(isUnknownAuthority)).toEqual([true, true]);
  for (const code of ['CERT_HAS_EXPIRED', 'ECONNREFUSED'])
    expect(isUnknownAuthority(describeFailure(failed(code), context).error)).toBe(false);
});

it.each(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'])(
  'a certificate outside its validity period is not retried, and the hint mentions the clock: %s',
  (code) => {
    const { error, retryable } = describeFailure(failed(code), context);
    expect(retryable).toBe('no');
    expect(error).toMatchObject({
      code: 'network',
      message: expect.stringContaining('r.example:5000'),
      hint: expect.stringContaining('clock'),
    });
  },
);

describe('a proxy that refuses the tunnel', () => {
  it('for lack of a login leads to a hint that is not redacted', () => {
    const { error } = describeFailure(new Error('Proxy response (407) !== 200'), context);
    expect(error.hint).toMatch(/USER:PASSWORD@.*HTTPS_PROXY/);
    expect(error.hint).not.toContain('***');
  });

  it('to a host leads to a hint with the host', () => {
    const { error } = describeFailure(new Error('Proxy response (403) !== 200'), context);
    expect(error.hint).toContain('r.example:5000');
    expect(error.hint).toContain('NO_PROXY');
  });
});
