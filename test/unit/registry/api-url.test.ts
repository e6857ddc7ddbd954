import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { chainKeychains } from '../../../src/auth/keychain.ts';
import { AirgapError } from '../../../src/base/errors.ts';
import type { HttpRequest } from '../../../src/http/send.ts';
import type { Transport } from '../../../src/http/transport.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import { apiUrl, repositoryFromUrl } from '../../../src/registry/api-url.ts';
import { createRegistryClient } from '../../../src/registry/client.ts';
import { descriptorOf } from '../../support/descriptor.ts';
import fc, { anyCharacter } from '../../support/property.ts';

const digest = `sha256:${'0'.repeat(64)}` as Digest;

/** Creates a transport that responds with a challenge first, then with 404, and records the requests. */
function recorder(): { readonly transport: Transport; readonly requests: HttpRequest[] } {
  const requests: HttpRequest[] = [];
  const transport = {
    scheme: () => 'https',
    retrier: { waitForRetry: async () => false },
    async request(request: HttpRequest) {
      requests.push(request);
      const { url, headers = {} } = request;
      const isToken = url.host === 'auth.example';
      const challenge = { 'www-authenticate': 'Bearer realm="https://auth.example/token",service="s"' };
      const status = isToken ? 200 : headers.authorization === undefined ? 401 : 404;
      const body = Readable.from([Buffer.from(isToken ? '{"token":"t"}' : '')]);
      return { status, headers: status === 401 ? challenge : {}, url, body };
    },
  } as unknown as Transport;
  return { transport, requests };
}

const hostile = fc.oneof(
  fc.constantFrom(
    '1.0/../../../../api/users?role=admin',
    '1.0?x=1',
    '1.0#',
    '..',
    '../../other/manifests/1.0',
    '%2e%2e%2f%2e%2e',
    '1\\..\\..',
    '//evil.example/x',
    'https://evil.example/',
    'a/../../b',
    'a:pull repository:b',
    '1.0\r\nx: y',
    ' ',
    '',
  ),
  fc.string({ unit: anyCharacter, maxLength: 40 }),
  fc.string({ unit: fc.constantFrom(...'a.1/\\?#%:@&= -_\n'.split('')), maxLength: 20 }),
);
const name = fc.oneof({ weight: 3, arbitrary: fc.constant('a/b') }, { weight: 1, arbitrary: hostile });
const host = fc.oneof({ weight: 5, arbitrary: fc.constant('r.example:5000') }, { weight: 1, arbitrary: hostile });

