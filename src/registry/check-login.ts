import { basicAuthorization, type Credential } from '../auth/keychain.ts';
import { credentialRemedy, describeLogin } from '../auth/refusal.ts';
import { AirgapError } from '../base/errors.ts';
import { parseErrorBody } from '../http/error-body.ts';
import { readResponse } from '../http/read-response.ts';
import { pageText, WEB_PAGE_HINT } from '../http/web-page.ts';
import type { Repository } from '../oci/reference.ts';
import { apiUrl } from './api-url.ts';
import { errorFromBody } from './errors.ts';
import { apiHost } from './routes.ts';
import type { FullResponse, Session } from './session.ts';

/** Maximum bytes of the response: distribution sends `{}`. */
const RESPONSE_LIMIT = 1024 * 1024;

/**
 * Result of trying a login: the registry asked for it and accepted it, or the registry answers without a login, so that
 * nothing is known about it.
 */
export type LoginCheck = 'accepted' | 'not-asked';

interface CheckOptions {
  /**
   * The login, for a registry that asks for none: some refuse a wrong password even then. Without it, such a registry gets no
   * login.
   */
  readonly unasked?: Credential;
  readonly signal?: AbortSignal | undefined;
  /** False to ask once only. */
  readonly retry?: boolean;
}

/**
 * Tries the session's login at the root of a registry's API, as `docker login` does (distribution specification 1.1,
 * "Determining Support"): with Basic, or by a token without scopes, which is anonymous if there is no login.
 * @param repository registry, and the path that the login is looked up for
 * @throws AirgapError `unauthorized` if it is rejected; `forbidden`, `registry` for another answer; `network`
 */
export async function checkLogin(
  session: Session,
  repository: Repository,
  { unasked, signal, retry = true }: CheckOptions = {},
): Promise<LoginCheck> {
  const { transport, authorizer } = session;
  const { registry, path } = repository;
  const what = `login to ${registry}`;
  const endpoint = { kind: 'root' } as const;
  const request = { method: 'GET', repository, endpoint, actions: 'none', what, signal, retry } as const;
  checkAnswer(await session.read(request, RESPONSE_LIMIT), registry, what);
  const url = apiUrl(transport.scheme(apiHost(registry)), repository, endpoint);
  const sent = await authorizer.authorization({ registry, path, origin: url.origin, scopes: [] });
  if (sent !== undefined) return 'accepted';
  if (unasked?.kind !== 'basic') return 'not-asked';
  const headers = { authorization: basicAuthorization(unasked) };
  const full = await readResponse(transport, { what, signal, limit: RESPONSE_LIMIT }, () =>
    transport.request({ method: 'GET', url, headers, what, signal, retry }),
  );
  if (full.response.status === 401) {
    throw new AirgapError('unauthorized', `${describeLogin(registry, unasked)} was rejected`, {
      subject: what,
      hint: credentialRemedy(registry, unasked),
    });
  }
  return 'not-asked';
}

/** @throws AirgapError unless the response is that of a registry */
function checkAnswer({ response, bytes }: FullResponse, registry: string, what: string): void {
  const { status, url } = response;
  if (status === 200) {
    if (pageText(Buffer.from(bytes).toString('utf8').trim()) === undefined) return;
    throw new AirgapError('registry', `${url.host} sent a web page`, { subject: what, hint: WEB_PAGE_HINT });
  }
  if (status === 404 || status === 405) {
    throw new AirgapError('registry', `${url.host} has no registry API: it returned ${status} for /v2/`, {
      subject: what,
      hint: 'name the host of the registry alone, with its port; a web interface may have another address',
    });
  }
  throw errorFromBody(response, parseErrorBody(bytes), { what, registry });
}
