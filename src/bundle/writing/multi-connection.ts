import { AirgapError } from '../../base/errors.ts';
import type { Body } from '../../oci/content.ts';
import { type ChunkHandler, drain, type ResumableReadOptions } from '../../transfer/resumable-read.ts';
import type { BlobWriter } from './blob-writer.ts';

/** Policy for fetching a blob over several connections. Sizes in bytes, times in milliseconds. */
export interface MultiConnectionPolicy {
  /** Blobs with fewer missing bytes are fetched over one connection. */
  readonly minMissing: number;
  /** Bytes per range request. */
  readonly windowSize: number;
  /** Duration of a speed measurement. */
  readonly measureTime: number;
  /** Bytes per second from which one connection is sufficient. */
  readonly sufficientSpeed: number;
  /** Maximum number of connections. */
  readonly maxConnections: number;
}

const MIB = 1024 * 1024;

/** Default policy. Storage services commonly limit a connection to 50 to 100 MB/s, even on faster networks. */
export const MULTI_CONNECTION_POLICY: MultiConnectionPolicy = {
  minMissing: 256 * MIB,
  windowSize: 32 * MIB,
  measureTime: 3000,
  sufficientSpeed: 150e6,
  maxConnections: 4,
};

const clock = (): number => performance.now();

/** Minimum gain in speed for keeping additional connections. */
const MIN_GAIN = 1.2;

export interface MultiConnectionOptions extends ResumableReadOptions {
  readonly multiConnection: MultiConnectionPolicy;
  /** Reports whether no other large blob is being fetched. Several blobs already use several connections. */
  readonly isAlone: () => boolean;
  /** Returns monotonic time in milliseconds. */
  readonly now?: () => number;
}

/** Thrown to end a slow single connection; the rest is fetched over several. */
class SlowConnection {
  readonly speed: number;

  constructor(speed: number) {
    this.speed = speed;
  }
}

/**
 * Fetches the missing bytes of a blob over one connection or, if that is slow, over several that request a window each.
 * Connections are doubled while that increases the speed by at least MIN_GAIN.
 * @param onBytes called with the number of bytes received
 * @throws errors of `drain` and of the writer
 */
export async function downloadMultiConnection(
  body: Body,
  writer: BlobWriter,
  options: MultiConnectionOptions,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const handlerFrom = (start: number, before?: () => void): ChunkHandler => {
    let nextPosition = start;
    return (chunk) => {
      before?.();
      const position = nextPosition;
      nextPosition += chunk.length;
      onBytes(chunk.length);
      return writer.write(chunk, position, start);
    };
  };
  try {
    const watch = watchSpeed(body.size, writer, options);
    await drain(body, writer.hashed, options, handlerFrom(writer.hashed, watch));
    return;
  } catch (error) {
    if (!(error instanceof SlowConnection)) throw error;
    try {
      await new WindowedDownload(body, writer.hashed, error.speed, options, handlerFrom).run();
    } catch (failure) {
      // Without range requests, the rest is fetched over one connection.
      if (!(failure instanceof AirgapError) || failure.code !== 'unsupported') throw failure;
    }
  }
  await writer.hashRemaining();
  await drain(body, writer.hashed, options, handlerFrom(writer.hashed));
}

/** Returns a function that throws `SlowConnection` if the speed is low and enough bytes are missing. */
function watchSpeed(
  size: number,
  writer: Pick<BlobWriter, 'hashed'>,
  { multiConnection, isAlone, now = clock }: MultiConnectionOptions,
): () => void {
  if (size - writer.hashed < multiConnection.minMissing) return () => {};
  let measureStart = now();
  let measureOffset = writer.hashed;
  return () => {
    const elapsed = now() - measureStart;
    if (elapsed < multiConnection.measureTime) return;
    const speed = ((writer.hashed - measureOffset) * 1000) / elapsed;
    const remainingTime = ((size - writer.hashed) * 1000) / speed;
    if (speed < multiConnection.sufficientSpeed && remainingTime > 4 * multiConnection.measureTime && isAlone())
      throw new SlowConnection(speed);
    measureStart = now();
    measureOffset = writer.hashed;
  };
}

/** Fetches the rest of a blob in concurrent windows. Stops before its end if several connections are not faster. */
class WindowedDownload {
  readonly #body: Body;
  readonly #options: MultiConnectionOptions;
  readonly #now: () => number;
  readonly #handlerFrom: (start: number) => ChunkHandler;
  readonly #abort = new AbortController();
  readonly #finished = Promise.withResolvers<void>();
  readonly #activeWindows = new Set<number>();
  #nextStart: number;
  #connections = 2;
  #isSettled = false;
  /** Bytes per second with half as many connections. */
  #previousSpeed: number;
  #measuredBytes = 0;
  #measureStart: number;

  constructor(
    body: Body,
    from: number,
    speed: number,
    options: MultiConnectionOptions,
    handlerFrom: (start: number) => ChunkHandler,
  ) {
    this.#body = body;
    this.#nextStart = from;
    this.#previousSpeed = speed;
    this.#options = options;
    this.#handlerFrom = handlerFrom;
    this.#now = options.now ?? clock;
    this.#measureStart = this.#now();
  }

  run(): Promise<void> {
    this.#openWindows();
    return this.#finished.promise;
  }

  /**
   * Opens windows up to the number of connections, but not far ahead of the slowest: a failure loses what is after it.
   */
  #openWindows(): void {
    const { windowSize, maxConnections } = this.#options.multiConnection;
    const first = Math.min(this.#nextStart, ...this.#activeWindows);
    while (this.#activeWindows.size < this.#connections && this.#connections > 1 && this.#nextStart < this.#body.size) {
      if (this.#nextStart - first > 2 * maxConnections * windowSize) break;
      void this.#fetchWindow(this.#nextStart);
      this.#nextStart += windowSize;
    }
    if (this.#activeWindows.size === 0) this.#finished.resolve();
  }

  async #fetchWindow(start: number): Promise<void> {
    const end = Math.min(start + this.#options.multiConnection.windowSize, this.#body.size);
    const { signal } = this.#options;
    const windowSignal = signal === undefined ? this.#abort.signal : AbortSignal.any([signal, this.#abort.signal]);
    const handlerFrom = this.#handlerFrom(start);
    this.#activeWindows.add(start);
    try {
      const part = { size: end, open: (offset?: number, until?: AbortSignal) => this.#body.open(offset, until, end) };
      await drain(part, start, { ...this.#options, signal: windowSignal }, (chunk) => {
        this.#measuredBytes += chunk.length;
        this.#adjustConnections();
        return handlerFrom(chunk);
      });
      this.#activeWindows.delete(start);
      this.#openWindows();
    } catch (error) {
      this.#finished.reject(error);
      this.#abort.abort(error);
    }
  }

  /** Doubles the connections while that is faster; otherwise undoes the last doubling. */
  #adjustConnections(): void {
    const { measureTime, maxConnections } = this.#options.multiConnection;
    const elapsed = this.#now() - this.#measureStart;
    if (this.#isSettled || elapsed < measureTime) return;
    const speed = (this.#measuredBytes * 1000) / elapsed;
    if (speed < this.#previousSpeed * MIN_GAIN) this.#connections /= 2;
    this.#isSettled = speed < this.#previousSpeed * MIN_GAIN || this.#connections === maxConnections;
    if (!this.#isSettled) this.#connections *= 2;
    this.#previousSpeed = speed;
    this.#measuredBytes = 0;
    this.#measureStart = this.#now();
    this.#openWindows();
  }
}
