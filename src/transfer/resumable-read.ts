import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { AirgapError, messageOf, placeOf } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import { unpooled } from '../oci/buffer-pool.ts';
import type { Body, Source } from '../oci/content.ts';
import { algorithmOf, digestOf } from '../oci/digest.ts';
import type { BlobNode } from '../oci/graph.ts';
import { formatRepository } from '../oci/reference.ts';

export interface ResumableReadOptions {
  /** Name of the content in messages. */
  readonly what: string;
  /** Digest of the blob, for progress. */
  readonly digest?: string;
  readonly emit: Emit;
  readonly signal?: AbortSignal;
  /** Milliseconds before the first retry; doubles with each further failure. */
  readonly retryDelay?: number;
}

/** Failures in a row without progress after which reading fails. */
const MAX_FAILURES = 5;
/** Failures that an unopened stream counts for: the HTTP client has retried the request already. */
const UNOPENED_FAILURES = 3;
/** Bytes that count as progress. A source that breaks after fewer bytes each time would be retried forever. */
const MIN_PROGRESS = 256 * 1024;
const RETRY_DELAY = 250;
const RERUN_HINT = 'run the command again: data received so far is kept';

/**
 * Reads a body from `offset` to its end, emits `bytes` events, and passes every chunk to `handleChunk` in order,
 * waiting for the promise it returns. A read that fails or ends early is resumed where it stopped. Digests are not
 * checked.
 *
 * Chunks are passed on as received. An async iterator over the stream would concatenate them, which costs as much
 * processor time as hashing.
 * @throws AirgapError permanent errors of the source (not found, forbidden, …); `network` after several failures in a
 *   row; `digest-mismatch` if the body is larger than its size; `interrupted`; and errors of `handleChunk`
 */
export async function drain(
  body: Body,
  offset: number,
  options: ResumableReadOptions,
  handleChunk: ChunkHandler,
): Promise<void> {
  const { what, digest, emit, signal } = options;
  let position = offset;
  let lastFailure = offset;
  let failures = 0;
  let isOpen = false;
  // Errors of the handler are not retried: the source is not their cause.
  let handlerFailure: { readonly error: unknown } | undefined;
  const countChunk: ChunkHandler = (chunk) => {
    position += chunk.length;
    if (position > body.size) {
      throw new AirgapError('digest-mismatch', `the source sent more than the announced ${body.size} bytes`, {
        subject: what,
      });
    }
    emit({ type: 'bytes', bytes: chunk.length, digest });
    const failInHandler = (error: unknown): never => {
      handlerFailure = { error };
      throw error;
    };
    try {
      return handleChunk(chunk)?.catch(failInHandler);
    } catch (error) {
      return failInHandler(error);
    }
  };
  while (position < body.size) {
    try {
      signal?.throwIfAborted();
      isOpen = false;
      const stream = await body.open(position, signal);
      isOpen = true;
      await readStream(stream, countChunk);
      if (position < body.size) throw new Error(`ended after ${position} of ${body.size} bytes`);
    } catch (error) {
      if (handlerFailure !== undefined) throw handlerFailure.error;
      if (signal?.aborted) throw new AirgapError('interrupted', `interrupted`, { subject: what, cause: error });
      if (error instanceof AirgapError && error.code !== 'network') throw error;
      if (position - lastFailure >= MIN_PROGRESS) failures = 0;
      lastFailure = position;
      failures += isOpen ? 1 : UNOPENED_FAILURES;
      const message = messageOf(error);
      const reason = message.startsWith(what) ? message.slice(what.length).replace(/^:? /, '') : message;
      if (failures >= MAX_FAILURES) {
        const known = error instanceof AirgapError ? error : undefined;
        const details = [
          known === undefined ? message : known.parts.detail,
          `last at ${position} of ${body.size} bytes`,
        ];
        throw new AirgapError('network', ['the transfer failed repeatedly', known?.reason].filter(Boolean).join(': '), {
          subject: what,
          step: known && placeOf(known.parts),
          detail: details.filter(Boolean).join(', '),
          hint: [known?.hint, RERUN_HINT].filter(Boolean).join('; '),
          cause: error,
        });
      }
      emit({ type: 'retry', what, attempt: failures, reason, digest });
      await sleep((options.retryDelay ?? RETRY_DELAY) * 2 ** (failures - 1), undefined, { signal }).catch(() => {});
    }
  }
}

