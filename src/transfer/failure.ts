import { AirgapError, messageOf } from '../base/errors.ts';

/** An error that says which image and which step it stopped: `what` is put before the sentence, unless it is in it. */
export function failureOf(what: string, error: unknown): AirgapError {
  if (!(error instanceof AirgapError))
    return new AirgapError('network', `${what}: ${messageOf(error)}`, { cause: error });
  if (error.message.includes(what)) return error;
  const { code, message, hint, causes } = error;
  return new AirgapError(code, `${what}: ${message}`, { hint, causes, cause: error });
}

/** @throws AirgapError `interrupted` */
export function checkAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new AirgapError('interrupted', 'interrupted', { cause: signal.reason });
}
