import { AirgapError } from '../base/errors.ts';
import { collapseWhitespace } from '../base/printable.ts';
import { registerSecret } from '../base/redact.ts';
import { basicAuthorization, type Credential } from './keychain.ts';
import { credentialRemedy, describeLogin, loginHint } from './refusal.ts';

/** Sends a request to a token endpoint over the transport, with a limit on the size of the response. */
export type TokenExchange = (request: {
  /** The registry that named the URL. */
  readonly registry: string;
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Contains a secret. */
  readonly form?: string;
  readonly what: string;
  /** Returns a reason to retry a damaged response; the last response is returned as it is. */
  readonly checkDamage: (response: TokenResponse) => string | undefined;
}) => Promise<TokenResponse>;

/** Response of a token endpoint. */
interface TokenResponse {
  readonly status: number;
  readonly text: string;
}

/** Parameters of a token request. */
export interface TokenRequest {
  /** Registry that named the realm; only its credential may be sent there. */
  readonly registry: string;
  readonly realm: URL;
  readonly service: string | undefined;
  /** As in `repository:a/b:pull,push`. */
  readonly scopes: readonly string[];
  readonly credential: Credential | undefined;
  /** Sources that were searched for a credential, for messages. */
  readonly sources: () => readonly string[];
}

export interface Token {
  readonly value: string;
  /** Milliseconds since 1970 after which it is renewed. */
  readonly renewAt: number;
}

/** Default lifetime in seconds (token specification of distribution). */
const DEFAULT_LIFETIME = 60;
/**
 * A token is renewed before the last tenth of its lifetime, at most 30 s early: requests may wait before they are sent.
 */
const EARLY_SHARE = 0.1;
const EARLY_MAX = 30;

/** Statuses of token servers without OAuth2: Gitea 404, GitLab and Harbor 405. */
const NO_OAUTH_STATUSES: readonly number[] = [404, 405, 501];

/**
 * Fetches a bearer token: GET with Basic credentials or none (distribution: spec/auth/token), POST with an identity
 * token (spec/auth/oauth). As with docker, the credentials of a registry go to whatever token server it names.
 * @throws AirgapError `unauthorized` when the endpoint refuses, `registry` for a response without a token, `network`
 */
export async function fetchToken(exchange: TokenExchange, request: TokenRequest, now: number): Promise<Token> {
  const { registry, realm, credential } = request;
  const what = `token for ${registry}`;
  const checkDamage = ({ status, text }: TokenResponse): string | undefined =>
    status === 200 && parseToken(text) === undefined ? `${what}: ${realm.host} returned no token` : undefined;
  const send: SendTokenRequest = (details) => exchange({ registry, what, checkDamage, ...details });
  const response =
    credential?.kind === 'identity-token'
      ? await requestWithIdentityToken(send, request, credential)
      : await requestWithBasic(send, request, credential?.kind === 'basic' ? credential : undefined);
  if (response.status === 400 || response.status === 401 || response.status === 403)
    throw refusedError(request, response);
  if (response.status !== 200) {
    const isOauth = credential?.kind === 'identity-token' && NO_OAUTH_STATUSES.includes(response.status);
    throw new AirgapError('registry', `${realm.host} returned ${response.status}`, {
      subject: what,
      isTransient: response.status === 429 || response.status >= 500,
      ...(isOauth && {
        hint: `${describeLogin(registry, credential)} is an identity token, which this server does not accept: log in with user name and password`,
      }),
    });
  }
  return readToken(response.text, what, realm.host, now);
}

type SendTokenRequest = (
  request: Pick<Parameters<TokenExchange>[0], 'method' | 'url' | 'headers' | 'form'>,
) => Promise<TokenResponse>;

/** Requests a token with Basic credentials, or anonymously. */
function requestWithBasic(
  send: SendTokenRequest,
  { realm, service, scopes }: TokenRequest,
  user: { readonly username: string; readonly password: string } | undefined,
): Promise<TokenResponse> {
  const headers: Record<string, string> = user === undefined ? {} : { authorization: basicAuthorization(user) };
  return send({ method: 'GET', url: withQuery(new URL(realm), service, scopes), headers });
}

/**
 * Requests a token with an identity token; without OAuth2, it is sent as the password of its user, as in containerd.
 */
async function requestWithIdentityToken(
  send: SendTokenRequest,
  request: TokenRequest,
  { token, username }: { readonly token: string; readonly username?: string },
): Promise<TokenResponse> {
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    service: request.service ?? '',
    client_id: 'helm-airgap',
    scope: request.scopes.join(' '),
    refresh_token: token,
  }).toString();
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const response = await send({ method: 'POST', url: new URL(request.realm), headers, form });
  if (!NO_OAUTH_STATUSES.includes(response.status) || username === undefined) return response;
  return requestWithBasic(send, request, { username, password: token });
}

function withQuery(url: URL, service: string | undefined, scopes: readonly string[]): URL {
  if (service !== undefined) url.searchParams.set('service', service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  return url;
}

function refusedError(
  { registry, realm, credential, scopes, sources }: TokenRequest,
  { status, text }: TokenResponse,
): AirgapError {
  const scopeText = scopes.join(' ') || registry;
  const problem = credential === undefined ? `denied anonymous access to ${registry}` : 'rejected';
  const login = credential === undefined ? '' : ` ${describeLogin(registry, credential)}`;
  const message = errorText(text);
  const statusText = message === '' ? status : `${status}: ${message}`;
  const hint =
    credential === undefined
      ? loginHint(registry, sources(), scopes.length > 0)
      : credentialRemedy(registry, credential);
  return new AirgapError(
    'unauthorized',
    `${realm.host} ${problem}${login} (${statusText}): no token for ${scopeText}`,
    {
      hint,
    },
  );
}

/** Maximum characters to quote from a token server. */
const ERROR_TEXT_LIMIT = 300;

/** Returns the error text of a token server: of the registry format, of OAuth2 (RFC 6749, 5.2) or of Docker Hub. */
function errorText(text: string): string {
  let json: Record<string, unknown> | null;
  try {
    json = JSON.parse(text);
  } catch {
    return '';
  }
  const errors = Array.isArray(json?.errors) ? (json.errors as ({ message?: unknown } | null)[]) : [];
  const candidates = [...errors.map((error) => error?.message), json?.error_description, json?.details, json?.message];
  const message = candidates.find((candidate) => typeof candidate === 'string' && candidate.trim() !== '') as
    | string
    | undefined;
  return collapseWhitespace(message ?? '').slice(0, ERROR_TEXT_LIMIT);
}

function readToken(text: string, what: string, host: string, now: number): Token {
  const token = parseToken(text);
  // Not quoted, because it may contain a secret.
  if (token === undefined) throw new AirgapError('registry', `${host} returned no token`, { subject: what });
  const { value, lifetime } = token;
  registerSecret(value);
  const early = Math.min(EARLY_MAX, lifetime * EARLY_SHARE);
  // From now instead of `issued_at`: with different clocks, tokens would be renewed too early or too late.
  return { value, renewAt: now + (lifetime - early) * 1000 };
}

/** Parses the token and its lifetime in seconds; undefined when there is no token. */
function parseToken(text: string): { readonly value: string; readonly lifetime: number } | undefined {
  let json: { token?: unknown; access_token?: unknown; expires_in?: unknown } | null;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const value = [json?.token, json?.access_token].find((token) => typeof token === 'string' && token !== '');
  if (typeof value !== 'string') return undefined;
  const expiresIn = json?.expires_in;
  return { value, lifetime: typeof expiresIn === 'number' && expiresIn > 0 ? expiresIn : DEFAULT_LIFETIME };
}
