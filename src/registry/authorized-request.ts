import { Readable } from 'node:stream';
import type { Access, Authorizer } from '../auth/authorizer.ts';
import { AirgapError } from '../base/errors.ts';
import type { HttpResponse } from '../http/exchange.ts';
import { discardBody, peekBody } from '../http/response-body.ts';
import { retryableStatus } from '../http/retry.ts';
import type { HttpRequest } from '../http/send.ts';
import type { Transport } from '../http/transport.ts';
import type { Repository } from '../oci/reference.ts';
import { apiUrl, type Endpoint, repositoryFromUrl } from './api-url.ts';
import type { RegistryResponse } from './errors.ts';
import { apiHost } from './routes.ts';
import { checkRateLimit } from './throttling.ts';

/**
 * Maximum retries with renewed credentials: one after the first 401, which has the challenge, and one for a token that
 * has expired on arrival (cached by the token server, or clocks differ).
 */
const MAX_RENEWALS = 2;

/**
 * Maximum registries that one request may be redirected to, including the first. As the challenge of each is answered,
 * a registry that redirects to a new host every time would never end.
 */
const MAX_REGISTRIES = 4;

/**
 * Milliseconds to wait for the first byte of a manifest or blob. A pull-through cache may respond only after it has
 * fetched all of it (Nexus; 417 s for a manifest in Harbor), and starts again after a disconnect. A dead host is
 * noticed sooner, by the keep-alive probes of TCP, after a minute.
 */
const CONTENT_TIMEOUT = 10 * 60_000;

/** Maximum timeouts of that length: two for a manifest, one for a blob, whose reader retries. */
const MAX_TIMEOUTS = { manifests: 2, blobs: 1 } as const;

/** Scope of the list of repositories (distribution: spec/auth/scope). */
const CATALOG_SCOPE = 'registry:catalog:*';

/** A request to a registry: to the API of a repository, or to a URL that this API gave. */
export interface RegistryRequest extends Omit<HttpRequest, 'url' | 'authorize'> {
  /** Repository of the request. Of the list of repositories (`catalog`) and of no actions, the registry alone counts. */
  readonly repository: Repository;
  readonly actions: 'pull' | 'pull,push' | 'pull,delete' | 'catalog' | 'none';
  /** Endpoint of the API, or a URL that the API returned. */
  readonly endpoint: Endpoint | URL;
  /**
   * True for the target of a push that is also read from (a blob that it does not mount). Credentials of other
   * registries are not used for its redirects: it could make this client copy their content to it.
   */
  readonly isPushTarget?: boolean;
  /** Second repository to request pull access for, for mounts. */
  readonly alsoPull?: Repository;
}

/** Login at one origin of a request: that of the registry or of a redirect's target. */
interface OriginLogin {
  readonly access: Access;
  /** Authorization header for this origin. */
  authorization: string | undefined;
  renewals: number;
}

/** The GET that replaces a refused HEAD. */
type Fallback = Pick<HttpRequest, 'method' | 'retry'>;

/**
 * Sends a request with the credentials of the registry, and answers its challenges.
 *
 * A read that is redirected to the API of another registry (vanity names in front of ghcr.io or Docker Hub) uses that
 * registry's own credentials there, as in containerd: those stored for its name, otherwise an anonymous token.
 * Credentials of one host are never sent to another. A redirected write, a redirected read from the target of a push,
 * and a host that is not a registry (storage) get no credentials.
 */
export async function sendAuthorized(
  transport: Transport,
  authorizer: Authorizer,
  request: RegistryRequest,
): Promise<RegistryResponse> {
  const attempts = new Attempts(transport, authorizer, request);
  let fallback: Fallback | undefined;
  for (;;) {
    const isHead = request.method === 'HEAD' && fallback === undefined;
    const { isExpired, response } = await readRefusal(await attempts.send(fallback), isHead);
    const { status } = response;
    // A 401 of a storage host behind a redirect is not a challenge of a registry.
    const login = attempts.loginAt(response.url.origin);
    let wwwAuthenticate = response.headers['www-authenticate'];
    const isChallenge = status === 401 || (isExpired && login?.authorization !== undefined);
    if (login !== undefined && isChallenge && login.renewals < MAX_RENEWALS) {
      // Some front ends send a challenge only for the root of the API, as gcr.io did in 2017.
      if (status === 401 && !isHead && login.authorization === undefined) {
        wwwAuthenticate ??= await fetchRootChallenge(transport, login.access.origin, request);
      }
      const renewed = await authorizer.renew(login.access, wwwAuthenticate, login.authorization);
      if (renewed !== undefined) {
        await discardBody(response);
        login.authorization = renewed;
        login.renewals++;
        continue;
      }
    }
    if (isHead && isHeadInconclusive(status)) {
      await discardBody(response);
      // A retryable status has been retried with HEAD.
      fallback = { method: 'GET', retry: retryableStatus(status) === 'no' };
      continue;
    }
    const result = fallback !== undefined && status < 300 ? await dropBody(response) : response;
    if (login === undefined) return result;
    const { access, authorization: sent } = login;
    if (status !== 401 && status !== 403) return { ...result, registry: access.registry };
    const refusal = await authorizer.explain(access, { status, wwwAuthenticate, sent });
    return { ...result, registry: access.registry, refusal };
  }
}

