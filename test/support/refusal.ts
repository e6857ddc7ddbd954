import type { AirgapError } from '../../src/base/errors.ts';

/** Returns the error that a call throws; fails if it throws none. */
export function refusal(run: () => unknown): AirgapError {
  try {
    run();
  } catch (error) {
    return error as AirgapError;
  }
  throw new Error('nothing was refused');
}
