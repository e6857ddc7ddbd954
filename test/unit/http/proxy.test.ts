import { describe, expect, it } from 'vitest';
import { proxyFromEnvironment } from '../../../src/http/proxy.ts';

const PROXY = 'http://proxy.example:3128';
const through = (env: Record<string, string>, url: string): string | undefined =>
  proxyFromEnvironment(env)(new URL(url))?.href;

describe('the proxy of the environment', () => {
  it('is chosen by the scheme of the request, in either case of the variable', () => {
    expect(through({ HTTPS_PROXY: PROXY }, 'https://quay.io/')).toBe(`${PROXY}/`);
    expect(through({ https_proxy: PROXY }, 'https://quay.io/')).toBe(`${PROXY}/`);
    expect(through({ HTTPS_PROXY: PROXY }, 'http://quay.io/')).toBeUndefined();
    expect(through({ HTTP_PROXY: 'proxy.example:3128' }, 'http://quay.io/')).toBe(`${PROXY}/`);
  });

  it.each([
    ['quay.io', 'https://quay.io/', true],
    ['quay.io', 'https://cdn.quay.io/', true],
    ['.quay.io', 'https://quay.io/', false],
    ['.quay.io', 'https://cdn.quay.io/', true],
    ['*.quay.io', 'https://cdn.quay.io/', true],
    ['quay.io', 'https://notquay.io/', false],
    ['quay.io:8443', 'https://quay.io/', false],
    ['quay.io:8443', 'https://quay.io:8443/', true],
    ['quay.io:443', 'https://quay.io/', true],
    ['10.0.0.0/8', 'https://10.20.30.40:5000/', true],
    ['10.0.0.0/8', 'https://11.20.30.40:5000/', false],
    ['192.0.2.7', 'https://192.0.2.7/', true],
    ['fd00::/8', 'https://[fd12::1]/', true],
    ['other.example, QUAY.io', 'https://quay.io/', true],
    ['*', 'https://quay.io/', true],
  ])('with NO_PROXY=%s, %s is direct: %s', (NO_PROXY, url, direct) => {
    expect(through({ HTTPS_PROXY: PROXY, NO_PROXY }, url)).toBe(direct ? undefined : `${PROXY}/`);
  });

  it('is never used for localhost', () => {
    for (const host of ['localhost', '127.0.0.1', '127.8.8.8', '[::1]']) {
      expect(through({ HTTP_PROXY: PROXY }, `http://${host}:5000/`)).toBeUndefined();
    }
  });

  it('has to be a usable URL, and its password is redacted', () => {
    const invalid = (): unknown => proxyFromEnvironment({ HTTPS_PROXY: 'ftp://user:geheim123@proxy.example' });
    expect(invalid).toThrow(expect.objectContaining({ code: 'config' }));
    expect(invalid).not.toThrow(/geheim123/);
  });
});
