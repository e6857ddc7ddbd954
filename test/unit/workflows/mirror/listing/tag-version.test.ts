import { describe, expect, it } from 'vitest';
import { newestTags } from '../../../../../src/workflows/mirror/listing/tag-version.ts';
import fc from '../../../../support/property.ts';

/** Returns tags from the newest to the oldest. */
const order = (...tags: string[]): readonly string[] => newestTags(tags, 100).newest;

describe('the order of tags', () => {
  it.each<[string, readonly string[]]>([
    ['numbers are compared as numbers', ['v1.10.0', 'v1.9.0', 'v1.2.0']],
    ['a leading v makes no difference', ['2.0', 'v1.5', '1.4']],
    ['missing parts are 0', ['1.2.1', '1.2', '1.1.9', '1']],
    ['four parts and more', ['v1.2.3.10', 'v1.2.3.4', 'v1.2.3']],
    ['calendar versions', ['2026.1.15', '2025.12.31']],
    [
      'pre-releases come before their release',
      ['2.0.0', '2.0.0-rc.10', '2.0.0-rc.2', '2.0.0-beta', '2.0.0-alpha.1', '1.9.0'],
    ],
    ['pre-releases as Python and others write them', ['3.14.0', '3.14.0rc1', '3.14.0b2', '3.14.0a7', '3.13.9']],
    ['snapshots and development versions', ['1.1', '1.1-SNAPSHOT', '1.0', '1.0-dev']],
    ['numbers of a build', ['1.2.3-10', '1.2.3-9']],
    ['numbers in the name of a variant', ['1.28-alpine3.20', '1.28-alpine3.9', '1.27-alpine3.21']],
    ['revisions', ['1.2.3-debian-12-r10', '1.2.3-debian-12-r9', '1.2.2-debian-12-r99']],
    ['Kubernetes distributions', ['v1.31.2-k3s2', 'v1.31.2-k3s1', 'v1.31.2-rc1-k3s1', 'v1.30.9-k3s1']],
    ['dates', ['2026-02-01', '2026-01-15', '2025-12-31']],
    ['dates without dashes', ['20260201', '20260115']],
    ['builds of commits', ['1.3.0-g1a2b3c4', '1.2.0-gfffff12', '1.2.0-g0000001']],
  ])('%s', (_name, tags) => {
    const versions = newestTags([...tags].reverse(), tags.length);
    expect(versions.unversioned).toEqual([]);
    // Several variants follow each other.
    expect(versions.newest).toEqual(tags);
  });

  it('is the same for any order of the list', () => {
    const tags = [
      '1.0',
      'v1.0',
      '1.0.0',
      '1.0-rc1',
      '1.0-alpine',
      '0.9',
      '2',
      '2026-01-01',
      'latest',
      '1.0_1',
      '1.0-b',
    ];
    fc.assert(
      fc.property(fc.shuffledSubarray(tags, { minLength: tags.length }), (shuffled) => {
        expect(new Set(newestTags(shuffled, 2).newest)).toEqual(new Set(newestTags(tags, 2).newest));
      }),
    );
  });
});

describe('the newest tags', () => {
  it('are some of each variant', () => {
    const tags = ['1.27', '1.28', '1.29', '1.27-alpine', '1.28-alpine', '1.29-alpine', '2026-01-01', '2026-01-02'];
    const { newest } = newestTags(tags, 1);
    expect([...newest].sort()).toEqual(['1.29', '1.29-alpine', '2026-01-02']);
  });

  it('of one variant count pre-releases', () => {
    expect(order('1.0.0', '2.0.0-rc.1', '1.1.0').slice(0, 2)).toEqual(['2.0.0-rc.1', '1.1.0']);
  });

  it.each(['latest', 'main', 'sha-1a2b3c4', '1a2b3c4d', '5f2a1bc', 'v', 'stable-1.2', '_1', 'RELEASE.2024-01-13'])(
    'do not include what is no version: %s',
    (tag) => {
      expect(newestTags([tag, '1.0'], 5)).toEqual({ newest: ['1.0'], unversioned: [tag] });
    },
  );

  it('of a hostile list are found in time', () => {
    const tags = Array.from({ length: 20_000 }, (_, i) => `${i}.${'1'.repeat(100)}-${i % 7}`.slice(0, 128));
    const started = performance.now();
    newestTags([...tags, `1${'.1'.repeat(60)}`, `1-${'rc-'.repeat(40)}`, `1-${'a1'.repeat(60)}`], 3);
    expect(performance.now() - started).toBeLessThan(5000);
  });
});
