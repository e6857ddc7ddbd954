import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { AirgapError, messageOf } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import type { Body, Source } from './content.ts';
import type { BlobNode } from './graph.ts';
import { formatRepository } from './reference.ts';

export interface SteadyOptions {
  /** What is read, for messages. */
  readonly what: string;
  readonly emit: Emit;
  readonly signal?: AbortSignal;
  /** Milliseconds before the first new try; doubles with each that brings nothing. */
  readonly pause?: number;
}

/** Tries in a row that may bring nothing new: a source that is gone is told from one that hiccups. */
const TRIES = 5;
/** Bytes that count as something new, so that a source that breaks after every few bytes does not go on for ever. */
const PROGRESS = 256 * 1024;
const PAUSE = 250;

/**
 * The body with its interruptions taken out: a read that breaks, or ends early, continues where it stopped. What comes
 * out is at most `body.size` bytes, and exactly those from `offset` when it ends. Digests are the reader's business.
 * @throws AirgapError what the source says when it is final (not found, forbidden, …); `network` after several tries
 *   in a row; `digest-mismatch` when there is more than `size`; `interrupted`
 */
export function steady(body: Body, options: SteadyOptions): Body {
  return {
    size: body.size,
    async open(offset = 0, signal = options.signal) {
      const chunks = readSteadily(body, offset, { ...options, signal });
      return Readable.from(chunks, { objectMode: false });
    },
  };
}

/** The same as chunks, for who does not need a stream. */
export async function* readSteadily(body: Body, offset: number, options: SteadyOptions): AsyncGenerator<Uint8Array> {
  const { what, emit, signal } = options;
  let at = offset;
  let mark = offset;
  let tries = 0;
  while (at < body.size) {
    let stream: Readable | undefined;
    try {
      signal?.throwIfAborted();
      stream = await body.open(at, signal);
      for await (const chunk of stream as AsyncIterable<Uint8Array>) {
        at += chunk.length;
        if (at > body.size) {
          throw new AirgapError(
            'digest-mismatch',
            `${what}: the source sends more than the ${body.size} bytes announced`,
          );
        }
        yield chunk;
      }
      if (at === body.size) return;
      throw new Error(`ended after ${at} of ${body.size} bytes`);
    } catch (error) {
      if (signal?.aborted) throw new AirgapError('interrupted', `${what}: interrupted`, { cause: error });
      if (error instanceof AirgapError && error.code !== 'network') throw error;
      if (at - mark >= PROGRESS) tries = 0;
      mark = at;
      tries++;
      if (tries >= TRIES) {
        throw new AirgapError(
          'network',
          `${what}: broke off ${tries} times, the last time at ${at} of ${body.size} bytes: ${messageOf(error)}`,
          {
            hint: 'run the command again: what has arrived is kept',
            cause: error,
          },
        );
      }
      emit({ type: 'retry', what, attempt: tries, reason: messageOf(error) });
      await sleep((options.pause ?? PAUSE) * 2 ** (tries - 1), undefined, { signal }).catch(() => {});
    } finally {
      stream?.destroy();
    }
  }
}

/** A blob's body: its own bytes, or the first of its repositories that gives it. */
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
    async open(offset, signal) {
      let failure: unknown;
      for (const repository of repositories) {
        try {
          return await source.blob(repository, descriptor).open(offset, signal);
        } catch (error) {
          if (signal?.aborted) throw error;
          failure ??= error;
        }
      }
      throw failure ?? new AirgapError('image-not-found', `nothing holds the blob ${descriptor.digest}`);
    },
  };
}

/** What a blob is called in messages: digest, and where it is read. */
export function nameOf({ descriptor, repositories }: BlobNode): string {
  const [first] = repositories;
  return first === undefined ? descriptor.digest : `${formatRepository(first)} ${descriptor.digest}`;
}
