import type { ECRClientConfig } from '@aws-sdk/client-ecr';
import { silent } from '../base/events.ts';
import { createPacer, type Pacer } from '../http/pacer.ts';
import { createRetrier, RETRY_DEFAULTS, type Retryable, type RetryPolicy } from '../http/retry.ts';
import { tellApi, timedOut } from './failures.ts';
import type { EcrOptions } from './options.ts';

/** Retry strategy of the SDK. */
export type Patience = Extract<NonNullable<ECRClientConfig['retryStrategy']>, { recordSuccess: unknown }>;
type Failure = Parameters<Patience['refreshRetryTokenForRetry']>[1];

/** State of a request between its attempts. */
interface Token extends Awaited<ReturnType<Patience['acquireInitialRetryToken']>> {
  /** Start of the attempt, by the clock of the rate limiter. */
  readonly began: number;
}

/**
 * Creates a retry strategy with the attempts, delays and rate limiter used for registries. The SDK's own strategy has
 * one retry budget for all requests, which a few hundred repositories of a throttled account would exhaust.
 * @param what API of AWS, for events and errors
 */
export function patience(
  what: string,
  { emit = silent, signal }: Pick<EcrOptions, 'emit' | 'signal'>,
  { policy = RETRY_DEFAULTS, pacer = createPacer() }: { policy?: RetryPolicy; pacer?: Pacer } = {},
): Patience {
  const retrier = createRetrier(policy, emit);
  const pace = pacer.of(what);
  const next = async (count: number): Promise<Token> => {
    await pace.turn(signal);
    return { began: pace.now(), getRetryCount: () => count, getRetryDelay: () => 0 };
  };
  return {
    acquireInitialRetryToken: () => next(0),
    async refreshRetryTokenForRetry(token, info) {
      tellApi(info.error, what);
      const retryable = retryableOf(info);
      pace.ended((token as Token).began, retryable === 'throttled');
      const attempt = token.getRetryCount() + 1;
      const reason = timedOut(info.error) ? 'no response in time' : (info.error?.message ?? info.errorType);
      const after = Math.max(0, (info.retryAfterHint?.getTime() ?? 0) - Date.now());
      const isOn = await retrier.again({ what, attempt, reason, retryable, after, ...(signal && { signal }) });
      if (!isOn) throw info.error ?? new Error(reason);
      return next(attempt);
    },
    recordSuccess: (token) => pace.ended((token as Token).began, false),
  };
}

/**
 * Classifies an error. The SDK treats LimitExceededException as throttling, but it means an exhausted account quota.
 */
function retryableOf({ errorType, error }: Failure): Retryable {
  if (errorType === 'THROTTLING') return error?.name === 'LimitExceededException' ? 'no' : 'throttled';
  if (errorType === 'CLIENT_ERROR') return 'no';
  const code = (error as { code?: unknown } | undefined)?.code;
  if (code === 'ENOTFOUND') return 'no';
  // A SyntaxError means HTML from another server. A timeout of half a minute rarely passes.
  return code === 'ECONNREFUSED' || error?.name === 'SyntaxError' || timedOut(error) ? 'few' : 'yes';
}
