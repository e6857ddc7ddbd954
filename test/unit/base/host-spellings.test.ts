import { describe, expect, test } from 'vitest';
import { isPlainHttp } from '../../../src/base/host-spellings.ts';

describe('a host of --plain-http', () => {
  test.each([
    ['r.example', 'r.example', true],
    ['r.example:5000', 'r.example', true],
    ['r.example:5000', 'R.Example:5000', true],
    ['r.example', 'r.example:80', true],
    ['r.example', 'r.example:5000', false],
    ['r.example:5001', 'r.example:5000', false],
    ['other.example', 'r.example', false],
  ])('for %s: %s is %j', (host, named, expected) => {
    expect(isPlainHttp(host, ['x.example', named])).toBe(expected);
  });
});