/** Attempts of one request, with a login for each registry that it reaches. */
class Attempts {
  readonly #transport: Transport;
  readonly #authorizer: Authorizer;
  readonly #request: RegistryRequest;
  readonly #url: URL;
  readonly #kind: 'manifests' | 'blobs' | 'referrers' | 'tags' | 'catalog' | 'root';
  /** Access at the registry itself. */
  readonly #access: Access;
  readonly #logins = new Map<string, OriginLogin>();

  constructor(transport: Transport, authorizer: Authorizer, request: RegistryRequest) {
    const { repository, actions, endpoint, alsoPull } = request;
    const { registry, path } = repository;
    const scheme = transport.scheme(apiHost(registry));
    const apiEndpoint = apiUrl(scheme, repository, endpoint instanceof URL ? { kind: 'uploads' } : endpoint);
    const scopes = actions === 'none' ? [] : [actions === 'catalog' ? CATALOG_SCOPE : `repository:${path}:${actions}`];
    if (alsoPull !== undefined) scopes.push(`repository:${alsoPull.path}:pull`);
    this.#transport = transport;
    this.#authorizer = authorizer;
    this.#request = request;
    this.#url = endpoint instanceof URL ? endpoint : apiEndpoint;
    this.#kind = endpoint instanceof URL || endpoint.kind === 'uploads' ? 'blobs' : endpoint.kind;
    this.#access = { registry, path, origin: apiEndpoint.origin, scopes };
  }

  /** Returns the login that was used at an origin; undefined for an origin that is not that of a registry. */
  loginAt(origin: string): OriginLogin | undefined {
    return this.#logins.get(origin);
  }

  async send(fallback?: Fallback): Promise<HttpResponse> {
    const { repository, actions, endpoint, alsoPull, isPushTarget, headers = {}, ...rest } = this.#request;
    const isRead = rest.method === 'GET' || rest.method === 'HEAD';
    const kind = this.#kind;
    const isContent = rest.method === 'GET' && (kind === 'manifests' || kind === 'blobs');
    // An upload location at another host gets no credentials.
    const isOwn = this.#url.origin === this.#access.origin;
    const authorization = isOwn ? await this.#authorizationFor(this.#access) : undefined;
    return this.#transport.request({
      ...(isContent && { headersTimeout: CONTENT_TIMEOUT, maxTimeouts: MAX_TIMEOUTS[kind] }),
      ...rest,
      ...fallback,
      url: this.#url,
      kind,
      checkRetry: checkRateLimit,
      headers: authorization === undefined ? headers : { ...headers, authorization },
      ...(isRead && !isPushTarget && { authorize: (next) => this.#authorizeRedirect(next) }),
    });
  }

  /** Returns the Authorization header for the target of a redirect; undefined when it is not the API of a registry. */
  async #authorizeRedirect(url: URL): Promise<string | undefined> {
    const repository = repositoryFromUrl(url);
    if (repository === undefined) return undefined;
    return this.#authorizationFor({
      ...repository,
      origin: url.origin,
      scopes: [`repository:${repository.path}:pull`],
    });
  }

  async #authorizationFor(access: Access): Promise<string | undefined> {
    const known = this.#logins.get(access.origin);
    if (known !== undefined) return known.authorization;
    if (this.#logins.size === MAX_REGISTRIES) {
      const message = `${this.#request.what}: ${this.#url.host} redirects to more than ${MAX_REGISTRIES - 1} other registries`;
      throw new AirgapError('registry', message);
    }
    const login = { access, authorization: await this.#authorizer.authorization(access), renewals: 0 };
    this.#logins.set(access.origin, login);
    return login.authorization;
  }
}

/** Fetches the challenge of `/v2/`; undefined when it has none. */
async function fetchRootChallenge(
  transport: Transport,
  origin: string,
  { what, signal }: Pick<HttpRequest, 'what' | 'signal'>,
): Promise<string | string[] | undefined> {
  const url = new URL('/v2/', origin);
  const root = await transport.request({ method: 'GET', url, what, signal });
  await discardBody(root);
  return root.status === 401 && root.url.origin === origin ? root.headers['www-authenticate'] : undefined;
}

/**
 * Reports whether an error response to HEAD calls for a GET. It has no error body, and GET may succeed: storage URLs
 * can be signed for GET only (Pulp, GitLab), and some servers do not implement HEAD. 404 is conclusive; 429 must not
 * cause another request.
 */
function isHeadInconclusive(status: number): boolean {
  return status >= 400 && status !== 404 && status !== 429;
}

/** Turns the response to a GET into that of a HEAD. */
async function dropBody(response: HttpResponse): Promise<HttpResponse> {
  await discardBody(response);
  return { ...response, body: Readable.from([]) };
}

/** Statuses and texts of ECR (12 hours) and ECR Public (one hour) for an expired token, which have no challenge. */
const EXPIRED: Readonly<Partial<Record<number, RegExp>>> = {
  403: /token has expired/i,
  // github.com/aws/containers-roadmap/issues/2835
  400: /authorization token is invalid/i,
};

/** Detects the refusal of an expired token that has no challenge. */
async function readRefusal(
  response: HttpResponse,
  isHead: boolean,
): Promise<{ readonly isExpired: boolean; readonly response: HttpResponse }> {
  const expired = EXPIRED[response.status];
  if (expired === undefined || isHead) return { isExpired: false, response };
  const { bytes, response: rewound } = await peekBody(response);
  return { isExpired: expired.test(Buffer.from(bytes).toString('utf8')), response: rewound };
}
