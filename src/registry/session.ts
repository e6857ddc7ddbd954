import { Readable } from 'node:stream';
import { type Access, type Authorizer, createAuthorizer } from '../auth/authorizer.ts';
import type { Keychain } from '../auth/keychain.ts';
import type { TokenExchange } from '../auth/token.ts';
import { AirgapError } from '../base/errors.ts';
import type { Quota } from '../base/events.ts';
import type { HttpResponse } from '../http/exchange.ts';
import { discard, headerOf, readBytes, readSome } from '../http/read.ts';
import { type Retryable, retryableStatus } from '../http/retry.ts';
import type { HttpRequest, Transport } from '../http/transport.ts';
import type { Repository } from '../oci/reference.ts';
import { apiUrl, type Endpoint } from './api-url.ts';
import type { RegistryResponse } from './errors.ts';
import { apiHost } from './hosts.ts';
import { quotaOf } from './quota.ts';
import { judgeRateLimit } from './rate-refusals.ts';

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
  const access: Access = { registry: repository.registry, path: repository.path, scopes };
  // An upload that the registry sends elsewhere goes there without our credentials, as a download does.
  const own = url.origin === api.origin;
  const attempt = (authorization: string | undefined, instead?: Pick<HttpRequest, 'method' | 'retry'>) =>
    transport.request({
      ...rest,
      ...instead,
      url,
      kind: to instanceof URL || to.kind === 'uploads' ? 'blobs' : to.kind,
      judge: judgeRateLimit,
      headers: authorization === undefined ? headers : { ...headers, authorization },
    });
  if (!own) return attempt(undefined);
  let sent = await authorizer.authorization(access);
  let instead: Pick<HttpRequest, 'method' | 'retry'> | undefined;
  for (let renewals = 0; ; ) {
    const isHead = rest.method === 'HEAD' && instead === undefined;
    const { isExpired, response } = await readRefusal(await attempt(sent, instead), isHead);
    // A 401 of a storage host behind a redirect is not the registry speaking.
    const isChallenged = response.status === 401 && response.url.origin === api.origin;
    if ((isChallenged || (isExpired && sent !== undefined)) && renewals < RENEWALS) {
      const renewed = await authorizer.renew(access, response.headers['www-authenticate'], sent);
      if (renewed !== undefined) {
        await discard(response);
        sent = renewed;
        renewals++;
        continue;
      }
    }
    if (isHead && isRefusal(response.status)) {
      await discard(response);
      // What is worth more than one try has had them.
      instead = { method: 'GET', retry: retryableStatus(response.status) === 'no' };
      continue;
    }
    // A refused token may lack a right, or be an anonymous one; a refused password is wrong.
    const answer = isChallenged && sent?.startsWith('Basic ') ? { ...response, isRefusedPassword: true } : response;
    return instead !== undefined && answer.status < 300 ? await withoutBody(answer) : answer;
  }
}

/**
 * Whether the answer to a HEAD leaves open what GET would say. It comes without a text, and need not hold for GET: storage
 * URLs that are signed for GET alone (Pulp, GitLab), servers without HEAD. A 404 is an answer, and who says 429 or is not
 * there is not asked again.
 */
function isRefusal(status: number): boolean {
  return status >= 400 && status !== 404 && status !== 429;
}

/** The answer to a GET as HEAD would have given it. */
async function withoutBody(response: HttpResponse): Promise<HttpResponse> {
  await discard(response);
  return { ...response, body: Readable.from([]) };
}

/** Finds out whether a 403 is ECR's for a token whose twelve hours are over, which can be told by its text alone. */
async function readRefusal(
  response: HttpResponse,
  isHead: boolean,
): Promise<{ readonly isExpired: boolean; readonly response: HttpResponse }> {
  if (response.status !== 403 || isHead) return { isExpired: false, response };
  const bytes = await readSome(response, ERROR_LIMIT);
  const isExpired = /token has expired/i.test(Buffer.from(bytes).toString('utf8'));
  return { isExpired, response: { ...response, body: Readable.from([bytes]) } };
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
