import { expect, it } from 'vitest';
import type { AirgapEvent } from '../../../../src/base/events.ts';
import { emitsFor, readersFor } from '../../../../src/workflows/pushing/side-by-side.ts';
import { MemoryRegistry } from '../../transfer/memory.ts';

it('tells the plans of all targets as one, and everything else as it is', () => {
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

it('gives a reader to each of several targets, and none to one alone, which waits for nobody', () => {
  expect(readersFor(new MemoryRegistry(), 1)).toEqual([]);
  expect(readersFor(new MemoryRegistry(), 3)).toHaveLength(3);
});
