import { setTimeout as sleep } from 'node:timers/promises';

/** Lowest rate, requests per second. Below it the retry delays, which double, are the longer wait anyway. */
const MIN_RATE = 1;
/** Rate, requests per second, above which the limit is lifted. */
const MAX_LIMITED_RATE = 1000;
/** Factor applied to the rate by a 429, and the fraction of the accepted rate that it keeps at least. */
const DECREASE = 0.8;
const SUCCESS_FLOOR = 0.95;
/** Increase per second without a 429, as a fraction of the rate after the last one. */
const INCREASE = 0.03;
/** The same after the first 429, as a fraction of the current rate: how far the limit was exceeded is unknown then. */
const SEARCH_INCREASE = 3;
/** Seconds without a 429 after which the increase doubles every 2 s: the limit is probably gone. */
const CALM_SECONDS = 10;
/** Milliseconds of the window in which accepted requests are counted. */
const WINDOW = 1000;

/**
 * Rate limiters for servers that respond with 429, one per group of requests that a server counts together. A limit
 * applies to the group; requests that backed off separately would retry too often or leave capacity unused. The rate
 * increases linearly and decreases by a factor on 429 (AIMD). Until the first 429, requests are not delayed.
 */
export interface RateLimiters {
  /** Returns the limiter of a group of requests. */
  get(key: string): RateLimiter;
}

export interface RateLimiter {
  /** Waits until the next request may start; undefined when it may start immediately. */
  acquire(signal?: AbortSignal): Promise<void> | undefined;
  /** Records the result of a request that started at this time of the clock. */
  recordResult(startedAt: number, isThrottled: boolean): void;
  now(): number;
}

export interface Clock {
  /** Milliseconds since an arbitrary start. */
  readonly now: () => number;
  readonly wait: (milliseconds: number, signal?: AbortSignal) => Promise<unknown>;
}

const SYSTEM_CLOCK: Clock = {
  now: () => performance.now(),
  wait: (milliseconds, signal) => sleep(milliseconds, undefined, { signal }).catch(() => {}),
};

export function createRateLimiters(clock: Clock = SYSTEM_CLOCK): RateLimiters {
  const limiters = new Map<string, RateLimiter>();
  return {
    get(key) {
      let limiter = limiters.get(key);
      if (limiter === undefined) {
        limiter = new AdaptiveRateLimiter(clock);
        limiters.set(key, limiter);
      }
      return limiter;
    },
  };
}

class AdaptiveRateLimiter implements RateLimiter {
  readonly #clock: Clock;
  /** Requests per second. */
  #rate = Number.POSITIVE_INFINITY;
  /** Rate after the last 429, and the time of it. */
  #rateAfterRefusal = MIN_RATE;
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

  acquire(signal?: AbortSignal): Promise<void> | undefined {
    if (this.#rate === Number.POSITIVE_INFINITY) return undefined;
    // One after the other: the rate that counts is that at the start of a request, not when it was queued.
    this.#queue = this.#queue.then(async () => {
      const now = this.now();
      const start = Math.max(this.#nextStart, now);
      this.#nextStart = start + 1000 / this.#rate;
      if (start > now && !signal?.aborted) await this.#clock.wait(start - now, signal);
    });
    return this.#queue;
  }

  recordResult(startedAt: number, isThrottled: boolean): void {
    const now = this.now();
    if (now - this.#windowStart >= WINDOW) {
      this.#acceptedBefore = now - this.#windowStart < 2 * WINDOW ? this.#accepted : 0;
      this.#accepted = 0;
      this.#windowStart = now;
    }
    if (!isThrottled) {
      this.#accepted++;
      if (this.#rate !== Number.POSITIVE_INFINITY) this.#increase(now);
    } else if (startedAt > this.#refusedAt) this.#decrease(now);
  }

  #increase(now: number): void {
    const calmSeconds = (now - this.#refusedAt) / 1000;
    const base = this.#isSearching ? this.#rate * SEARCH_INCREASE : this.#rateAfterRefusal * INCREASE;
    const increasePerSecond = base * 2 ** (Math.max(0, calmSeconds - CALM_SECONDS) / 2);
    this.#rate += increasePerSecond / this.#rate;
    if (this.#rate > MAX_LIMITED_RATE) this.#rate = Number.POSITIVE_INFINITY;
  }

  /** Not called for requests started before the last 429: they say nothing about the rate since. */
  #decrease(now: number): void {
    const acceptedRate = ((this.#acceptedBefore + this.#accepted) / (WINDOW + now - this.#windowStart)) * 1000;
    this.#isSearching = this.#rate === Number.POSITIVE_INFINITY;
    const reducedRate = this.#isSearching
      ? acceptedRate
      : Math.max(this.#rate * DECREASE, acceptedRate * SUCCESS_FLOOR);
    this.#rate = Math.min(this.#rate, Math.max(MIN_RATE, reducedRate));
    this.#rateAfterRefusal = this.#rate;
    this.#refusedAt = now;
  }
}
