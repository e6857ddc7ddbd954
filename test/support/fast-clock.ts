import { syncBuiltinESMExports } from 'node:module';
import promises from 'node:timers/promises';

/**
 * Factors by which waits are shortened. A time-out of a minute takes half a second, which a loaded machine still keeps;
 * pauses between retries take next to no time, since nothing depends on them.
 */
const TIMEOUTS = 120;
const PAUSES = 2000;

/**
 * Shortens the waits of the program in this process, which has no setting for them. `node:timers` itself is unchanged,
 * for the test's own waits. Call it before the first request: undici keeps the clock that it started with.
 * @returns a function that restores the timers
 */
export function useFastClock(): () => void {
  const { setTimeout: timeout } = globalThis;
  const pause = promises.setTimeout;
  const faster = (run: (...args: unknown[]) => void, ms = 0, ...args: unknown[]): NodeJS.Timeout =>
    timeout(run, ms / TIMEOUTS, ...args);
  globalThis.setTimeout = Object.assign(faster, timeout) as typeof timeout;
  promises.setTimeout = (ms = 0, ...rest) => pause(ms / PAUSES, ...rest);
  syncBuiltinESMExports();
  return () => {
    globalThis.setTimeout = timeout;
    promises.setTimeout = pause;
    syncBuiltinESMExports();
  };
}
