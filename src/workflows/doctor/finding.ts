import { AirgapError } from '../../base/errors.ts';
import { redact } from '../../base/redact.ts';
import type { DoctorCheck, DoctorFinding } from '../../inventory/doctor-result.ts';

/** Milliseconds for one check. */
export const CHECK_LIMIT = 10_000;

/** Optional parts of a finding. */
interface FindingParts {
  readonly name?: string | undefined;
  readonly hint?: string | undefined;
}

export function good(check: DoctorCheck, message: string, parts: FindingParts = {}): DoctorFinding {
  return finding(check, 'good', message, parts);
}

export function bad(check: DoctorCheck, message: string, parts: FindingParts = {}): DoctorFinding {
  return finding(check, 'bad', message, parts);
}

export function notKnown(check: DoctorCheck, message: string, parts: FindingParts = {}): DoctorFinding {
  return finding(check, 'not-known', message, parts);
}

function finding(
  check: DoctorCheck,
  status: DoctorFinding['status'],
  message: string,
  { name, hint }: FindingParts,
): DoctorFinding {
  return {
    check,
    ...(name !== undefined && { name: redact(name) }),
    status,
    message: redact(message),
    ...(hint !== undefined && { hint: redact(hint) }),
  };
}

/** Returns the finding for an error. @param status if it is not certain that a push would fail: `not-known` */
export function ofError(
  check: DoctorCheck,
  error: AirgapError,
  { name, status = 'bad' }: { readonly name?: string; readonly status?: 'bad' | 'not-known' } = {},
): DoctorFinding {
  return finding(check, status, error.message, { name, hint: error.hint });
}

/** Error of a check that took too long. @param limit milliseconds */
export function lateError(limit: number): AirgapError {
  return new AirgapError('network', `no answer within ${limit / 1000} s`, {
    hint: 'check the network: firewalls, routes, the proxy',
  });
}

/**
 * Runs a check, of which an error becomes a finding. It ends after {@link CHECK_LIMIT}, whatever it waits for.
 * @param outer interrupt of the user, which ends the run
 * @throws AirgapError `interrupted`
 */
export async function limited(
  check: DoctorCheck,
  outer: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<readonly DoctorFinding[]>,
  name?: string,
): Promise<readonly DoctorFinding[]> {
  const stop = new AbortController();
  const signal = outer === undefined ? stop.signal : AbortSignal.any([stop.signal, outer]);
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const error = lateError(CHECK_LIMIT);
    late.reject(error);
    stop.abort(error);
  }, CHECK_LIMIT);
  const working = work(signal);
  // It may fail after the limit, when nobody waits for it.
  working.catch(() => {});
  try {
    return await Promise.race([working, late.promise]);
  } catch (error) {
    if (outer?.aborted) throw new AirgapError('interrupted', 'interrupted', { cause: outer.reason });
    if (!(error instanceof AirgapError)) throw error;
    return [ofError(check, error, name === undefined ? {} : { name })];
  } finally {
    clearTimeout(timer);
  }
}
