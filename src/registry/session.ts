import { Readable } from 'node:stream';
import { type Access, type Authorizer, createAuthorizer } from '../auth/authorizer.ts';
import type { Keychain } from '../auth/keychain.ts';
import type { TokenExchange } from '../auth/token.ts';
import { AirgapError } from '../base/errors.ts';
import type { Quota } from '../base/events.ts';
import type { HttpResponse } from '../http/exchange.ts';
import { discard, headerOf, readBytes, readSome } from '../http/read.ts';
import type { Retryable } from '../http/retry.ts';
import type { HttpRequest, Transport } from '../http/transport.ts';
import type { Repository } from '../oci/reference.ts';
import { apiUrl, type Endpoint } from './api-url.ts';
import type { RegistryResponse } from './errors.ts';
import { apiHost } from './hosts.ts';
import { quotaOf } from './quota.ts';

/** Bytes that a token endpoint may answer. */
const TOKEN_LIMIT = 1024 * 1024;
const ERROR_LIMIT = 64 * 1024;

/**
 * How often a request goes out again with other credentials: after the first 401, which says what the registry wants, and
 * once more, for a token that has expired when it comes (an old one out of a cache, clocks that differ).
 */
const RENEWALS = 2;

/** A request to a registry: to the API of a repository, or to a URL that this API gave. */
export interface RegistryRequest extends Omit<HttpRequest, 'url'> {
  readonly repository: Repository;
  readonly actions: 'pull' | 'pull,push';
  /** What of the repository's API, or the URL to go to. */
  readonly to: Endpoint | URL;
  /** A second repository that is read, for mounts. */
  readonly alsoPull?: Repository;
}

/** Requests with the registry's credentials on them. */
export interface Session {
  readonly transport: Transport;
  readonly authorizer: Authorizer;
  /** The lowest that each registry has said is left. */
  readonly quotas: ReadonlyMap<string, Quota>;
  /** The answer, whatever its status; a 401 has been answered with renewed credentials. */
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

export function createSession(transport: Transport, authorizer: Authorizer): Session {
  const quotas = new Map<string, Quota>();
  const send = async (request: RegistryRequest): Promise<RegistryResponse> => {
    const response = await sendAuthorized(transport, authorizer, request);
    const { registry } = request.repository;
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

async function sendAuthorized(
  transport: Transport,
  authorizer: Authorizer,
  request: RegistryRequest,
): Promise<RegistryResponse> {
  const { repository, actions, to, alsoPull, headers = {}, ...rest } = request;
  const scheme = transport.scheme(apiHost(repository.registry));
  const api = apiUrl(scheme, repository, to instanceof URL ? { kind: 'uploads' } : to);
  const url = to instanceof URL ? to : api;
  const scopes = [`repository:${repository.path}:${actions}`];
  if (alsoPull !== undefined) scopes.push(`repository:${alsoPull.path}:pull`);
  const access: Access = { registry: repository.registry, path: repository.path, origin: api.origin, scopes };
  // An upload that the registry sends elsewhere goes there without our credentials, as a download does.
  const own = url.origin === api.origin;
  const attempt = (authorization: string | undefined, method = rest.method): Promise<HttpResponse> =>
    transport.request({
      ...rest,
      method,
      url,
      kind: to instanceof URL || to.kind === 'uploads' ? 'blobs' : to.kind,
      headers: authorization === undefined ? headers : { ...headers, authorization },
    });
  if (!own) return attempt(undefined);
  let sent = await authorizer.authorization(access);
  for (let renewals = 0; ; renewals++) {
    const response = await attempt(sent);
    const { expired, answer } =
      response.status === 403 && sent !== undefined
        ? await readRefusal(response, () => attempt(sent, 'GET'))
        : { expired: false, answer: response };
    // A 401 of a storage host behind a redirect is not the registry speaking.
    const challenged = answer.status === 401 && answer.url.origin === api.origin;
    const refuses = challenged || (answer.status === 403 && answer.url.origin === api.origin);
    let wwwAuthenticate = answer.headers['www-authenticate'];
    // Some front ends send a challenge for the root of the API alone, as gcr.io did in 2017.
    if (challenged && wwwAuthenticate === undefined && sent === undefined) {
      wwwAuthenticate = await challengeOfRoot(transport, api, rest);
    }
    const last = async (): Promise<RegistryResponse> => {
      if (!refuses) return answer;
      return { ...answer, refusal: await authorizer.explain(access, { status: answer.status, wwwAuthenticate, sent }) };
    };
    if ((!challenged && !expired) || renewals === RENEWALS) return last();
    const renewed = await authorizer.renew(access, wwwAuthenticate, sent);
    if (renewed === undefined) return last();
    await discard(answer);
    sent = renewed;
  }
}

/** The challenge of `/v2/`; undefined when it has none. */
async function challengeOfRoot(
  transport: Transport,
  api: URL,
  { what, signal }: Pick<HttpRequest, 'what' | 'signal'>,
): Promise<string | string[] | undefined> {
  const url = new URL('/v2/', api);
  const root = await transport.request({ method: 'GET', url, what, ...(signal && { signal }) });
  await discard(root);
  return root.status === 401 && root.url.origin === api.origin ? root.headers['www-authenticate'] : undefined;
}

/**
 * Finds out whether a 403 is ECR's for a token whose twelve hours are over, which can be told by its text alone. The
 * answer to a HEAD has no text: the same is asked with GET, which gives the reason for the error message as well.
 */
async function readRefusal(
  response: HttpResponse,
  get: () => Promise<HttpResponse>,
): Promise<{ expired: boolean; answer: HttpResponse }> {
  let refusal = response;
  let bytes = await readSome(response, ERROR_LIMIT);
  if (bytes.length === 0) {
    const second = await get();
    if (second.status === 403) {
      refusal = second;
      bytes = await readSome(second, ERROR_LIMIT);
    } else second.body.destroy();
  }
  const expired = /token has expired/i.test(Buffer.from(bytes).toString('utf8'));
  return { expired, answer: { ...refusal, body: Readable.from([bytes]) } };
}

function tokenExchange(transport: Transport): TokenExchange {
  return async ({ registry, method, url, headers, form, what, damage }) => {
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
