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

/** Bytes that a token endpoint may answer. */
const TOKEN_LIMIT = 1024 * 1024;

export type { RegistryRequest } from './authorized.ts';

/** Requests with the registry's credentials on them. */
export interface Session {
  readonly transport: Transport;
  readonly authorizer: Authorizer;
  /** The lowest that each registry has said is left. */
  readonly quotas: ReadonlyMap<string, Quota>;
  /**
   * The answer, whatever its status; a 401 has been answered with renewed credentials. Where HEAD is refused (400, 401,
   * 403, 405, 5xx), the same is asked with GET, and its answer stands for HEAD's: a success without its body, or a
   * refusal with its text.
   */
  send(request: RegistryRequest): Promise<RegistryResponse>;
  /**
   * The answer with its whole body, of `limit` bytes at most. It is asked for again when it breaks off, and a few times
   * when it is damaged; the last one is given as it is.
   */
  read(request: RegistryRequest, limit: number, damage?: Damage): Promise<WholeAnswer>;
}

/** An answer that is all here. */
export interface WholeAnswer {
  readonly response: RegistryResponse;
  readonly bytes: Uint8Array;
}

/** What is wrong with an answer that is all here, where another one may be right. */
export type Damage = (answer: WholeAnswer) => string | undefined;

/** An authorizer that fetches tokens with the keychain's credentials, over this transport. */
export function authorizerOf(transport: Transport, keychain: Keychain): Authorizer {
  return createAuthorizer({ keychain, exchange: tokenExchange(transport), now: Date.now });
}

/**
 * @param options `emit` is told of what registries warn of; `isTarget` as in {@link RegistryRequest}
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
    // Answers of requests that went out together come in any order.
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

/** As {@link Session.read}. */
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
      // Not even where --plain-http allows that host: it was not allowed for what this registry says.
      throw new AirgapError('registry', `${what}: the token server ${url.host} would get the credentials without TLS`, {
        hint: `${registry} itself is spoken to with TLS, so it has to name a token server with an https URL`,
      });
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

/** The digest header of an answer; undefined when there is none. */
export function contentDigest(response: HttpResponse): string | undefined {
  return headerOf(response, 'docker-content-digest')?.trim();
}
