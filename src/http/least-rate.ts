/** How slowly an answer may come. */
export interface LeastRate {
  /** Bytes that have to come within the window; a body that ends in it may be shorter. */
  readonly bytes: number;
  /** Milliseconds. */
  readonly window: number;
}

/** 1 kB/s. A time-out between two pieces alone would let a byte every few seconds hold a run for ever. */
export const LEAST_RATE: LeastRate = { bytes: 60_000, window: 60_000 };

/** Counts the bytes of one body, and tells when a window brought too few. Windows in which the reader waited do not count. */
export class RateWatch {
  readonly #timer: NodeJS.Timeout;
  #bytes = 0;
  #isHeld = false;

  /** @param isHeld whether the reader wants nothing at the moment */
  constructor({ bytes, window }: LeastRate, isHeld: () => boolean, tooSlow: () => void) {
    const look = (): void => {
      if (this.#bytes < bytes && !this.#isHeld && !isHeld()) tooSlow();
      else this.#timer.refresh();
      this.#bytes = 0;
      this.#isHeld = isHeld();
    };
    this.#timer = setTimeout(look, window);
    this.#timer.unref();
  }

  count(bytes: number): void {
    this.#bytes += bytes;
  }

  /** The reader takes no more for now. */
  hold(): void {
    this.#isHeld = true;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
