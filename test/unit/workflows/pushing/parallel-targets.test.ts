import { expect, it } from 'vitest';
import { readersFor } from '../../../../src/workflows/pushing/parallel-targets.ts';
import { MemoryRegistry } from '../../transfer/memory-registry.ts';

it('creates readers for several targets, and none for a single one', () => {
  expect(readersFor(new MemoryRegistry(), 1)).toEqual([]);
  expect(readersFor(new MemoryRegistry(), 3)).toHaveLength(3);
});
