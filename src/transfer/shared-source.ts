import { Readable } from 'node:stream';
import { AirgapError } from '../base/errors.ts';
import { shareBuffer } from '../oci/buffer-pool.ts';
import { type Body, type Source, withSource } from '../oci/content.ts';
import type { Digest } from '../oci/digest.ts';

/** Milliseconds. A registry that needs many retries must not slow down the other targets for longer. */
const MAX_WAIT = 30_000;

/** Announces the reads of one copy to the others that read the same source. */
export interface ReadCoordinator {
  /** Declares the blobs that this copy may read, each once. The other copies do not wait for it with any other blob. */
  expect(digests: Iterable<Digest>): void;
  /** Declares that this copy does not need the blob any more. */
  settle(digest: Digest): void;
}

/** Source for one of several copies. */
export interface SharedReader extends Source, ReadCoordinator {
  /** Ends the participation of this copy. */
  close(): void;
}

interface Participant {
  /** Blobs still to be read; undefined until `expect` is called. */
  expected?: Set<Digest>;
}

/** A blob that some participants are ready to read while others are awaited. */
interface PendingRead {
  readonly body: Body;
  readonly ready: Map<
    Participant,
    { readonly signal: AbortSignal | undefined; readonly stream: PromiseWithResolvers<Readable> }
  >;
  readonly timer: NodeJS.Timeout;
}

/**
 * Source that several copies read at the same time, each blob once for all of them. A blob is opened when all copies
 * that need it are ready, and all get the same chunks. Second reads and partial reads are served separately. A copy
 * that blocks the others for too long reads separately from then on.
 *
 * The copies have to request blobs in the same order, as far as they need them; otherwise they wait for each other.
 */
export class SharedSource {
  readonly #source: Source;
  readonly #maxWait: number;
  readonly #participants = new Set<Participant>();
  readonly #pending = new Map<Digest, PendingRead>();

  constructor(source: Source, maxWait = MAX_WAIT) {
    this.#source = source;
    this.#maxWait = maxWait;
  }

