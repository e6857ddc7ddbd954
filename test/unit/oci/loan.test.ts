import { expect, it } from 'vitest';
import { giveBack, lend, share } from '../../../src/oci/loan.ts';

it('calls the owner once, whichever view of the memory is released', () => {
  const chunk = new Uint8Array(8);
  let back = 0;
  lend(chunk, () => back++);
  giveBack(Buffer.from(chunk.buffer, 2, 3));
  giveBack(chunk);
  expect(back).toBe(1);
});

it('ignores a chunk that is not from a pool', () => {
  const chunk = Uint8Array.of(1, 2, 3);
  giveBack(chunk);
  expect([...chunk]).toEqual([1, 2, 3]);
});

it('calls the owner of a shared chunk when all readers have released it', () => {
  const chunk = new Uint8Array(8);
  let back = 0;
  lend(chunk, () => back++);
  share(chunk, 3);
  giveBack(chunk);
  giveBack(chunk.subarray(4));
  expect(back).toBe(0);
  giveBack(chunk);
  giveBack(chunk);
  expect(back).toBe(1);
});
