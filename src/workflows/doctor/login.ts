import type { Access, Authorizer } from '../../auth/authorizer.ts';
import type { Keychain } from '../../auth/keychain.ts';
import { describeLogin, loginHint } from '../../auth/refusal.ts';
import { AirgapError } from '../../base/errors.ts';
import { parseErrorBody } from '../../http/error-body.ts';
import type { HttpResponse } from '../../http/exchange.ts';
import { discardBody } from '../../http/response-body.ts';
import type { Transport } from '../../http/transport.ts';
import { pageText, WEB_PAGE_HINT } from '../../http/web-page.ts';
import type { DoctorFinding } from '../../inventory/doctor-result.ts';
import { errorFromBody } from '../../registry/errors.ts';
import { bad, good, notKnown, ofError } from './finding.ts';

/** Registry that was asked for `/v2/` without a login. */
export interface AskedRegistry {
  /** Host as users write it. */
  readonly registry: string;
  readonly prefix: string;
  /** URL of `/v2/`. */
  readonly url: URL;
  /** Answer without a login, and the beginning of its body. */
  readonly response: HttpResponse;
  readonly bytes: Uint8Array;
}

/** Result of the login, and whether further requests make sense. */
export interface CheckedLogin {
  readonly finding: DoctorFinding;
  readonly isAccepted: boolean;
}

/**
 * Looks a login up where a push does, and tries it at `/v2/`.
 * @throws AirgapError `config` for a login that cannot be read; `network`
 */
export async function checkLogin(
  { registry, prefix, url, response, bytes }: AskedRegistry,
  { transport, keychain, authorizer }: { transport: Transport; keychain: Keychain; authorizer: Authorizer },
  signal: AbortSignal,
): Promise<CheckedLogin> {
  const name = registry;
  const { status } = response;
  const isPage = status === 200 && pageText(Buffer.from(bytes).toString('utf8').trim()) !== undefined;
  if (isPage) {
    const message = '/v2/ is a web page: this is no registry';
    return { finding: bad('login', message, { name, hint: WEB_PAGE_HINT }), isAccepted: false };
  }
  if (status !== 200 && status !== 401 && status !== 403) {
    const error = errorFromBody(response, parseErrorBody(bytes), { what: '/v2/', registry });
    const hint = error.hint ?? 'check host and port; a proxy or another service may answer in place of the registry';
    return { finding: bad('login', error.message, { name, hint }), isAccepted: false };
  }
  const credential = await keychain.lookup(registry, prefix);
  if (status === 200) {
    const also = credential === undefined ? '' : `; ${describeLogin(registry, credential)} was not needed`;
    return { finding: good('login', `the registry asks for no login${also}`, { name }), isAccepted: true };
  }
  const access: Access = { registry, path: prefix, origin: url.origin, scopes: [] };
  const challenge = response.headers['www-authenticate'];
  try {
    const authorization = await authorizer.renew(access, challenge, undefined);
    const answer = await ask(transport, url, authorization, signal);
    if (answer.status === 200) {
      if (credential !== undefined) {
        const message = `${describeLogin(registry, credential)} was accepted`;
        return { finding: good('login', message, { name }), isAccepted: true };
      }
      const message = 'there is no login, and anonymous access allows reading at most';
      const hint = loginHint(registry, keychain.sources?.(registry) ?? []);
      return { finding: bad('login', message, { name, hint }), isAccepted: true };
    }
    if (answer.status !== 401 && answer.status !== 403)
      return { finding: notKnown('login', `/v2/ returned ${answer.status}`, { name }), isAccepted: false };
    const refusal = { status: answer.status, wwwAuthenticate: answer.headers['www-authenticate'], sent: authorization };
    const { message, hint } = await authorizer.explain(access, refusal);
    return { finding: bad('login', message, { name, hint }), isAccepted: false };
  } catch (error) {
    if (!(error instanceof AirgapError) || error.code === 'interrupted') throw error;
    return { finding: ofError('login', error, { name }), isAccepted: false };
  }
}

async function ask(
  transport: Transport,
  url: URL,
  authorization: string | undefined,
  signal: AbortSignal,
): Promise<HttpResponse> {
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
  const response = await transport.request({ method: 'GET', url, headers, what: url.host, retry: false, signal });
  await discardBody(response);
  return response;
}
