import type { AirgapError } from '../../../src/base/errors.ts';

/** The error that a call ends with. Fails when it does not. */
export function refusal(run: () => unknown): AirgapError {
  try {
    run();
  } catch (error) {
    return error as AirgapError;
  }
  throw new Error('nothing was refused');
}
