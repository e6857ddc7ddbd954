const releaseCallbacks = new WeakMap<ArrayBufferLike, () => void>();

/**
 * Hands a pooled buffer to a reader. `release` is called when the reader calls {@link releaseBuffer} with any view of
 * it.
 *
 * Otherwise every chunk of a stream is left to the garbage collector, which runs once per 32 MB of chunks. Without
 * lending, and with Node's own reads, a `bundle` took 43 % more processor time and 250 MB instead of 130 MB of memory
 * with 0.94 GB in large layers, and 14 % more with 560 small blobs (8 and 9 paired rounds, 2026-11-22). Readers that never
 * release their chunks work as before.
 */
export function acquireBuffer(chunk: Uint8Array, release: () => void): void {
  releaseCallbacks.set(chunk.buffer, release);
}

/**
 * Returns a chunk to its pool; no view of its memory may be used afterwards. Ignores chunks that are not from a pool.
 */
export function releaseBuffer(chunk: Uint8Array): void {
  const release = releaseCallbacks.get(chunk.buffer);
  releaseCallbacks.delete(chunk.buffer);
  release?.();
}

/**
 * Copies bytes that are kept for long into memory of their own. A small Buffer is a part of a pool of 64 KiB, all of
 * which it keeps, together with others that nobody needs any more.
 */
export function unpooled(bytes: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}

/** Shares a chunk between several readers: it returns to its pool when all of them have released it. */
export function shareBuffer(chunk: Uint8Array, readers: number): void {
  const release = releaseCallbacks.get(chunk.buffer);
  if (release === undefined) return;
  const releaseOne = (remaining: number) => () => {
    if (remaining > 1) releaseCallbacks.set(chunk.buffer, releaseOne(remaining - 1));
    else release();
  };
  releaseCallbacks.set(chunk.buffer, releaseOne(readers));
}
