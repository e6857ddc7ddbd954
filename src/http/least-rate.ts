/** How slowly an answer may come. */
export interface LeastRate {
  /** Bytes that have to come within the window; a body that ends in it may be shorter. */
  readonly bytes: number;
  /** Milliseconds. */
  readonly window: number;
}

/** 1 kB/s. A time-out between two pieces alone would let a byte every few seconds hold a run for ever. */
export const LEAST_RATE: LeastRate = { bytes: 60_000, window: 60_000 };

/**
 * Bytes that came so far, of all answers together: many connections share a slow line, and one of them may get next to
 * nothing for a while. What is slow by itself is found out when the others have ended.
 */
export interface Inflow {
  bytes: number;
}

/** Tells when a window brought too few bytes while a body waited for its own. Windows in which its reader waited do not count. */
export class RateWatch {
  readonly #inflow: Inflow;
  readonly #timer: NodeJS.Timeout;
  #before: number;
  #isHeld = false;

  /** @param isHeld whether the reader wants nothing at the moment */
  constructor({ bytes, window }: LeastRate, inflow: Inflow, isHeld: () => boolean, tooSlow: () => void) {
    this.#inflow = inflow;
    this.#before = inflow.bytes;
    const look = (): void => {
      if (inflow.bytes - this.#before < bytes && !this.#isHeld && !isHeld()) tooSlow();
      else this.#timer.refresh();
      this.#before = inflow.bytes;
      this.#isHeld = isHeld();
    };
    this.#timer = setTimeout(look, window);
    this.#timer.unref();
  }

  count(bytes: number): void {
    this.#inflow.bytes += bytes;
  }

  /** The reader takes no more for now. */
  hold(): void {
    this.#isHeld = true;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
