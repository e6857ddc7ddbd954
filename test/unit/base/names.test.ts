import { describe, expect, test } from 'vitest';
import { checkName, isName, type NameKind, toFileName } from '../../../src/base/names.ts';
import { printable, printableLine } from '../../../src/base/printable.ts';
import fc, { anyCharacter } from '../../support/property.ts';

const good: readonly (readonly [NameKind, readonly string[]])[] = [
  ['chart name', ['cert-manager', 'K8s_app', 'a.b', '0x']],
  ['chart version', ['1.2.3', 'v1.17.2', '1.2', 'v1', '1.0.0-rc.1', '0.1.0+sha.5114f85', '1.0.0-alpha-beta']],
  ['release name', ['a', 'rel-1', 'a.b']],
  ['namespace', ['default', 'a-1']],
  ['object name', ['my.object-1', 'a'.repeat(253)]],
  [
    'registry',
    ['docker.io', 'localhost:5000', '[::1]:5000', 'MY-host.example', '123456789012.dkr.ecr.us-east-1.amazonaws.com'],
  ],
  ['repository', ['library/nginx', 'a__b/c-d', 'a--b']],
  ['tag', ['v1', '_x', 'A.b-c']],
  ['file name', ['cert-manager-1.0.0+b.yaml']],
];
const hostile = [
  '',
  '.',
  '..',
  '../x',
  'a/../b',
  'a//b',
  '/a',
  'a\n',
  'a\u0085b',
  '-a',
  'a?b=c',
  'a%2fb',
  'a#b',
  'a b',
  'a\\b',
  '\u001b[2J',
  'a\u0000',
];

describe('checkName', () => {
  test.each(good)('accepts valid names: %s', (kind, names) => {
    for (const name of names) expect(isName(kind, name), name).toBe(true);
  });

  test.each(good)('refuses hostile names: %s', (kind) => {
    for (const name of hostile) expect(isName(kind, name), JSON.stringify(name)).toBe(false);
    expect(isName(kind, 'a'.repeat(300))).toBe(false);
  });

  test.each<readonly [NameKind, readonly string[], readonly string[]]>([
    ['account', ['ann', 'øre', 'ann.b@corp.example', '$svc_1-x'], ['Ann', 'a b', 'a/b', 'id:7', 'a:b', 'a\u0301']],
    ['team', ['dev', 'Dev & Ops', 'a/b', '研究'], [' dev', 'dev ', 'id:7', 'a\tb', 'a\u2028b', 'a\u202eb']],
  ])('%s: follows the form of the API, and refuses what a URL or the API resolves', (kind, valid, invalid) => {
    for (const name of valid) expect(isName(kind, name), name).toBe(true);
    const refused = [...invalid, '', '.', '..', 'a\n', 'a\u0000', '\u001b[2J', 'a'.repeat(101)];
    for (const name of refused) expect(isName(kind, name), JSON.stringify(name)).toBe(false);
  });

  test('quotes the name, escaped, with the code of the caller', () => {
    expect(() => checkName('chart version', '1.0\u001b[31m', 'Chart.yaml of x', 'bundle-invalid')).toThrow(
      expect.objectContaining({ code: 'bundle-invalid', message: expect.not.stringContaining('\u001b') }),
    );
  });
});

describe('toFileName', () => {
  test('returns one safe path component for any text', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: anyCharacter }), { maxLength: 3 }), (parts) => {
        expect(isName('file name', toFileName(...parts))).toBe(true);
      }),
    );
  });
});

describe('printable', () => {
  test('escapes control characters', () => {
    expect(printable('a\u001b[2J\u009b1m\u202eb\tc\nd')).toBe('a\\x1b[2J\\x9b1m\\u202eb\tc\nd');
    expect(printableLine('a\nb\tc')).toBe('a\\nb\\tc');
  });
});
