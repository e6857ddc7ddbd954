import { describe, expect, it } from 'vitest';
import { AirgapError } from '../../../src/base/errors.ts';
import {
  formatReference,
  formatRepository,
  parseReference,
  type Reference,
  tagOrDigestOf,
  tryParseReference,
  tryParseRepository,
} from '../../../src/oci/reference.ts';
import fc from '../../support/property.ts';

const HEX = 'ab'.repeat(32);
const DIGEST = `sha256:${HEX}`;

describe('references, as github.com/distribution/reference normalises them', () => {
  it.each([
    ['nginx', 'docker.io/library/nginx:latest'],
    ['nginx:1.27', 'docker.io/library/nginx:1.27'],
    [`nginx@${DIGEST}`, `docker.io/library/nginx@${DIGEST}`],
    ['bitnami/redis', 'docker.io/bitnami/redis:latest'],
    ['docker.io/nginx', 'docker.io/library/nginx:latest'],
    ['docker.io/library/nginx', 'docker.io/library/nginx:latest'],
    ['index.docker.io/nginx', 'docker.io/library/nginx:latest'],
    ['index.docker.io/bitnami/redis:7', 'docker.io/bitnami/redis:7'],
    ['localhost/x', 'localhost/x:latest'],
    ['localhost:5000/x', 'localhost:5000/x:latest'],
    ['localhost:5000', 'docker.io/library/localhost:5000'],
    ['registry/a/b', 'docker.io/registry/a/b:latest'],
    [`registry:5000/a/b:1@${DIGEST}`, `registry:5000/a/b:1@${DIGEST}`],
    ['registry.example/a/b/c/d:V1.2_x', 'registry.example/a/b/c/d:V1.2_x'],
    ['Registry.Example/a', 'Registry.Example/a:latest'],
    ['Foo/bar', 'Foo/bar:latest'],
    ['127.0.0.1:5000/x', '127.0.0.1:5000/x:latest'],
    ['[::1]:5000/x:1', '[::1]:5000/x:1'],
    ['[fe80::1]/x', '[fe80::1]/x:latest'],
    ['xn--n3h.com/myimage', 'xn--n3h.com/myimage:latest'],
    ['a__b', 'docker.io/library/a__b:latest'],
    ['a---b', 'docker.io/library/a---b:latest'],
    ['a.b_c-d', 'docker.io/library/a.b_c-d:latest'],
    [`nginx@sha512:${'c'.repeat(128)}`, `docker.io/library/nginx@sha512:${'c'.repeat(128)}`],
    [`x:${'t'.repeat(128)}`, `docker.io/library/x:${'t'.repeat(128)}`],
    ['x:_a', 'docker.io/library/x:_a'],
    [`${HEX}:1`, `docker.io/library/${HEX}:1`],
    [`x/${HEX}`, `docker.io/x/${HEX}:latest`],
  ])('%s is %s', (written, full) => {
    expect(formatReference(parseReference(written))).toBe(full);
  });

  it.each([
    '',
    ' ',
    ' nginx',
    'nginx ',
    'nginx\n',
    'Nginx',
    'docker.io/Library/nginx',
    'nginx:',
    'nginx@',
    'nginx:1@',
    ':1',
    `@${DIGEST}`,
    '/nginx',
    'nginx/',
    'a//b',
    'docker.io/',
    'localhost/',
    'a___b',
    'a..b',
    'a._b',
    '-a',
    'a-',
    '_a',
    'x:-1',
    'x:.1',
    'x:1+2',
    `x:${'t'.repeat(129)}`,
    'nginx:1:2',
    'registry.example:port/x',
    'registry.example:/x',
    '-registry.example/x',
    'regis_try.example/x',
    '[::1/x',
    '::1/x',
    'https://quay.io/x',
    'quay.io/x?y',
    `nginx@${DIGEST.toUpperCase()}`,
    'nginx@sha256:abc',
    `nginx@md5:${'a'.repeat(32)}`,
    `nginx@${DIGEST}@${DIGEST}`,
    `nginx@${DIGEST}:1`,
    HEX,
    'nginх', // a Cyrillic letter
  ])('%j is not a reference', (written) => {
    expect(tryParseReference(written)).toBeUndefined();
    expect(() => parseReference(written)).toThrow(AirgapError);
  });

  it('limits the path to 255 characters, whatever the host', () => {
    const host = `${'h'.repeat(60)}.example`;
    expect(tryParseReference(`${host}/${'a'.repeat(255)}:1`)?.path).toHaveLength(255);
    expect(tryParseReference(`${host}/${'a'.repeat(256)}:1`)).toBeUndefined();
    expect(tryParseReference('a'.repeat(247))?.path).toBe(`library/${'a'.repeat(247)}`);
    expect(tryParseReference('a'.repeat(248))).toBeUndefined();
  });

  it('repeats the text, truncated to one line', () => {
    expect(() => parseReference('No Image')).toThrow('"No Image"');
    const error = (() => {
      try {
        return parseReference('X'.repeat(100_000));
      } catch (thrown) {
        return thrown as AirgapError;
      }
    })() as AirgapError;
    expect(error.code).toBe('reference-invalid');
    expect(error.message.length).toBeLessThan(300);
  });

  it('refuses long invalid text without delay', () => {
    const start = performance.now();
    for (const text of [`${'a-'.repeat(50_000)}/x`, 'a.'.repeat(50_000), `${'a'.repeat(100_000)}.!/x`]) {
      expect(tryParseReference(text)).toBeUndefined();
    }
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

const label = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,8}[a-z0-9])?$/);
const host = fc
  .tuple(fc.array(label, { minLength: 2, maxLength: 4 }), fc.option(fc.integer({ min: 1, max: 65535 })))
  .map(([labels, port]) => `${labels.join('.')}${port === null ? '' : `:${port}`}`)
  .filter((text) => text !== 'docker.io' && text !== 'index.docker.io');
const component = fc.stringMatching(/^[a-z0-9]{1,5}(?:(?:[._]|__|-{1,3})[a-z0-9]{1,5}){0,2}$/);
const path = fc.array(component, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
const digest = fc.stringMatching(/^[0-9a-f]{64}$/).map((hex) => `sha256:${hex}` as const);
const tag = fc.stringMatching(/^\w[\w.-]{0,127}$/);
const reference: fc.Arbitrary<Reference> = fc
  .record({
    registry: host,
    path,
    tag: fc.option(tag, { nil: undefined }),
    digest: fc.option(digest, { nil: undefined }),
  })
  .map(({ registry, path, tag, digest }) => ({
    registry,
    path,
    ...(tag !== undefined || digest === undefined ? { tag: tag ?? 'latest' } : {}),
    ...(digest === undefined ? {} : { digest }),
  }));

describe('round trips', () => {
  it('reads back every reference that it writes', () => {
    fc.assert(
      fc.property(reference, (ref) => {
        expect(parseReference(formatReference(ref))).toEqual(ref);
      }),
    );
  });

  it('is idempotent for any text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a-zA-Z0-9._:/@-]{1,40}$/)), (text) => {
        const first = tryParseReference(text);
        if (first !== undefined) expect(parseReference(formatReference(first))).toEqual(first);
      }),
    );
  });

  it('parses the repository of a reference alike, with and without a tag', () => {
    fc.assert(
      fc.property(reference, (ref) => {
        expect(tryParseRepository(formatRepository(ref))).toEqual({ registry: ref.registry, path: ref.path });
      }),
    );
  });
});

describe('tagOrDigestOf', () => {
  it('prefers the digest', () => {
    expect(tagOrDigestOf(parseReference(`nginx:1@${DIGEST}`))).toBe(DIGEST);
    expect(tagOrDigestOf(parseReference('nginx:1'))).toBe('1');
    expect(tagOrDigestOf(parseReference('nginx'))).toBe('latest');
  });
});
