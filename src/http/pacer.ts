import { setTimeout as sleep } from 'node:timers/promises';

/** Lowest rate, requests per second. Below it the retry delays, which double, are the longer wait anyway. */
const SLOWEST = 1;
/** Rate, requests per second, above which the limit is lifted. */
const FASTEST = 1000;
/** Factor applied to the rate by a 429, and the fraction of the accepted rate that it keeps at least. */
const LEFT = 0.8;
const LEFT_OF_TAKEN = 0.95;
/** Increase per second without a 429, as a fraction of the rate after the last one. */
const GROWTH = 0.03;
/** The same after the first 429, as a fraction of the current rate: how far the limit was exceeded is unknown then. */
const SEARCH = 3;
/** Seconds without a 429 after which the increase doubles every 2 s: the limit is probably gone. */
const CALM = 10;
/** Milliseconds of the window in which accepted requests are counted. */
const WINDOW = 1000;

/**
 * Rate limiters for servers that respond with 429, one per group of requests that a server counts together. A limit
 * applies to the group; requests that backed off separately would retry too often or leave capacity unused. The rate
 * increases linearly and decreases by a factor on 429 (AIMD). Until the first 429, requests are not delayed.
 */
export interface Pacer {
  /** Returns the limiter of a group of requests. */
  of(key: string): Pace;
}

export interface Pace {
  /** Waits until the next request may start; undefined when it may start immediately. */
  turn(signal?: AbortSignal): Promise<void> | undefined;
  /** Records the result of a request that started at this time of the clock. */
  ended(began: number, isRefused: boolean): void;
  now(): number;
}

export interface Clock {
  /** Milliseconds since an arbitrary start. */
  readonly now: () => number;
  readonly wait: (milliseconds: number, signal?: AbortSignal) => Promise<unknown>;
}

const REAL: Clock = {
  now: () => performance.now(),
  wait: (milliseconds, signal) => sleep(milliseconds, undefined, { signal }).catch(() => {}),
};

export function createPacer(clock: Clock = REAL): Pacer {
  const paces = new Map<string, Pace>();
  return {
    of(key) {
      let pace = paces.get(key);
      if (pace === undefined) {
        pace = new Adaptive(clock);
        paces.set(key, pace);
      }
      return pace;
    },
  };
}

class Adaptive implements Pace {
  readonly #clock: Clock;
  /** Requests per second. */
  #rate = Number.POSITIVE_INFINITY;
  /** Rate after the last 429, and the time of it. */
  #rateAfterRefusal = SLOWEST;
  #refusedAt = Number.NEGATIVE_INFINITY;
  #isSearching = true;
  /** Start time of the next request, and the promise of the last one in the queue. */
  #nextStart = 0;
  #queue: Promise<void> = Promise.resolve();
  /** Start of the current window, and the requests accepted in it and in the previous one. */
  #windowStart = Number.NEGATIVE_INFINITY;
  #accepted = 0;
  #acceptedBefore = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  turn(signal?: AbortSignal): Promise<void> | undefined {
    if (this.#rate === Number.POSITIVE_INFINITY) return undefined;
    // One after the other: the rate that counts is that at the start of a request, not when it was queued.
    this.#queue = this.#queue.then(async () => {
      const now = this.now();
      const at = Math.max(this.#nextStart, now);
      this.#nextStart = at + 1000 / this.#rate;
      if (at > now && !signal?.aborted) await this.#clock.wait(at - now, signal);
    });
    return this.#queue;
  }

  ended(began: number, isRefused: boolean): void {
    const now = this.now();
    if (now - this.#windowStart >= WINDOW) {
      this.#acceptedBefore = now - this.#windowStart < 2 * WINDOW ? this.#accepted : 0;
      this.#accepted = 0;
      this.#windowStart = now;
    }
    if (!isRefused) {
      this.#accepted++;
      if (this.#rate !== Number.POSITIVE_INFINITY) this.#increase(now);
    } else if (began > this.#refusedAt) this.#decrease(now);
  }

  #increase(now: number): void {
    const calm = (now - this.#refusedAt) / 1000;
    const base = this.#isSearching ? this.#rate * SEARCH : this.#rateAfterRefusal * GROWTH;
    const second = base * 2 ** (Math.max(0, calm - CALM) / 2);
    this.#rate += second / this.#rate;
    if (this.#rate > FASTEST) this.#rate = Number.POSITIVE_INFINITY;
  }

  /** Not called for requests started before the last 429: they say nothing about the rate since. */
  #decrease(now: number): void {
    const taken = ((this.#acceptedBefore + this.#accepted) / (WINDOW + now - this.#windowStart)) * 1000;
    this.#isSearching = this.#rate === Number.POSITIVE_INFINITY;
    const kept = this.#isSearching ? taken : Math.max(this.#rate * LEFT, taken * LEFT_OF_TAKEN);
    this.#rate = Math.min(this.#rate, Math.max(SLOWEST, kept));
    this.#rateAfterRefusal = this.#rate;
    this.#refusedAt = now;
  }
}
