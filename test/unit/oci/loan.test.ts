import { expect, it } from 'vitest';
import { giveBack, lend, share } from '../../../src/oci/loan.ts';

it('tells the lender once, whichever view of the memory comes back', () => {
  const chunk = new Uint8Array(8);
  let back = 0;
  lend(chunk, () => back++);
  giveBack(Buffer.from(chunk.buffer, 2, 3));
  giveBack(chunk);
  expect(back).toBe(1);
});

it('leaves a chunk that nobody lent as it is', () => {
  const chunk = Uint8Array.of(1, 2, 3);
  giveBack(chunk);
  expect([...chunk]).toEqual([1, 2, 3]);
});

it('tells the lender when all of several readers have given a chunk back', () => {
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
