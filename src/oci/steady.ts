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
/** Tries that one counts for which does not even begin: by then it has been asked for several times. */
const UNOPENED = 3;
/** Bytes that count as something new, so that a source that breaks after every few bytes does not go on for ever. */
const PROGRESS = 256 * 1024;
const PAUSE = 250;
const AGAIN = 'run the command again: what has arrived is kept';

/**
 * Reads a body to its end, emitting `bytes`, and hands every chunk to `take`, in order; while that waits, nothing more is read. A read that
 * breaks, or ends early, continues where it stopped: what is taken is exactly what lies between `offset` and the body's
 * size when the promise resolves. Digests are the taker's business.
 *
 * The chunks are those that the stream was given. An async iterator over a stream would put all that has arrived
 * together, which costs as much as hashing it.
 * @throws AirgapError what the source says when it is final (not found, forbidden, …); `network` after several tries
 *   in a row; `digest-mismatch` when there is more than the body's size; `interrupted`; and what `take` throws
 */
export async function drain(body: Body, offset: number, options: SteadyOptions, take: Take): Promise<void> {
  const { what, emit, signal } = options;
  let at = offset;
  let mark = offset;
  let tries = 0;
  let isOpen = false;
  // What the taker throws is no fault of the source's: asking the source again would not help.
  let refused: { readonly error: unknown } | undefined;
  const count: Take = (chunk) => {
    at += chunk.length;
    if (at > body.size) {
      throw new AirgapError('digest-mismatch', `${what}: the source sends more than the ${body.size} bytes announced`);
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
        const where = `the last time at ${at} of ${body.size} bytes`;
        throw new AirgapError('network', `${what}: broke off again and again, ${where}: ${reason}`, {
          hint: [error instanceof AirgapError ? error.hint : undefined, AGAIN].filter(Boolean).join('; '),
          cause: error,
        });
      }
      emit({ type: 'retry', what, attempt: tries, reason });
      await sleep((options.pause ?? PAUSE) * 2 ** (tries - 1), undefined, { signal }).catch(() => {});
    }
  }
}

/** Takes a chunk, which nobody else will change. A promise holds back the next one. */
export type Take = (chunk: Uint8Array) => Promise<void> | undefined;

/** One stream into `take`. */
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

/** The body with its interruptions taken out, for who needs a stream: see {@link drain}. */
export function steady(body: Body, options: SteadyOptions): Body {
  return {
    size: body.size,
    async open(offset = 0, signal = options.signal) {
      let go = (): void => {};
      const out = new Readable({ highWaterMark: 0, read: () => go() });
      const take: Take = (chunk) => {
        if (out.destroyed) throw new AirgapError('interrupted', `${options.what}: nobody reads any more`);
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
      throw failure ?? new AirgapError('image-not-found', `nothing holds the blob ${descriptor.digest}`);
    },
  };
}

/** What a blob is called in messages: digest, and where it is read. */
export function nameOf({ descriptor, repositories }: BlobNode): string {
  const [first] = repositories;
  return first === undefined ? descriptor.digest : `${formatRepository(first)}@${descriptor.digest}`;
}