describe('a URL of a registry’s API', () => {
  it('follows the specification', () => {
    const repository = { registry: 'r.example:5000', path: 'a/b__c' };
    const of = (endpoint: Parameters<typeof apiUrl>[2]): string => apiUrl('https', repository, endpoint).href;
    const base = 'https://r.example:5000/v2/a/b__c/';
    expect(of({ kind: 'manifests', reference: 'v1.0_x' })).toBe(`${base}manifests/v1.0_x`);
    expect(of({ kind: 'manifests', reference: digest })).toBe(`${base}manifests/${digest}`);
    expect(of({ kind: 'blobs', digest })).toBe(`${base}blobs/${digest}`);
    expect(of({ kind: 'referrers', digest })).toBe(`${base}referrers/${digest}`);
    expect(of({ kind: 'uploads' })).toBe(`${base}blobs/uploads/`);
    expect(of({ kind: 'tags' })).toBe(`${base}tags/list?n=1000`);
    expect(of({ kind: 'tags', query: '?last=v1' })).toBe(`${base}tags/list?last=v1`);
    expect(of({ kind: 'catalog' })).toBe('https://r.example:5000/v2/_catalog?n=1000');
    const from = { registry: 'r.example:5000', path: 'c/d' };
    expect(of({ kind: 'uploads', mount: { digest, from } })).toBe(`${base}blobs/uploads/?mount=${digest}&from=c/d`);
    expect(apiUrl('https', { registry: 'docker.io', path: 'library/x' }, { kind: 'uploads' }).host).toBe(
      'registry-1.docker.io',
    );
  });

  it.each(['r.example:99999', '256.1.1.1'])('is rejected for an invalid host: %s', (registry) => {
    expect(() => apiUrl('https', { registry, path: 'a' }, { kind: 'tags' })).toThrow(
      expect.objectContaining({ code: 'reference-invalid', message: expect.stringContaining(registry) }),
    );
  });

  it('never leaves its list for arbitrary queries', () => {
    fc.assert(
      fc.property(hostile, fc.constantFrom('tags', 'catalog'), (query, kind) => {
        const url = apiUrl('https', { registry: 'r.example', path: 'a/b' }, { kind, query });
        expect(url.origin).toBe('https://r.example');
        expect(url.pathname).toBe(kind === 'tags' ? '/v2/a/b/tags/list' : '/v2/_catalog');
        expect(url.hash).toBe('');
      }),
    );
  });

  it('never leaves the repository, and scopes name only that repository, for arbitrary names', async () => {
    let sent = 0;
    await fc.assert(
      fc.asyncProperty(host, name, hostile, name, async (registry, path, reference, other) => {
        const { transport, requests } = recorder();
        const client = createRegistryClient({ transport, keychain: chainKeychains() });
        const repository = { registry, path };
        const bytes = Buffer.from('{}');
        const descriptor = { ...descriptorOf(bytes), digest: reference as Digest };
        const body = { size: 2, open: async () => Readable.from([bytes]) };
        const content = { bytes, descriptor: descriptorOf(bytes) };
        const ends = await Promise.allSettled([
          client.manifest(repository, reference),
          client.head(repository, reference),
          client.putManifest(repository, content, reference),
          client.hasBlob(repository, descriptor),
          client.blob(repository, descriptor).open(),
          client.referrers(repository, reference as Digest),
          client.putBlob(repository, content.descriptor, body, { mountFrom: { registry, path: other } }),
        ]);
        for (const end of ends) if (end.status === 'rejected') expect(end.reason).toBeInstanceOf(AirgapError);
        for (const { url } of requests) {
          const scopes = url.searchParams.getAll('scope');
          if (url.host === 'auth.example') {
            for (const scope of scopes) expect(scope).toMatch(/^repository:[a-z0-9._/-]+:pull(?:,push)?$/);
            continue;
          }
          sent++;
          expect(url.host).toBe(new URL(`https://${registry}`).host);
          expect(url.pathname).toMatch(/^\/v2\/[a-z0-9._/-]+\/(?:manifests|blobs|referrers)\/[\w.:-]*(?:\/)?$/);
          expect(url.pathname.startsWith(`/v2/${path}/`)).toBe(true);
          expect([...url.searchParams.keys()].filter((key) => key !== 'mount' && key !== 'from')).toEqual([]);
        }
      }),
      { numRuns: 300 },
    );
    expect(sent).toBeGreaterThan(100);
  });
});

it.each([
  ['https://registry-1.docker.io/v2/library/x/manifests/1', { registry: 'docker.io', path: 'library/x' }],
  ['https://ghcr.io/v2/a/b/blobs/sha256:0?x=1', { registry: 'ghcr.io', path: 'a/b' }],
  ['https://ghcr.io:8443/v2/a/referrers/sha256:0', { registry: 'ghcr.io:8443', path: 'a' }],
  ['https://[::1]:5000/v2/a/manifests/1', { registry: '[::1]:5000', path: 'a' }],
  ['https://ghcr.io/v2/a/blobs/uploads/1', undefined],
  ['https://ghcr.io/v2/a%2Fb/manifests/1', undefined],
  ['https://ghcr.io/v2/a/manifests/', undefined],
  ['https://ghcr.io/x/v2/a/manifests/1', undefined],
  ['https://ghcr.io/v2/', undefined],
])('the repository of %s', (url, repository) => {
  expect(repositoryFromUrl(new URL(url))).toEqual(repository);
});