/** Receives a chunk, which it owns. Returning a promise delays the next chunk. */
export type ChunkHandler = (chunk: Uint8Array) => Promise<void> | undefined;

/** Passes the chunks of one stream to `handleChunk`. */
function readStream(stream: Readable, handleChunk: ChunkHandler): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      reject(error);
      stream.destroy();
    };
    stream.on('error', reject);
    stream.on('end', resolve);
    stream.on('close', () => {
      if (!stream.readableEnded) reject(new Error('the connection was closed'));
    });
    stream.on('data', (chunk: Uint8Array) => {
      try {
        const wait = handleChunk(chunk);
        if (wait === undefined) return;
        stream.pause();
        wait.then(() => stream.resume(), fail);
      } catch (error) {
        fail(error);
      }
    });
  });
}

/** Wraps the body of a blob so that its streams resume after failures: see {@link drain}. */
export function resumableRead(body: Body, options: ResumableReadOptions & { readonly digest: string }): Body {
  const { digest, emit } = options;
  return {
    size: body.size,
    reject: () => body.reject?.() ?? false,
    async open(offset = 0, signal = options.signal) {
      emit({ type: 'blob', digest, bytes: body.size, status: 'started', position: offset });
      let resume = (): void => {};
      const out = new Readable({ highWaterMark: 0, read: () => resume() });
      const handleChunk: ChunkHandler = (chunk) => {
        if (out.destroyed) throw new AirgapError('interrupted', `${options.what}: the reader was closed`);
        if (out.push(chunk)) return undefined;
        return new Promise((resolve) => {
          resume = resolve;
        });
      };
      out.on('close', () => resume());
      drain(body, offset, { ...options, signal }, handleChunk).then(
        () => out.push(null),
        (error) => out.destroy(error as Error),
      );
      return out;
    },
  };
}

/** Returns the body of a blob: its bytes in memory, or the content of the first repository that provides it. */
export function bodyFromSource(source: Source, node: BlobNode): Body {
  const { descriptor, repositories, bytes } = node;
  if (bytes !== undefined) {
    return {
      size: bytes.length,
      open: async (offset = 0) => Readable.from([bytes.subarray(offset)], { objectMode: false }),
    };
  }
  const bodies = repositories.map((repository) => source.blob(repository, descriptor));
  return {
    size: descriptor.size,
    reject: () => bodies.map((body) => body.reject?.() ?? false).includes(true),
    async open(offset, signal, end) {
      let failure: unknown;
      for (const body of bodies) {
        try {
          return await body.open(offset, signal, end);
        } catch (error) {
          if (signal?.aborted) throw error;
          failure ??= error;
        }
      }
      throw failure ?? new AirgapError('image-not-found', `no repository has the blob ${descriptor.digest}`);
    },
  };
}

/** Returns the name of a blob for messages: `repository@digest`. */
export function blobLabel({ descriptor, repositories }: BlobNode): string {
  const [first] = repositories;
  return first === undefined ? descriptor.digest : `${formatRepository(first)}@${descriptor.digest}`;
}

export interface ReadBlobOptions {
  readonly emit: Emit;
  readonly signal?: AbortSignal;
}

/**
 * Reads and verifies a small blob. Content with a wrong digest is read a second time, and from every mirror.
 * @throws AirgapError `digest-mismatch`; errors of the source
 */
export async function readBlob(source: Source, blob: BlobNode, { emit, signal }: ReadBlobOptions): Promise<Uint8Array> {
  const { digest } = blob.descriptor;
  // Progress counts these bytes when they are written to the bundle.
  const options = { what: blobLabel(blob), emit: ((event) => event.type !== 'bytes' && emit(event)) as Emit, signal };
  let actual = '';
  let hasOther = false;
  for (let attempt = 1; attempt <= 2 || hasOther; attempt++) {
    const chunks: Uint8Array[] = [];
    const body = bodyFromSource(source, blob);
    await drain(body, 0, options, (chunk) => {
      chunks.push(chunk);
      return undefined;
    });
    const bytes = Buffer.concat(chunks);
    actual = digestOf(bytes, algorithmOf(digest));
    if (actual === digest) return unpooled(bytes);
    hasOther = body.reject?.() ?? false;
  }
  throw new AirgapError('digest-mismatch', 'the source returned other content', {
    subject: blobLabel(blob),
    detail: `with digest ${actual}`,
    hint: 'a proxy or cache in between may return damaged content',
  });
}
