/** Minimum rate of incoming data. */
export interface LeastRate {
  /** Bytes that have to arrive per window; a body that ends within it may be shorter. */
  readonly bytes: number;
  /** Milliseconds. */
  readonly window: number;
}

/** 1 kB/s. With only a timeout between chunks, one byte every few seconds could block a run forever. */
export const LEAST_RATE: LeastRate = { bytes: 60_000, window: 60_000 };

/**
 * Bytes received so far, over all responses: connections share a slow line, and one of them may get almost nothing for
 * a while. A response that is itself too slow is detected once the others have ended.
 */
export interface Inflow {
  bytes: number;
}

/**
 * Reports windows with too few bytes while a body waits for data. Windows in which its reader was paused do not count.
 */
export class RateWatch {
  readonly #received: Inflow;
  readonly #timer: NodeJS.Timeout;
  #receivedBefore: number;
  #wasPaused = false;

  /** @param isHeld returns true while the reader is paused */
  constructor({ bytes, window }: LeastRate, inflow: Inflow, isHeld: () => boolean, tooSlow: () => void) {
    this.#received = inflow;
    this.#receivedBefore = inflow.bytes;
    const look = (): void => {
      if (inflow.bytes - this.#receivedBefore < bytes && !this.#wasPaused && !isHeld()) tooSlow();
      else this.#timer.refresh();
      this.#receivedBefore = inflow.bytes;
      this.#wasPaused = isHeld();
    };
    this.#timer = setTimeout(look, window);
    this.#timer.unref();
  }

  count(bytes: number): void {
    this.#received.bytes += bytes;
  }

  /** Marks the current window as paused by the reader. */
  hold(): void {
    this.#wasPaused = true;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
