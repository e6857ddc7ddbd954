import { type Authorizer, createAuthorizer } from '../auth/authorizer.ts';
import type { Keychain } from '../auth/keychain.ts';
import type { TokenExchange } from '../auth/token.ts';
import { AirgapError } from '../base/errors.ts';
import { type Emit, type Quota, silent } from '../base/events.ts';
import type { HttpResponse } from '../http/exchange.ts';
import { headerOf, readBytes } from '../http/read.ts';
import { checkHost } from '../http/redirects.ts';
import type { Retryable } from '../http/retry.ts';
import type { HttpRequest } from '../http/send.ts';
import type { Transport } from '../http/transport.ts';
import { type RegistryRequest, sendAuthorized } from './authorized.ts';
import type { RegistryResponse } from './errors.ts';
import { apiHost } from './hosts.ts';
import { quotaOf } from './throttling.ts';
import { warningTeller } from './warnings.ts';

/** Maximum bytes of a token response. */
const TOKEN_LIMIT = 1024 * 1024;

export type { RegistryRequest } from './authorized.ts';

/** Sends requests with the registry's credentials. */
export interface Session {
  readonly transport: Transport;
  readonly authorizer: Authorizer;
  /** Lowest remaining pulls reported by each registry. */
  readonly quotas: ReadonlyMap<string, Quota>;
  /**
   * Sends a request and resolves with any status; after a 401 it is retried with renewed credentials. A refused HEAD
   * (400, 401, 403, 405, 5xx) is replaced by a GET: a success has its body dropped, an error response keeps its text.
   */
  send(request: RegistryRequest): Promise<RegistryResponse>;
  /**
   * Sends a request and reads the body, of at most `limit` bytes. Retries when it is cut off, and a few times when it
   * is damaged; the last damaged response is returned.
   */
  read(request: RegistryRequest, limit: number, damage?: Damage): Promise<WholeAnswer>;
}

/** Response with its complete body. */
export interface WholeAnswer {
  readonly response: RegistryResponse;
  readonly bytes: Uint8Array;
}

/** Returns a reason to retry a complete but damaged response; undefined when it is fine. */
export type Damage = (answer: WholeAnswer) => string | undefined;

/** Creates an authorizer that fetches tokens with the keychain's credentials over this transport. */
export function authorizerOf(transport: Transport, keychain: Keychain): Authorizer {
  return createAuthorizer({ keychain, exchange: tokenExchange(transport), now: Date.now });
}

/**
 * Creates a session.
 * @param options `emit` receives warnings of registries; `isPushTarget` as in {@link RegistryRequest}
 */
export function createSession(
  transport: Transport,
  authorizer: Authorizer,
  { emit = silent, isTarget = false }: { readonly emit?: Emit; readonly isTarget?: boolean } = {},
): Session {
  const quotas = new Map<string, Quota>();
  const tellWarnings = warningTeller(emit);
  const send = async (request: RegistryRequest): Promise<RegistryResponse> => {
    const response = await sendAuthorized(transport, authorizer, { ...request, isTarget });
    const { registry = request.repository.registry } = response;
    tellWarnings(registry, response);
    const quota = quotaOf(registry, response);
    // Responses to concurrent requests arrive in any order.
    if (quota !== undefined && quota.remaining <= (quotas.get(registry)?.remaining ?? quota.remaining))
      quotas.set(registry, quota);
    return response;
  };
  return {
    transport,
    authorizer,
    quotas,
    send,
    read: (request, limit, damage) => readWhole(transport, { ...request, limit, damage }, () => send(request)),
  };
}

interface Reading extends Pick<HttpRequest, 'what' | 'signal'> {
  readonly limit: number;
  readonly damage?: Damage | undefined;
}

/** Implements {@link Session.read}. */
async function readWhole(
  { retrier }: Transport,
  { what, signal, limit, damage }: Reading,
  send: () => Promise<HttpResponse>,
): Promise<WholeAnswer> {
  const again = (attempt: number, reason: string, retryable: Retryable): Promise<boolean> =>
    retrier.again({ what, attempt, reason, retryable, ...(signal && { signal }) });
  for (let attempt = 1; ; attempt++) {
    const response = await send();
    let answer: WholeAnswer;
    try {
      answer = { response, bytes: await readBytes(response, limit, what) };
    } catch (error) {
      if (!(error instanceof AirgapError) || error.code !== 'network') throw error;
      if (!(await again(attempt, error.message, 'yes'))) throw error;
      continue;
    }
    const reason = damage?.(answer);
    if (reason === undefined || !(await again(attempt, reason, 'few'))) return answer;
  }
}

function tokenExchange(transport: Transport): TokenExchange {
  return async ({ registry, method, url, headers, form, what, damage }) => {
    checkHost(url, what);
    const isSecret = headers.authorization !== undefined || form !== undefined;
    if (isSecret && url.protocol === 'http:' && transport.scheme(apiHost(registry)) === 'https') {
      // Even with --plain-http for that host: it was not allowed for credentials of this registry.
      throw new AirgapError(
        'registry',
        `${what}: credentials were not sent to the token server ${url.host}, which has no TLS`,
        {
          hint: `${registry} uses TLS: configure it to name a token server with an https URL`,
        },
      );
    }
    const sent = form === undefined ? undefined : Buffer.from(form);
    const plain = ({ response, bytes }: WholeAnswer): { status: number; text: string } => ({
      status: response.status,
      text: Buffer.from(bytes).toString('utf8'),
    });
    const reading = { what, limit: TOKEN_LIMIT, damage: (answer: WholeAnswer) => damage(plain(answer)) };
    const answer = await readWhole(transport, reading, () =>
      transport.request({
        method,
        url,
        headers,
        what,
        ...(sent === undefined ? {} : { body: { length: sent.length, open: () => sent }, secretBody: true }),
      }),
    );
    return plain(answer);
  };
}

/** Returns the digest header of a response; undefined when there is none. */
export function contentDigest(response: HttpResponse): string | undefined {
  return headerOf(response, 'docker-content-digest')?.trim();
}
