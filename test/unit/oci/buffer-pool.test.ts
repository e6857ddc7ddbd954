import { expect, it } from 'vitest';
import { acquireBuffer, releaseBuffer, shareBuffer } from '../../../src/oci/buffer-pool.ts';

it('calls the owner once, whichever view of the memory is released', () => {
  const chunk = new Uint8Array(8);
  let released = 0;
  acquireBuffer(chunk, () => released++);
  releaseBuffer(Buffer.from(chunk.buffer, 2, 3));
  releaseBuffer(chunk);
  expect(released).toBe(1);
});

it('ignores a chunk that is not from a pool', () => {
  const chunk = Uint8Array.of(1, 2, 3);
  releaseBuffer(chunk);
  expect([...chunk]).toEqual([1, 2, 3]);
});

it('calls the owner of a shared chunk when all readers have released it', () => {
  const chunk = new Uint8Array(8);
  let released = 0;
  acquireBuffer(chunk, () => released++);
  shareBuffer(chunk, 3);
  releaseBuffer(chunk);
  releaseBuffer(chunk.subarray(4));
  expect(released).toBe(0);
  releaseBuffer(chunk);
  releaseBuffer(chunk);
  expect(released).toBe(1);
});
