import { expect, test } from 'vitest';
import { parseRoute } from '../../../src/serve/route.ts';

const digest = `sha256:${'a'.repeat(64)}`;

test.each([
  ['/v2/', { kind: 'base' }],
  ['/v2', { kind: 'base' }],
  ['/v2/a/manifests/v1', { kind: 'manifest', name: 'a', reference: 'v1' }],
  ['/v2/a/b/manifests/v1?ns=docker.io', { kind: 'manifest', name: 'a/b', reference: 'v1' }],
  [`/v2/manifests/blobs/manifests/${digest}`, { kind: 'manifest', name: 'manifests/blobs', reference: digest }],
  [`/v2/a/blobs/${digest}`, { kind: 'blob', name: 'a', digest }],
  [`/v2/a/blobs/${digest.replace(':', '%3A')}`, { kind: 'blob', name: 'a', digest }],
  ['/v2/_catalog', { kind: 'catalog' }],
  ['/v2/a/tags/list?n=2', { kind: 'tags', name: 'a' }],
  [`/v2/a/referrers/${digest}`, { kind: 'referrers', name: 'a', digest }],
])('%s is an endpoint', (target, route) => {
  expect(parseRoute(target)).toMatchObject(route);
});

test.each([
  ['/', 'unknown'],
  ['', 'unknown'],
  ['*', 'unknown'],
  ['/v1/a', 'unknown'],
  ['/v2//', 'unknown'],
  ['/v2/a', 'unknown'],
  ['/v2/manifests/v1', 'unknown'],
  ['/v2/a/tags/other', 'unknown'],
  ['/v2/a/blobs/uploads/', 'unknown'],
  ['http://other/v2/a/manifests/v1', 'unknown'],
  ['/v2/%zz/manifests/v1', 'unknown'],
  ['/v2/../manifests/v1', 'invalid-name'],
  ['/v2/%2e%2e/manifests/v1', 'invalid-name'],
  ['/v2/a%00/manifests/v1', 'invalid-name'],
  ['/v2/A/manifests/v1', 'invalid-name'],
  [`/v2/${'a'.repeat(256)}/manifests/v1`, 'invalid-name'],
  ['/v2/a/blobs/sha256:abc', 'invalid-digest'],
  ['/v2/a/blobs/..', 'invalid-digest'],
  ['/v2/a/referrers/v1', 'invalid-digest'],
])('%s is none', (target, kind) => {
  expect(parseRoute(target).kind).toBe(kind);
});
