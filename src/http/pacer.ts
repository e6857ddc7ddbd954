import { setTimeout as sleep } from 'node:timers/promises';

/** Requests a second below which a pace is not slowed: what comes to less waits by itself, longer with each refusal. */
const SLOWEST = 1;
/** Requests a second from which on nothing is paced. */
const FASTEST = 1000;
/** What a refusal leaves of the pace, and what it leaves at least of that at which requests got through. */
const LEFT = 0.8;
const LEFT_OF_TAKEN = 0.95;
/** What a second without a refusal adds, as a share of the pace that the last one left. */
const GROWTH = 0.03;
/** What it adds behind the first refusal, as a share of the present pace: nobody knows how far beyond the limit that was. */
const SEARCH = 3;
/** Seconds without a refusal after which it grows faster, twice as fast every two: the limit seems to be gone. */
const CALM = 10;
/** Milliseconds over which is counted what gets through. */
const WINDOW = 1000;

/**
 * Finds the pace that a server takes which says 429, for all requests that it counts together: the limit is theirs, and
 * each waiting for itself would either knock too often or leave room unused. The pace grows by the same amount each
 * second and falls by a share with a refusal. As long as nothing is refused nothing waits.
 */
export interface Pacer {
  /** The pace of requests that are counted together. */
  of(key: string): Pace;
}

export interface Pace {
  /** Waits for the next request's turn; undefined when there is nothing to wait for. */
  turn(signal?: AbortSignal): Promise<void> | undefined;
  /** Tells how a request ended that was begun at this time, in milliseconds of the clock. */
  ended(began: number, isRefused: boolean): void;
  now(): number;
}

export interface Clock {
  /** Milliseconds, from any beginning. */
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
  /** Requests a second. */
  #rate = Number.POSITIVE_INFINITY;
  /** What the last refusal left of it, and when. */
  #left = SLOWEST;
  #refused = Number.NEGATIVE_INFINITY;
  #isSearching = true;
  /** When the next request may go, and the promise of the last one that waits. */
  #next = 0;
  #line: Promise<void> = Promise.resolve();
  /** Requests that got through: in the window that began then, and in the one before. */
  #window = Number.NEGATIVE_INFINITY;
  #taken = 0;
  #before = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  turn(signal?: AbortSignal): Promise<void> | undefined {
    if (this.#rate === Number.POSITIVE_INFINITY) return undefined;
    // One after the other: what the pace is shows when a turn comes, not when it is waited for.
    this.#line = this.#line.then(async () => {
      const now = this.now();
      const at = Math.max(this.#next, now);
      this.#next = at + 1000 / this.#rate;
      if (at > now && !signal?.aborted) await this.#clock.wait(at - now, signal);
    });
    return this.#line;
  }

  ended(began: number, isRefused: boolean): void {
    const now = this.now();
    if (now - this.#window >= WINDOW) {
      this.#before = now - this.#window < 2 * WINDOW ? this.#taken : 0;
      this.#taken = 0;
      this.#window = now;
    }
    if (!isRefused) {
      this.#taken++;
      if (this.#rate !== Number.POSITIVE_INFINITY) this.#grow(now);
    } else if (began > this.#refused) this.#slow(now);
  }

  #grow(now: number): void {
    const calm = (now - this.#refused) / 1000;
    const base = this.#isSearching ? this.#rate * SEARCH : this.#left * GROWTH;
    const second = base * 2 ** (Math.max(0, calm - CALM) / 2);
    this.#rate += second / this.#rate;
    if (this.#rate > FASTEST) this.#rate = Number.POSITIVE_INFINITY;
  }

  /** What was begun before the last refusal says nothing of the pace since. */
  #slow(now: number): void {
    const taken = ((this.#before + this.#taken) / (WINDOW + now - this.#window)) * 1000;
    this.#isSearching = this.#rate === Number.POSITIVE_INFINITY;
    const kept = this.#isSearching ? taken : Math.max(this.#rate * LEFT, taken * LEFT_OF_TAKEN);
    this.#rate = Math.min(this.#rate, Math.max(SLOWEST, kept));
    this.#left = this.#rate;
    this.#refused = now;
  }
}
