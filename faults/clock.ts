import { syncBuiltinESMExports } from 'node:module';
import promises from 'node:timers/promises';

/**
 * How much faster than real time the program's waits pass: time-outs of a minute in half a second, which a loaded
 * machine still keeps; pauses between tries, which nothing depends on, in next to nothing.
 */
const TIMEOUTS = 120;
const PAUSES = 2000;

/**
 * Makes the waits of the program in this process short: it has no setting for them, and users wait as long as it takes.
 * `node:timers` itself stays as it is, for those who stand outside. To be called before the first request: undici
 * goes on with the clock that it has begun with.
 * @returns makes time pass again as it does
 */
export function hurry(): () => void {
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
