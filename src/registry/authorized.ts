import { Readable } from 'node:stream';
import type { Access, Authorizer } from '../auth/authorizer.ts';
import { AirgapError } from '../base/errors.ts';
import type { HttpResponse } from '../http/exchange.ts';
import { discard, peek } from '../http/read.ts';
import { retryableStatus } from '../http/retry.ts';
import type { HttpRequest } from '../http/send.ts';
import type { Transport } from '../http/transport.ts';
import type { Repository } from '../oci/reference.ts';
import { apiUrl, type Endpoint, repositoryAt } from './api-url.ts';
import type { RegistryResponse } from './errors.ts';
import { apiHost } from './hosts.ts';
import { checkRateLimit } from './throttling.ts';

/**
 * How often a request goes out again with other credentials: after the first 401, which says what the registry wants, and
 * once more, for a token that has expired when it comes (an old one out of a cache, clocks that differ).
 */
const RENEWALS = 2;

/**
 * Registries that one request may be led to, the one that is asked included: with the challenges of each answered, one that
 * leads to a new host each time would never end.
 */
const REGISTRIES = 4;

/**
 * Milliseconds until a manifest or blob has to begin. A pull-through cache may send nothing before it has all of it itself
 * (Nexus; 417 s for a manifest of Harbor), and begins again when it is left. A host that is gone is noticed sooner: the
 * keep-alive probes of TCP end its connections after a minute.
 */
const PATIENCE = 10 * 60_000;

/** How often that long is waited: a manifest twice, a blob once, since its reader asks again. */
const WAITS = { manifests: 2, blobs: 1 } as const;

/** A request to a registry: to the API of a repository, or to a URL that this API gave. */
export interface RegistryRequest extends Omit<HttpRequest, 'url' | 'authorize'> {
  readonly repository: Repository;
  readonly actions: 'pull' | 'pull,push';
  /** What of the repository's API, or the URL to go to. */
  readonly to: Endpoint | URL;
  /**
   * The registry is one that is written to as well, with what is read from it (a blob that it does not mount): the
   * credentials of others are not for what it redirects to. It could have their content sent to itself.
   */
  readonly isTarget?: boolean;
  /** A second repository that is read, for mounts. */
  readonly alsoPull?: Repository;
}

/** The login of one origin that a request meets: the registry's that is asked, or of one that a redirect leads to. */
interface OriginLogin {
  readonly access: Access;
  /** The Authorization header that it gets. */
  sent: string | undefined;
  renewals: number;
}

/**
 * Sends a request with the credentials of the registry, and answers its challenges.
 *
 * A read that is redirected to the API of another registry (vanity names in front of ghcr.io or Docker Hub) gets that
 * registry's own credentials there, as containerd does it: those that are stored for its name, else an anonymous token.
 * Credentials of one host never go to another, those of a redirect's target never follow a write or what a push reads, and a
 * host that is no registry (a storage) gets none.
 */
