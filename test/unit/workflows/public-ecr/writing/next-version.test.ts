import { gt, valid } from 'semver';
import { describe, expect, test } from 'vitest';
import { nextVersion } from '../../../../../src/workflows/public-ecr/writing/next-version.ts';
import fc from '../../../../support/property.ts';

describe('the next version of a chart', () => {
  test.each([
    ['1.2.3', '1.2.4', '1.3.0'],
    ['v1.2.3', 'v1.2.4', 'v1.3.0'],
    ['0.0.0', '0.0.1', '0.1.0'],
    ['1.2.3+up4.5', '1.2.4+up4.5', '1.3.0+up4.5'],
    ['1.2.0-rc.1', '1.2.0-rc.2', '1.2.0-rc.2'],
    ['1.2.3-rc.1', '1.2.3-rc.2', '1.3.0-rc.1'],
    ['v2.0.0-dev', 'v2.0.0-dev.0', 'v2.0.0-dev.0'],
    ['1.0.0-1+b.2', '1.0.0-2+b.2', '1.0.0-2+b.2'],
  ])('of %s is %s or %s', (version, patch, minor) => {
    expect([nextVersion(version, 'patch'), nextVersion(version, 'minor')]).toEqual([patch, minor]);
  });

  test.each(['1.2', '1', 'latest', '', 'vv1.2.3', ' 1.2.3', '1.2.3 ', '=1.2.3', '01.2.3', '1.2.3\n', '{{ version }}'])(
    'of %j is refused',
    (version) => {
      expect(nextVersion(version, 'patch')).toBeUndefined();
    },
  );

  test('is valid and greater', () => {
    const number = fc.nat(1000);
    const prerelease = fc.option(
      fc.array(fc.stringMatching(/^(?:0|[1-9]\d{0,3}|[a-z][a-z0-9]{0,4})$/), { minLength: 1, maxLength: 3 }),
    );
    fc.assert(
      fc.property(
        number,
        number,
        number,
        prerelease,
        fc.boolean(),
        fc.constantFrom('patch', 'minor'),
        (a, b, c, pre, v, bump) => {
          const version = `${v ? 'v' : ''}${a}.${b}.${c}${pre === null ? '' : `-${pre.join('.')}`}`;
          const next = nextVersion(version, bump as 'patch' | 'minor') ?? '';
          expect(valid(next)).not.toBeNull();
          expect(gt(next, version)).toBe(true);
          expect(next.startsWith('v')).toBe(v);
        },
      ),
    );
  });
});
