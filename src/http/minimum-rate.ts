/** Minimum rate of incoming data. */
export interface MinimumRate {
  /** Bytes that have to arrive per window; a body that ends within it may be shorter. */
  readonly bytes: number;
  /** Milliseconds. */
  readonly window: number;
}

/** 1 kB/s. With only a timeout between chunks, one byte every few seconds could block a run forever. */
export const DEFAULT_MINIMUM_RATE: MinimumRate = { bytes: 60_000, window: 60_000 };

/**
 * Bytes received so far, over all responses: connections share a slow line, and one of them may get almost nothing for
 * a while. A response that is itself too slow is detected once the others have ended.
 */
export interface ReceivedBytes {
  bytes: number;
}

/**
 * Reports windows with too few bytes while a body waits for data. Windows in which its reader was paused do not count.
 */
export class RateWatch {
  readonly #received: ReceivedBytes;
  readonly #timer: NodeJS.Timeout;
  #receivedBefore: number;
  #wasPaused = false;

  /** @param isPaused reports whether the reader is paused */
  constructor({ bytes, window }: MinimumRate, received: ReceivedBytes, isPaused: () => boolean, tooSlow: () => void) {
    this.#received = received;
    this.#receivedBefore = received.bytes;
    const check = (): void => {
      if (received.bytes - this.#receivedBefore < bytes && !this.#wasPaused && !isPaused()) tooSlow();
      else this.#timer.refresh();
      this.#receivedBefore = received.bytes;
      this.#wasPaused = isPaused();
    };
    this.#timer = setTimeout(check, window);
    this.#timer.unref();
  }

  count(bytes: number): void {
    this.#received.bytes += bytes;
  }

  /** Marks the current window as paused by the reader. */
  pause(): void {
    this.#wasPaused = true;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
