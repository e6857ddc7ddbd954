import { AirgapError } from '../../base/errors.ts';
import type { Body } from '../../oci/content.ts';
import { drain, type SteadyOptions, type Take } from '../../oci/steady.ts';
import type { Placing } from './placing.ts';

/** Policy for fetching a blob over several connections. Sizes in bytes, times in milliseconds. */
export interface Width {
  /** Blobs with fewer missing bytes are fetched over one connection. */
  readonly least: number;
  /** Bytes per range request. */
  readonly window: number;
  /** Duration of a speed measurement. */
  readonly measure: number;
  /** Bytes per second from which one connection is sufficient. */
  readonly enough: number;
  /** Maximum number of connections. */
  readonly most: number;
}

const MIB = 1024 * 1024;

/** Default policy. Storage services commonly limit a connection to 50 to 100 MB/s, even on faster networks. */
export const WIDTH: Width = { least: 256 * MIB, window: 32 * MIB, measure: 3000, enough: 150e6, most: 4 };

const clock = (): number => performance.now();

/** Minimum gain in speed for keeping additional connections. */
const GAIN = 1.2;

export interface WideOptions extends SteadyOptions {
  readonly width: Width;
  /** Reports whether no other large blob is being fetched. Several blobs already use several connections. */
  readonly isAlone: () => boolean;
  /** Returns monotonic time in milliseconds. */
  readonly now?: () => number;
}

/** Thrown to end a slow single connection; the rest is fetched over several. */
class Slow {
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
export async function drainWide(
  body: Body,
  placing: Placing,
  options: WideOptions,
  count: (bytes: number) => void,
): Promise<void> {
  const take = (start: number, before?: () => void): Take => {
    let at = start;
    return (chunk) => {
      before?.();
      const position = at;
      at += chunk.length;
      count(chunk.length);
      return placing.take(chunk, position, start);
    };
  };
  try {
    const watch = slowness(body.size, placing, options);
    await drain(body, placing.hashed, options, take(placing.hashed, watch));
    return;
  } catch (error) {
    if (!(error instanceof Slow)) throw error;
    try {
      await new Windows(body, placing.hashed, error.speed, options, take).run();
    } catch (failure) {
      // Without range requests, the rest is fetched over one connection.
      if (!(failure instanceof AirgapError) || failure.code !== 'unsupported') throw failure;
    }
  }
  await placing.settled();
  await drain(body, placing.hashed, options, take(placing.hashed));
}

/** Returns a function that throws `SlowConnection` if the speed is low and enough bytes are missing. */
function slowness(
  size: number,
  placing: Pick<Placing, 'hashed'>,
  { width, isAlone, now = clock }: WideOptions,
): () => void {
  if (size - placing.hashed < width.least) return () => {};
  let began = now();
  let mark = placing.hashed;
  return () => {
    const took = now() - began;
    if (took < width.measure) return;
    const speed = ((placing.hashed - mark) * 1000) / took;
    const left = ((size - placing.hashed) * 1000) / speed;
    if (speed < width.enough && left > 4 * width.measure && isAlone()) throw new Slow(speed);
    began = now();
    mark = placing.hashed;
  };
}

/** Fetches the rest of a blob in concurrent windows. Stops early, leaving the end, if they are not faster. */
class Windows {
  readonly #body: Body;
  readonly #options: WideOptions;
  readonly #now: () => number;
  readonly #handlerFrom: (start: number) => Take;
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

  constructor(body: Body, from: number, speed: number, options: WideOptions, take: (start: number) => Take) {
    this.#body = body;
    this.#nextStart = from;
    this.#previousSpeed = speed;
    this.#options = options;
    this.#handlerFrom = take;
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
    const { window, most } = this.#options.width;
    const first = Math.min(this.#nextStart, ...this.#activeWindows);
    while (this.#activeWindows.size < this.#connections && this.#connections > 1 && this.#nextStart < this.#body.size) {
      if (this.#nextStart - first > 2 * most * window) break;
      void this.#fetchWindow(this.#nextStart);
      this.#nextStart += window;
    }
    if (this.#activeWindows.size === 0) this.#finished.resolve();
  }

  async #fetchWindow(start: number): Promise<void> {
    const end = Math.min(start + this.#options.width.window, this.#body.size);
    const { signal } = this.#options;
    const stop = signal === undefined ? this.#abort.signal : AbortSignal.any([signal, this.#abort.signal]);
    const take = this.#handlerFrom(start);
    this.#activeWindows.add(start);
    try {
      const part = { size: end, open: (offset?: number, until?: AbortSignal) => this.#body.open(offset, until, end) };
      await drain(part, start, { ...this.#options, signal: stop }, (chunk) => {
        this.#measuredBytes += chunk.length;
        this.#adjustConnections();
        return take(chunk);
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
    const { measure, most } = this.#options.width;
    const took = this.#now() - this.#measureStart;
    if (this.#isSettled || took < measure) return;
    const speed = (this.#measuredBytes * 1000) / took;
    if (speed < this.#previousSpeed * GAIN) this.#connections /= 2;
    this.#isSettled = speed < this.#previousSpeed * GAIN || this.#connections === most;
    if (!this.#isSettled) this.#connections *= 2;
    this.#previousSpeed = speed;
    this.#measuredBytes = 0;
    this.#measureStart = this.#now();
    this.#openWindows();
  }
}
