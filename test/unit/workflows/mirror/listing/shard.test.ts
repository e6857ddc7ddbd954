import { describe, expect, it } from 'vitest';
import { isInShard } from '../../../../../src/workflows/mirror/listing/shard.ts';

const repositories = Array.from({ length: 1000 }, (_, i) => ({ registry: 'quay.io', path: `team/app-${i}` }));
const shardsOf = (count: number) =>
  repositories.map((repository) =>
    Array.from({ length: count }, (_, index) => index).filter((index) => isInShard(repository, { index, count })),
  );

describe('shards', () => {
  it.each([1, 2, 3, 7])('of %i have each repository once, and about equally many', (count) => {
    const shards = shardsOf(count);
    for (const of of shards) expect(of).toHaveLength(1);
    const sizes = Object.values(Object.groupBy(shards.flat(), String)).map((list) => list?.length ?? 0);
    expect(sizes).toHaveLength(count);
    expect(Math.min(...sizes)).toBeGreaterThan(1000 / count / 2);
  });

  it('are the same on every machine and in every version', () => {
    // The first four bytes of sha256 of the name, as a number, modulo 3.
    const found = ['team/app', 'team/web', 'a', 'b', 'c'].map((path) =>
      [0, 1, 2].find((index) => isInShard({ registry: 'quay.io', path }, { index, count: 3 })),
    );
    expect(found).toEqual([1, 1, 0, 0, 2]);
  });
});
