import { AirgapError } from '../../base/errors.ts';
import type { Body } from '../../oci/content.ts';
import { drain, type SteadyOptions, type Take } from '../../oci/steady.ts';
import type { Placing } from './placing.ts';

/** When one connection is not enough, and what more of them get. Bytes and milliseconds. */
export interface Width {
  /** A blob of which less is missing comes over one connection. */
  readonly least: number;
  /** What a connection asks for at a time, where there are several. */
  readonly window: number;
  /** How long the speed is measured before it is believed. */
  readonly measure: number;
  /** Bytes a second from which one connection is as good as several: the way is not what holds it up. */
  readonly enough: number;
  /** Connections at most. */
  readonly most: number;
}

const MIB = 1024 * 1024;

/** Storage services commonly give a connection some 50 to 100 MB/s, whatever the network would take. */
export const WIDTH: Width = { least: 256 * MIB, window: 32 * MIB, measure: 3000, enough: 150e6, most: 4 };

const clock = (): number => performance.now();

/** How much faster more connections have to be in order to stay. */
const GAIN = 1.2;

export interface WideOptions extends SteadyOptions {
  readonly width: Width;
  /** Whether no other large blob is on its way beside this one: among several, each has a connection already. */
  readonly isAlone: () => boolean;
  /** Milliseconds from any start on. */
  readonly now?: () => number;
}

/** One connection is slow: what it has not brought yet is asked for by several. */
class Slow {
  readonly speed: number;

  constructor(speed: number) {
    this.speed = speed;
  }
}

/**
 * Fetches what is missing of a blob: over one connection, and when that turns out to be slow, over more of them that ask
 * for a window each, as long as each doubling makes it a fifth faster at least.
 * @param count told of all bytes that arrive
 * @throws what `drain` throws, and what the taker does
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
      // Who does not give parts of blobs, gives them whole.
      if (!(failure instanceof AirgapError) || failure.code !== 'unsupported') throw failure;
    }
  }
  await placing.settled();
  await drain(body, placing.hashed, options, take(placing.hashed));
}

/** Throws `Slow` when it is worth the trial: once, and when enough is missing to win something. */
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

/** The rest of a blob in windows, several at a time; ends early, with a piece at the end missing, when they do not pay. */
class Windows {
  readonly #body: Body;
  readonly #options: WideOptions;
  readonly #now: () => number;
  readonly #take: (start: number) => Take;
  readonly #abort = new AbortController();
  readonly #end = Promise.withResolvers<void>();
  readonly #open = new Set<number>();
  #next: number;
  #width = 2;
  #isSettled = false;
  /** Bytes a second with half as many connections. */
  #before: number;
  #bytes = 0;
  #began: number;

  constructor(body: Body, from: number, speed: number, options: WideOptions, take: (start: number) => Take) {
    this.#body = body;
    this.#next = from;
    this.#before = speed;
    this.#options = options;
    this.#take = take;
    this.#now = options.now ?? clock;
    this.#began = this.#now();
  }

  run(): Promise<void> {
    this.#fill();
    return this.#end.promise;
  }

  /** Opens as many windows as there is room for, and not so far ahead of the slowest that much is lost by a broken run. */
  #fill(): void {
    const { window, most } = this.#options.width;
    const first = Math.min(this.#next, ...this.#open);
    while (this.#open.size < this.#width && this.#width > 1 && this.#next < this.#body.size) {
      if (this.#next - first > 2 * most * window) break;
      void this.#fetch(this.#next);
      this.#next += window;
    }
    if (this.#open.size === 0) this.#end.resolve();
  }

  async #fetch(start: number): Promise<void> {
    const end = Math.min(start + this.#options.width.window, this.#body.size);
    const { signal } = this.#options;
    const stop = signal === undefined ? this.#abort.signal : AbortSignal.any([signal, this.#abort.signal]);
    const take = this.#take(start);
    this.#open.add(start);
    try {
      const part = { size: end, open: (at?: number, until?: AbortSignal) => this.#body.open(at, until, end) };
      await drain(part, start, { ...this.#options, signal: stop }, (chunk) => {
        this.#bytes += chunk.length;
        this.#judge();
        return take(chunk);
      });
      this.#open.delete(start);
      this.#fill();
    } catch (error) {
      this.#end.reject(error);
      this.#abort.abort(error);
    }
  }

  /** Doubles the connections while that pays, and takes back the last doubling when it did not. */
  #judge(): void {
    const { measure, most } = this.#options.width;
    const took = this.#now() - this.#began;
    if (this.#isSettled || took < measure) return;
    const speed = (this.#bytes * 1000) / took;
    if (speed < this.#before * GAIN) this.#width /= 2;
    this.#isSettled = speed < this.#before * GAIN || this.#width === most;
    if (!this.#isSettled) this.#width *= 2;
    this.#before = speed;
    this.#bytes = 0;
    this.#began = this.#now();
    this.#fill();
  }
}
