import type { AirgapEvent, Emit } from '../../base/events.ts';
import { redact } from '../../base/redact.ts';
import { Thread, ThreadLost } from '../../base/thread.ts';
import { type BlobFetcher, fetchBlob } from '../../bundle/writing/fetch-blob.ts';
import type { Source } from '../../oci/content.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Graph } from '../../oci/graph.ts';
import type { RegistryClient } from '../../registry/client.ts';
import { isLargeBlob } from '../../transfer/blob-scheduler.ts';
import {
  type AuthorizationRequest,
  deserializeError,
  type FromThread,
  serializeError,
  type ThreadSettings,
  type ToThread,
} from './fetch-protocol.ts';

/**
 * Bytes of large blobs from which a second thread is worthwhile. It costs some 50 ms of processor time and 25 MB, and
 * takes over half of the hashing and writing. Small blobs gain nothing, because requests dominate their cost.
 */
const THREAD_THRESHOLD = 64 * 1024 * 1024;

interface Job {
  readonly checkpoint: (digest: Digest, bytes: number) => Promise<void>;
  readonly checkpoints: Promise<void>[];
  readonly end: PromiseWithResolvers<number>;
}

/** Registries as the main thread reads them. */
type FetchSource = Pick<RegistryClient, keyof Source | 'authorizer' | 'expectedAt'>;

/** Fetches blobs, distributing large ones between the main thread and a worker thread. */
export class SharedFetch {
  readonly #source: FetchSource;
  readonly #thread: FetchThread | undefined;
  /** Number and bytes of the large blobs that the main thread is fetching. */
  #active = 0;
  #activeBytes = 0;

  private constructor(source: FetchSource, thread: FetchThread | undefined) {
    this.#source = source;
    this.#thread = thread;
  }

  /** Starts the worker thread if it is worthwhile, without waiting for it. */
  static for({ blobs }: Pick<Graph, 'blobs'>, source: FetchSource, settings: ThreadSettings, emit: Emit): SharedFetch {
    const large = [...blobs.values()].filter((node) => node.bytes === undefined && isLargeBlob(node.descriptor));
    const bytes = large.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
    const isWorthwhile = large.length > 1 && bytes >= THREAD_THRESHOLD;
    return new SharedFetch(source, isWorthwhile ? new FetchThread(settings, source, emit) : undefined);
  }

  readonly fetch: BlobFetcher = async (node, offset, written, steps) => {
    const isAlone = (): boolean => this.#active === 1 && (this.#thread?.bytes ?? 0) === 0;
    const fetchOnMainThread = (): Promise<number> =>
      fetchBlob(node, offset, written, { ...steps, source: this.#source, isAlone });
    if (node.bytes !== undefined || !isLargeBlob(node.descriptor)) return fetchOnMainThread();
    if (this.#thread !== undefined && !this.#thread.isLost && this.#thread.bytes < this.#activeBytes) {
      try {
        return await this.#thread.fetch(node, offset, written, steps);
      } catch (error) {
        // The main thread can still fetch the blob.
        if (!(error instanceof ThreadLost)) throw error;
      }
    }
    const { size } = node.descriptor;
    this.#active++;
    this.#activeBytes += size;
    return fetchOnMainThread().finally(() => {
      this.#active--;
      this.#activeBytes -= size;
    });
  };

  async close(): Promise<void> {
    await this.#thread?.close();
  }
}

/** Main thread's side of a worker thread. */
class FetchThread {
  /** Bytes of the blobs that it is fetching. */
  bytes = 0;
  readonly #thread: Thread<ToThread, FromThread>;
  readonly #source: FetchSource;
  readonly #emit: Emit;
  readonly #jobs = new Map<number, Job>();
  #lastJob = 0;

  constructor(settings: ThreadSettings, source: FetchSource, emit: Emit) {
    this.#source = source;
    this.#emit = emit;
    this.#thread = new Thread(
      { beside: import.meta.url, source: './fetch-thread.ts', built: './fetch-thread.cjs' },
      {
        onMessage: (message: FromThread) => this.#receive(message),
        onLost: () => {
          for (const { end } of this.#jobs.values()) end.reject(new ThreadLost('the worker thread has ended'));
        },
      },
      { workerData: settings },
    );
    // An idle thread must not keep the process alive.
    this.#thread.keepAlive(false);
  }

  get isLost(): boolean {
    return this.#thread.isLost;
  }

  async fetch(...[node, offset, written, { file, signal, checkpoint }]: Parameters<BlobFetcher>): Promise<number> {
    const job = ++this.#lastJob;
    const { size } = node.descriptor;
    const end = Promise.withResolvers<number>();
    const checkpoints: Promise<void>[] = [];
    this.#jobs.set(job, { checkpoint, checkpoints, end });
    this.bytes += size;
    const abort = (): void => this.#thread.send({ type: 'abort' });
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted) abort();
    this.#thread.keepAlive(true);
    const expected = node.repositories.flatMap((named) => {
      const actual = this.#source.expectedAt(named, node.descriptor.digest);
      return actual === undefined ? [] : [{ named, actual }];
    });
    this.#thread.send({ type: 'fetch', job, node, parts: file.fileParts, offset, written, expected });
    try {
      const fetched = await end.promise;
      await Promise.all(checkpoints);
      return fetched;
    } finally {
      this.bytes -= size;
      this.#jobs.delete(job);
      signal?.removeEventListener('abort', abort);
      if (this.#jobs.size === 0) this.#thread.keepAlive(false);
    }
  }

  close(): Promise<void> {
    return this.#thread.close();
  }

  #receive(message: FromThread): void {
    if (message.type === 'event') {
      this.#emit(redacted(message.event));
      return;
    }
    if (message.type === 'question') {
      const { question } = message;
      this.#answer(message).then(
        (answer) => this.#thread.send(answer),
        (error: unknown) => this.#thread.send({ type: 'refusal', question, error: serializeError(error) }),
      );
      return;
    }
    const job = this.#jobs.get(message.job);
    if (message.type === 'done') job?.end.resolve(message.fetched);
    else if (message.type === 'failed') job?.end.reject(deserializeError(message.error));
    else if (job !== undefined) {
      const saved = job.checkpoint(message.digest, message.bytes);
      // `fetch` awaits the checkpoints and throws their errors.
      saved.catch(() => {});
      job.checkpoints.push(saved);
    }
  }

  async #answer({ question, access, refused, explain }: AuthorizationRequest): Promise<ToThread> {
    const { authorizer } = this.#source;
    if (explain !== undefined) {
      return { type: 'explanation', question, refusal: await authorizer.explain(access, explain) };
    }
    const header =
      refused === undefined
        ? await authorizer.authorization(access)
        : await authorizer.renew(access, refused.challenge, refused.sent);
    return { type: 'answer', question, header };
  }
}

/** Redacts the texts of an event: the worker does not know the secrets. */
function redacted(event: AirgapEvent): AirgapEvent {
  if (event.type === 'retry') return { ...event, what: redact(event.what), reason: redact(event.reason) };
  return event.type === 'warning' ? { ...event, message: redact(event.message) } : event;
}
