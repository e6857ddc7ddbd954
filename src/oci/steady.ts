import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { AirgapError, messageOf } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import type { Body, Source } from './content.ts';
import type { BlobNode } from './graph.ts';
import { formatRepository } from './reference.ts';

export interface SteadyOptions {
  /** Name of the content in messages. */
  readonly what: string;
  readonly emit: Emit;
  readonly signal?: AbortSignal;
  /** Milliseconds before the first retry; doubles with each further failure. */
  readonly pause?: number;
}

/** Failures in a row without progress after which reading fails. */
const TRIES = 5;
/** Failures that an unopened stream counts for: the HTTP client has retried the request already. */
const UNOPENED = 3;
/** Bytes that count as progress. A source that breaks after fewer bytes each time would be retried forever. */
const PROGRESS = 256 * 1024;
const PAUSE = 250;
const AGAIN = 'run the command again: data received so far is kept';

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
export async function drain(body: Body, offset: number, options: SteadyOptions, take: Take): Promise<void> {
  const { what, emit, signal } = options;
  let at = offset;
  let mark = offset;
  let tries = 0;
  let isOpen = false;
  // Errors of the handler are not retried: the source is not their cause.
  let refused: { readonly error: unknown } | undefined;
  const count: Take = (chunk) => {
    at += chunk.length;
    if (at > body.size) {
      throw new AirgapError('digest-mismatch', `${what}: the source sent more than the announced ${body.size} bytes`);
    }
    emit({ type: 'bytes', bytes: chunk.length });
    const refuse = (error: unknown): never => {
      refused = { error };
      throw error;
    };
    try {
      return take(chunk)?.catch(refuse);
    } catch (error) {
      return refuse(error);
    }
  };
  while (at < body.size) {
    try {
      signal?.throwIfAborted();
      isOpen = false;
      const stream = await body.open(at, signal);
      isOpen = true;
      await flow(stream, count);
      if (at < body.size) throw new Error(`ended after ${at} of ${body.size} bytes`);
    } catch (error) {
      if (refused !== undefined) throw refused.error;
      if (signal?.aborted) throw new AirgapError('interrupted', `${what}: interrupted`, { cause: error });
      if (error instanceof AirgapError && error.code !== 'network') throw error;
      if (at - mark >= PROGRESS) tries = 0;
      mark = at;
      tries += isOpen ? 1 : UNOPENED;
      const said = messageOf(error);
      const reason = said.startsWith(what) ? said.slice(what.length).replace(/^:? /, '') : said;
      if (tries >= TRIES) {
        const where = `last at ${at} of ${body.size} bytes`;
        throw new AirgapError('network', `${what}: the transfer failed repeatedly, ${where}: ${reason}`, {
          hint: [error instanceof AirgapError ? error.hint : undefined, AGAIN].filter(Boolean).join('; '),
          cause: error,
        });
      }
      emit({ type: 'retry', what, attempt: tries, reason });
      await sleep((options.pause ?? PAUSE) * 2 ** (tries - 1), undefined, { signal }).catch(() => {});
    }
  }
}

/** Receives a chunk, which it owns. Returning a promise delays the next chunk. */
export type Take = (chunk: Uint8Array) => Promise<void> | undefined;

/** Passes the chunks of one stream to `handleChunk`. */
function flow(stream: Readable, take: Take): Promise<void> {
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
        const wait = take(chunk);
        if (wait === undefined) return;
        stream.pause();
        wait.then(() => stream.resume(), fail);
      } catch (error) {
        fail(error);
      }
    });
  });
}

/** Wraps a body so that its streams resume after failures: see {@link drain}. */
export function steady(body: Body, options: SteadyOptions): Body {
  return {
    size: body.size,
    async open(offset = 0, signal = options.signal) {
      let go = (): void => {};
      const out = new Readable({ highWaterMark: 0, read: () => go() });
      const take: Take = (chunk) => {
        if (out.destroyed) throw new AirgapError('interrupted', `${options.what}: the reader was closed`);
        if (out.push(chunk)) return undefined;
        return new Promise((resolve) => {
          go = resolve;
        });
      };
      out.on('close', () => go());
      drain(body, offset, { ...options, signal }, take).then(
        () => out.push(null),
        (error) => out.destroy(error as Error),
      );
      return out;
    },
  };
}

/** Returns the body of a blob: its bytes in memory, or the content of the first repository that provides it. */
export function bodyOf(source: Source, node: BlobNode): Body {
  const { descriptor, repositories, bytes } = node;
  if (bytes !== undefined) {
    return {
      size: bytes.length,
      open: async (offset = 0) => Readable.from([bytes.subarray(offset)], { objectMode: false }),
    };
  }
  return {
    size: descriptor.size,
    async open(offset, signal, end) {
      let failure: unknown;
      for (const repository of repositories) {
        try {
          return await source.blob(repository, descriptor).open(offset, signal, end);
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
export function nameOf({ descriptor, repositories }: BlobNode): string {
  const [first] = repositories;
  return first === undefined ? descriptor.digest : `${formatRepository(first)}@${descriptor.digest}`;
}
