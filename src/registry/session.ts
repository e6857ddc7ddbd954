import { type Authorizer, createAuthorizer } from '../auth/authorizer.ts';
import type { Keychain } from '../auth/keychain.ts';
import type { TokenExchange } from '../auth/token.ts';
import { AirgapError } from '../base/errors.ts';
import { type Emit, ignoreEvents, type Quota } from '../base/events.ts';
import { printableLine } from '../base/printable.ts';
import type { HttpResponse } from '../http/exchange.ts';
import { type ReadResponse, readResponse } from '../http/read-response.ts';
import { checkHostLength } from '../http/redirects.ts';
import { responseHeader } from '../http/response-body.ts';
import type { Transport } from '../http/transport.ts';
import { type RegistryRequest, sendAuthorized } from './authorized-request.ts';
import type { RegistryResponse } from './errors.ts';
import { apiHost } from './routes.ts';
import { quotaOf } from './throttling.ts';

/** Maximum bytes of a token response. */
const TOKEN_LIMIT = 1024 * 1024;

export type { RegistryRequest } from './authorized-request.ts';

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
  read(request: RegistryRequest, limit: number, checkDamage?: DamageCheck): Promise<FullResponse>;
}

/** Response with its complete body. */
export type FullResponse = ReadResponse<RegistryResponse>;

/** Returns a reason to retry a complete but damaged response; undefined when it is fine. */
type DamageCheck = (fullResponse: FullResponse) => string | undefined;

/** Creates an authorizer that fetches tokens with the keychain's credentials over this transport. */
export function keychainAuthorizer(transport: Transport, keychain: Keychain): Authorizer {
  return createAuthorizer({ keychain, exchange: tokenExchange(transport), now: Date.now });
}

/**
 * Creates a session.
 * @param emit receives warnings of registries
 * @param isPushTarget as in {@link RegistryRequest}
 */
export function createSession(
  transport: Transport,
  authorizer: Authorizer,
  { emit = ignoreEvents, isPushTarget = false }: { readonly emit?: Emit; readonly isPushTarget?: boolean } = {},
): Session {
  const quotas = new Map<string, Quota>();
  const reportWarnings = createWarningReporter(emit);
  const send = async (request: RegistryRequest): Promise<RegistryResponse> => {
    const response = await sendAuthorized(transport, authorizer, { ...request, isPushTarget });
    const { registry = request.repository.registry } = response;
    reportWarnings(registry, response);
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
    read: (request, limit, checkDamage) =>
      readResponse(transport, { ...request, limit, checkDamage }, () => send(request)),
  };
}

function tokenExchange(transport: Transport): TokenExchange {
  return async ({ registry, method, url, headers, form, what, checkDamage }) => {
    checkHostLength(url, what);
    const isSecret = headers.authorization !== undefined || form !== undefined;
    if (isSecret && url.protocol === 'http:' && transport.scheme(apiHost(registry)) === 'https') {
      // Even with --plain-http for that host: it was not allowed for credentials of this registry.
      throw new AirgapError('registry', `credentials were not sent to the token server ${url.host}, which has no TLS`, {
        subject: what,
        hint: `${registry} uses TLS: configure it to name a token server with an https URL`,
      });
    }
    const body = form === undefined ? undefined : Buffer.from(form);
    const toTokenResponse = ({ response, bytes }: ReadResponse<HttpResponse>): { status: number; text: string } => ({
      status: response.status,
      text: Buffer.from(bytes).toString('utf8'),
    });
    const readOptions = {
      what,
      limit: TOKEN_LIMIT,
      checkDamage: (fullResponse: ReadResponse<HttpResponse>) => checkDamage(toTokenResponse(fullResponse)),
    };
    const fullResponse = await readResponse(transport, readOptions, () =>
      transport.request({
        method,
        url,
        headers,
        what,
        ...(body === undefined ? {} : { body: { length: body.length, open: () => body }, secretBody: true }),
      }),
    );
    return toTokenResponse(fullResponse);
  };
}

/** Returns the digest header of a response; undefined when there is none. */
export function contentDigest(response: HttpResponse): string | undefined {
  return responseHeader(response, 'docker-content-digest')?.trim();
}

/** Maximum characters of a warning. */
const MAX_TEXT_LENGTH = 255;
/** Maximum warnings of registries per run. */
const MAX_WARNINGS = 20;

/**
 * Reports the warnings of registries, each text once per registry (distribution specification, "Warnings":
 * `Warning: 299 - "text"`, with the text of RFC 7234, 5.5). Warnings have no other effect.
 */
export function createWarningReporter(emit: Emit): (registry: string, response: HttpResponse) => void {
  const reported = new Set<string>();
  return (registry, { headers }) => {
    const { warning } = headers;
    // Fast path: called for every response, and most have no warning.
    if (warning === undefined) return;
    for (const value of Array.isArray(warning) ? warning : [warning]) {
      const [, quoted] = /^299 [^ "]+ "((?:[^"\\]|\\.)*)"/.exec(value) ?? [];
      const text = quoted?.replace(/\\(.)/g, '$1').trim().slice(0, MAX_TEXT_LENGTH);
      const message = `${registry} says: ${printableLine(text ?? '')}`;
      if (!text || reported.has(message) || reported.size >= MAX_WARNINGS) continue;
      reported.add(message);
      emit({ type: 'warning', message });
    }
  };
}
