import type { Credential } from '../auth/keychain.ts';
import { credentialRemedy, describeLogin } from '../auth/refusal.ts';
import { AirgapError } from '../base/errors.ts';
import { errorEntries, parseErrorBody, quoteErrorBody } from '../http/error-body.ts';
import type { HttpResponse } from '../http/exchange.ts';
import { retryableStatus } from '../http/retry.ts';
import { WEB_PAGE_HINT } from '../http/web-page.ts';
import type { ApiRefusal } from './api.ts';

/** A refused request. */
export interface RefusedRequest {
  readonly registry: string;
  /** Subject of the message. */
  readonly what: string;
  readonly response: HttpResponse;
  readonly bytes: Uint8Array;
  readonly credential: Credential;
}

/** Hint for a registry without this API. Version 4 is built on Harbor. */
const NO_API_HINT =
  'accounts, teams and rights are read by the API of Mirantis Secure Registry 2 and 3 (/enzi/v0 and /api/v0), which version 4 does not have: check the host';

/** Returns the error for a host that does not offer this API. */
export function noApiError(registry: string, detail: string): AirgapError {
  return new AirgapError('unsupported', `${registry} does not offer the API of Mirantis Secure Registry`, {
    detail,
    hint: NO_API_HINT,
  });
}

/** Returns the error for a refusal, with {@link ApiRefusal} as its cause. */
export function refusalError({ registry, what, response, bytes, credential }: RefusedRequest): AirgapError {
  const { status, url } = response;
  const body = parseErrorBody(bytes);
  const words = quoteErrorBody(body, true);
  const codes = errorEntries(body)
    .map(({ code }) => code)
    .filter((code) => code !== '');
  const cause: ApiRefusal = { status, codes };
  const details = { subject: what, detail: words === '' ? String(status) : `${status}: ${words}`, cause };
  const login = describeLogin(registry, credential);
  if (status === 401) {
    const hint = credentialRemedy(registry, credential);
    return new AirgapError('unauthorized', `${login} was rejected`, { ...details, hint });
  }
  if (status === 403) {
    const hint = 'use the login of an administrator of the registry, or of the organization';
    return new AirgapError('forbidden', `${login} has no permission for this`, { ...details, hint });
  }
  return new AirgapError('registry', `${url.host} refused it`, {
    ...details,
    isTransient: retryableStatus(status) !== 'no',
    ...(body.isWebPage && { hint: WEB_PAGE_HINT }),
  });
}

/** Returns the error for 404, where something has to exist. */
export function notFoundError(registry: string, what: string): AirgapError {
  const cause: ApiRefusal = { status: 404, codes: [] };
  return new AirgapError('registry', `${registry} does not have it`, { subject: what, detail: '404', cause });
}

/** Returns how the registry refused a request; undefined for other errors. */
export function refusalOf(error: unknown): ApiRefusal | undefined {
  const cause = error instanceof AirgapError ? error.cause : undefined;
  if (cause instanceof AirgapError) return refusalOf(cause);
  return typeof cause === 'object' && cause !== null && 'codes' in cause && 'status' in cause
    ? (cause as ApiRefusal)
    : undefined;
}
