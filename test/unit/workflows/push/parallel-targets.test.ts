import { expect, it } from 'vitest';
import type { AirgapEvent } from '../../../../src/base/events.ts';
import { emitsFor, readersFor } from '../../../../src/workflows/push/parallel-targets.ts';
import { MemoryRegistry } from '../../transfer/memory-registry.ts';

it('adds up the plans of all targets, and passes on other events', () => {
  const events: AirgapEvent[] = [];
  const [first, second] = emitsFor((event) => events.push(event), 2);
  first?.({ type: 'plan', blobs: 3, bytes: 30 });
  second?.({ type: 'plan', blobs: 1, bytes: 5 });
  first?.({ type: 'plan', blobs: 3, bytes: 40 });
  second?.({ type: 'bytes', bytes: 5 });
  expect(events).toEqual([
    { type: 'plan', blobs: 3, bytes: 30 },
    { type: 'plan', blobs: 4, bytes: 35 },
    { type: 'plan', blobs: 4, bytes: 45 },
    { type: 'bytes', bytes: 5 },
  ]);
});

it('creates readers for several targets, and none for a single one', () => {
  expect(readersFor(new MemoryRegistry(), 1)).toEqual([]);
  expect(readersFor(new MemoryRegistry(), 3)).toHaveLength(3);
});
