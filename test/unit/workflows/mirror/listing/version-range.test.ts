import { describe, expect, it } from 'vitest';
import { isVersionRange, satisfyingTags } from '../../../../../src/workflows/mirror/listing/version-range.ts';

const TAGS = [
  '1.0.0',
  '1.2',
  'v1.3.0',
  '1.10.0',
  '2',
  '2.0.0-rc.1',
  '2.1.0',
  '3.0.0-alpine',
  'latest',
  '1.2.3.4',
  'x1.2.3',
];

describe('tags within a range', () => {
  it.each<[string, readonly string[]]>([
    ['>= 1.2', ['1.2', 'v1.3.0', '1.10.0', '2', '2.1.0']],
    ['>=1.2, <2', ['1.2', 'v1.3.0', '1.10.0']],
    ['>= 1.2 < 2', ['1.2', 'v1.3.0', '1.10.0']],
    ['^1.2.0', ['1.2', 'v1.3.0', '1.10.0']],
    ['~1.2', ['1.2']],
    ['1.x', ['1.0.0', '1.2', 'v1.3.0', '1.10.0']],
    ['1.2 - 1.3', ['1.2', 'v1.3.0']],
    ['=v1.3.0', ['v1.3.0']],
    ['< 1.2 || >= 2.1', ['1.0.0', '2.1.0']],
    ['>=1, !=1.3.0, !=2', ['1.0.0', '1.2', '1.10.0']],
    ['=> 2', ['2', '2.1.0']],
    ['>= 2.0.0-0', ['2', '2.0.0-rc.1', '2.1.0', '3.0.0-alpine']],
    ['*', ['1.0.0', '1.2', 'v1.3.0', '1.10.0', '2', '2.1.0']],
  ])('%s', (range, expected) => {
    expect(satisfyingTags(range, TAGS)).toEqual(expected);
  });

  it.each(['latest', '>= x.y.z.w', '1.2.3.4', '>> 1', '!=latest', '>= 1.2-0'])('is no range: %s', (range) => {
    expect(isVersionRange(range)).toBe(false);
  });

  it.each(['>= 1.2, < 2', '^1 || ~2.1', '!= 1.2.3', ''])('is a range: %j', (range) => {
    expect(isVersionRange(range)).toBe(true);
  });
});
