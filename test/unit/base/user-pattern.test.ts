import { describe, expect, it } from 'vitest';
import { matchingTexts, patternProblem } from '../../../src/base/user-pattern.ts';

const TAGS = ['1.13.1-alpine-perl', '1.13.2-alpine', 'v2', 'V3', 'latest'];

describe('a regular expression', () => {
  it.each<[string, readonly string[]]>([
    ['^v', ['v2']],
    ['alpine', ['1.13.1-alpine-perl', '1.13.2-alpine']],
    ['^1\\.13\\.[12]-alpine-perl$', ['1.13.1-alpine-perl']],
    ['', TAGS],
    // As Go writes it.
    ['(?i)^v[0-9]', ['v2', 'V3']],
    ['\\Av(?P<number>\\d)\\z', ['v2']],
    ['\\-alpine$', ['1.13.2-alpine']],
    ['[\\-]perl', ['1.13.1-alpine-perl']],
  ])('%j matches', (pattern, expected) => {
    expect(patternProblem(pattern)).toBeUndefined();
    expect(matchingTexts(pattern, TAGS)).toEqual(expected);
  });

  it('may have nothing to match', () => {
    expect(matchingTexts('.', [])).toEqual([]);
    expect(matchingTexts('', [])).toEqual([]);
  });

  it.each(['(', '[a', '*', '\\Qv1\\E', 'a{2,1}', '(?z)v', '\\pN+'])('is none: %s', (pattern) => {
    expect(patternProblem(pattern)).toContain(JSON.stringify(pattern));
  });
});