  /** Adds a copy. All copies have to be added before the first one reads. */
  reader(): SharedReader {
    const participant: Participant = {};
    this.#participants.add(participant);
    return {
      ...withSource(this.#source, {
        blob: (repository, descriptor) => {
          const body = this.#source.blob(repository, descriptor);
          // Of a read for several copies, the body of one of them is opened.
          let opened = body;
          return {
            size: body.size,
            reject: () => opened.reject?.() ?? false,
            open: (offset = 0, signal, end = body.size) => {
              const isFirst = this.#participants.has(participant) && participant.expected?.delete(descriptor.digest);
              if (isFirst && offset === 0 && end === body.size) {
                opened = this.#pending.get(descriptor.digest)?.body ?? body;
                return this.#join(participant, descriptor.digest, body, signal);
              }
              if (isFirst) this.#startReady();
              opened = body;
              return body.open(offset, signal, end);
            },
          };
        },
      }),
      expect: (digests) => {
        participant.expected = new Set(digests);
        this.#startReady();
      },
      settle: (digest) => {
        if (participant.expected?.delete(digest)) this.#startReady();
      },
      close: () => this.#leave(participant),
    };
  }

  #join(participant: Participant, digest: Digest, body: Body, signal: AbortSignal | undefined): Promise<Readable> {
    const pending = this.#pending.get(digest) ?? this.#createPending(digest, body);
    const stream = Promise.withResolvers<Readable>();
    pending.ready.set(participant, { signal, stream });
    signal?.addEventListener('abort', () => stream.reject(signal.reason), { once: true });
    this.#startReady();
    return stream.promise;
  }

  #createPending(digest: Digest, body: Body): PendingRead {
    const timer = setTimeout(() => {
      for (const participant of this.#participants) if (this.#isAwaited(participant, digest)) this.#leave(participant);
    }, this.#maxWait);
    const pending: PendingRead = { body, ready: new Map(), timer };
    this.#pending.set(digest, pending);
    return pending;
  }

  #isAwaited(participant: Participant, digest: Digest): boolean {
    return participant.expected === undefined || participant.expected.has(digest);
  }

  #leave(participant: Participant): void {
    if (this.#participants.delete(participant)) this.#startReady();
  }

  /** Starts every read for which all participants are ready. */
  #startReady(): void {
    const participants = [...this.#participants];
    for (const [digest, pending] of this.#pending) {
      if (participants.some((participant) => this.#isAwaited(participant, digest))) continue;
      this.#pending.delete(digest);
      clearTimeout(pending.timer);
      void this.#start(pending);
    }
  }

  async #start({ body, ready }: PendingRead): Promise<void> {
    const readers = [...ready];
    const [only] = readers;
    try {
      if (readers.length === 1 && only !== undefined) {
        const { signal, stream } = only[1];
        // An interrupted reader no longer listens, so an error of the body would end the process.
        if (signal?.aborted) return;
        const opened = await body.open(0, signal);
        if (signal?.aborted) opened.on('error', () => {}).destroy();
        else stream.resolve(opened);
        return;
      }
      const outputs = fanOut(
        await body.open(0),
        readers.map(([, { signal }]) => signal),
        { maxWait: this.#maxWait, onTimeout: (index) => this.#leave((readers[index] as (typeof readers)[number])[0]) },
      );
      for (const [index, [, { stream }]] of readers.entries()) stream.resolve(outputs[index] as Readable);
    } catch (error) {
      for (const [, { stream }] of readers) stream.reject(error);
    }
  }
}

interface FanOutOptions {
  /** Milliseconds that one reader may block the others. */
  readonly maxWait: number;
  /** Called for a reader that blocked the others for longer, before it ends with a `network` error. */
  readonly onTimeout: (index: number) => void;
}

/**
 * Splits a stream into several readers, each of which gets everything, at the speed of the slowest. A reader that
 * closes early, or blocks the others for too long, is dropped. An error of the stream ends all readers.
 * @param signals one for each reader
 */
function fanOut(
  source: Readable,
  signals: readonly (AbortSignal | undefined)[],
  { maxWait, onTimeout }: FanOutOptions,
): readonly Readable[] {
  const blocked = new Set<Readable>();
  let timer: NodeJS.Timeout | undefined;
  const resumeIfUnblocked = (): void => {
    if (blocked.size > 0) return;
    clearTimeout(timer);
    timer = undefined;
    source.resume();
  };
  const outputs = signals.map((signal) => {
    const read = (): void => {
      if (blocked.delete(output)) resumeIfUnblocked();
    };
    const output: Readable = new Readable({ highWaterMark: 0, read, ...(signal === undefined ? {} : { signal }) });
    output.on('close', () => {
      open.delete(output);
      blocked.delete(output);
      if (open.size === 0) source.destroy();
      resumeIfUnblocked();
    });
    return output;
  });
  const open = new Set(outputs);
  const dropBlocked = (): void => {
    for (const output of blocked) {
      onTimeout(outputs.indexOf(output));
      output.destroy(
        new AirgapError('network', 'this target blocked the others for too long; its content is now read separately'),
      );
    }
  };
  const fail = (error: Error): void => {
    for (const output of open) output.destroy(error);
  };
  source.on('data', (chunk: Uint8Array) => {
    shareBuffer(chunk, open.size);
    for (const output of open) if (!output.push(chunk)) blocked.add(output);
    if (blocked.size === 0) return;
    source.pause();
    timer ??= setTimeout(dropBlocked, maxWait);
  });
  source.on('end', () => {
    for (const output of open) output.push(null);
  });
  source.on('error', fail);
  source.on('close', () => {
    if (!source.readableEnded) fail(new Error('the source stream was closed'));
  });
  return outputs;
}
