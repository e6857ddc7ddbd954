import { expect, it } from 'vitest';
import { readersFor } from '../../../../src/workflows/push/push-to-targets.ts';
import { MemoryRegistry } from '../../../support/memory-registry.ts';

it('creates readers for several targets, and none for a single one', () => {
  expect(readersFor(new MemoryRegistry(), 1)).toEqual([]);
  expect(readersFor(new MemoryRegistry(), 3)).toHaveLength(3);
});
