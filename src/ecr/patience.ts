import type { ECRClientConfig } from '@aws-sdk/client-ecr';
import { silent } from '../base/events.ts';
import { createPacer, type Pacer } from '../http/pacer.ts';
import { createRetrier, RETRY_DEFAULTS, type Retryable, type RetryPolicy } from '../http/retry.ts';
import { tellApi, timedOut } from './failures.ts';
import type { EcrOptions } from './options.ts';

/** What the SDK asks before it repeats a request. */
export type Patience = Extract<NonNullable<ECRClientConfig['retryStrategy']>, { recordSuccess: unknown }>;
type Failure = Parameters<Patience['refreshRetryTokenForRetry']>[1];

/** What it keeps of a request: milliseconds of the pacer's clock when that was begun. */
interface Token extends Awaited<ReturnType<Patience['acquireInitialRetryToken']>> {
  readonly began: number;
}

/**
 * How often and how patiently the SDK asks again: as the registry is asked, with its waits and at the pace that AWS takes.
 * The SDK's own way has a budget for all requests together, which a few hundred repositories use up where an account is
 * throttled; the run would fail then.
 * @param what which API of AWS, for events and errors
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
      const reason = timedOut(info.error) ? 'no answer in time' : (info.error?.message ?? info.errorType);
      const after = Math.max(0, (info.retryAfterHint?.getTime() ?? 0) - Date.now());
      const isOn = await retrier.again({ what, attempt, reason, retryable, after, ...(signal && { signal }) });
      if (!isOn) throw info.error ?? new Error(reason);
      return next(attempt);
    },
    recordSuccess: (token) => pace.ended((token as Token).began, false),
  };
}

/** An account that is full is no throttled one, though the SDK takes its LimitExceededException for that. */
function retryableOf({ errorType, error }: Failure): Retryable {
  if (errorType === 'THROTTLING') return error?.name === 'LimitExceededException' ? 'no' : 'throttled';
  if (errorType === 'CLIENT_ERROR') return 'no';
  const code = (error as { code?: unknown } | undefined)?.code;
  if (code === 'ENOTFOUND') return 'no';
  // A page of HTML comes from something else that listens there. What has not answered for half a minute rarely does later.
  return code === 'ECONNREFUSED' || error?.name === 'SyntaxError' || timedOut(error) ? 'few' : 'yes';
}