export async function sendAuthorized(
  transport: Transport,
  authorizer: Authorizer,
  request: RegistryRequest,
): Promise<RegistryResponse> {
  const { repository, actions, to, alsoPull, isTarget = false, headers = {}, ...rest } = request;
  const scheme = transport.scheme(apiHost(repository.registry));
  const api = apiUrl(scheme, repository, to instanceof URL ? { kind: 'uploads' } : to);
  const url = to instanceof URL ? to : api;
  const scopes = [`repository:${repository.path}:${actions}`];
  if (alsoPull !== undefined) scopes.push(`repository:${alsoPull.path}:pull`);
  const logins = new Map<string, OriginLogin>();
  const authorizationFor = async (origin: string, access: Access): Promise<string | undefined> => {
    let login = logins.get(origin);
    if (login === undefined) {
      if (logins.size === REGISTRIES) {
        throw new AirgapError(
          'registry',
          `${rest.what}: ${url.host} leads to more than ${REGISTRIES - 1} other registries`,
        );
      }
      login = { access, sent: await authorizer.authorization(access), renewals: 0 };
      logins.set(origin, login);
    }
    return login.sent;
  };
  const kind = to instanceof URL || to.kind === 'uploads' ? 'blobs' : to.kind;
  const isFollowed = !isTarget && (rest.method === 'GET' || rest.method === 'HEAD');
  const attempt = async (instead?: Pick<HttpRequest, 'method' | 'retry'>): Promise<HttpResponse> => {
    const access = { registry: repository.registry, path: repository.path, origin: api.origin, scopes };
    // An upload that the registry sends elsewhere goes there without our credentials.
    const authorization = url.origin === api.origin ? await authorizationFor(url.origin, access) : undefined;
    const isContent = rest.method === 'GET' && (kind === 'manifests' || kind === 'blobs');
    return transport.request({
      ...(isContent && { headersTimeout: PATIENCE, waits: WAITS[kind] }),
      ...rest,
      ...instead,
      url,
      kind,
      checkRetry: checkRateLimit,
      headers: authorization === undefined ? headers : { ...headers, authorization },
      ...(isFollowed && { authorize: (next) => authorizeRedirect(next, authorizationFor) }),
    });
  };
  let instead: Pick<HttpRequest, 'method' | 'retry'> | undefined;
  for (;;) {
    const isHead = rest.method === 'HEAD' && instead === undefined;
    const { isExpired, response } = await readRefusal(await attempt(instead), isHead);
    // A 401 of a storage host behind a redirect is not a registry speaking.
    const login = logins.get(response.url.origin);
    const isChallenge = response.status === 401 || (isExpired && login?.sent !== undefined);
    let wwwAuthenticate = response.headers['www-authenticate'];
    if (login !== undefined && isChallenge && login.renewals < RENEWALS) {
      // Some front ends send a challenge for the root of the API alone, as gcr.io did in 2017.
      if (response.status === 401 && !isHead && login.sent === undefined) {
        wwwAuthenticate ??= await challengeOfRoot(transport, login.access.origin, rest);
      }
      const renewed = await authorizer.renew(login.access, wwwAuthenticate, login.sent);
      if (renewed !== undefined) {
        await discard(response);
        login.sent = renewed;
        login.renewals++;
        continue;
      }
    }
    if (isHead && leavesOpen(response.status)) {
      await discard(response);
      // What is worth more than one try has had them.
      instead = { method: 'GET', retry: retryableStatus(response.status) === 'no' };
      continue;
    }
    const isSuccess = response.status < 300;
    const answer = instead !== undefined && isSuccess ? await withoutBody(response) : response;
    if (login === undefined) return answer;
    const { access, sent } = login;
    const { status } = answer;
    const isRefused = status === 401 || status === 403;
    const refusal = isRefused ? await authorizer.explain(access, { status, wwwAuthenticate, sent }) : undefined;
    return { ...answer, registry: access.registry, ...(refusal && { refusal }) };
  }
}

/** The challenge of `/v2/`; undefined when it has none. */
async function challengeOfRoot(
  transport: Transport,
  origin: string,
  { what, signal }: Pick<HttpRequest, 'what' | 'signal'>,
): Promise<string | string[] | undefined> {
  const url = new URL('/v2/', origin);
  const root = await transport.request({ method: 'GET', url, what, ...(signal && { signal }) });
  await discard(root);
  return root.status === 401 && root.url.origin === origin ? root.headers['www-authenticate'] : undefined;
}

/** The Authorization header for the target of a redirect; undefined where it is not the API of a registry. */
async function authorizeRedirect(
  url: URL,
  authorizationFor: (origin: string, access: Access) => Promise<string | undefined>,
): Promise<string | undefined> {
  const repository = repositoryAt(url);
  if (repository === undefined) return undefined;
  const { registry, path } = repository;
  return authorizationFor(url.origin, { registry, path, origin: url.origin, scopes: [`repository:${path}:pull`] });
}

/**
 * Whether the answer to a HEAD leaves open what GET would say. It comes without a text, and need not hold for GET: storage
 * URLs that are signed for GET alone (Pulp, GitLab), servers without HEAD. A 404 is an answer, and who says 429 is not
 * asked again.
 */
function leavesOpen(status: number): boolean {
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
  const { bytes, response: whole } = await peek(response);
  return { isExpired: /token has expired/i.test(Buffer.from(bytes).toString('utf8')), response: whole };
}
