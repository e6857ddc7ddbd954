import { AirgapError } from '../base/errors.ts';
import { keepSecret } from '../base/redact.ts';
import { basicAuthorization, type Credential } from './credential.ts';

/** How a token endpoint is reached: the transport, with a limit on what it may answer. */
export type TokenExchange = (request: {
  /** The registry that named the URL. */
  readonly registry: string;
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** A secret. */
  readonly form?: string;
  readonly what: string;
  /** What is wrong with an answer, where another one may be right: it is asked for again, and the last one given as it is. */
  readonly damage: (answer: TokenAnswer) => string | undefined;
}) => Promise<TokenAnswer>;

/** What a token endpoint said. */
export interface TokenAnswer {
  readonly status: number;
  readonly text: string;
}

/** What a token is asked for. */
export interface TokenRequest {
  /** The registry that named the realm; for messages, and because its credential alone may go there. */
  readonly registry: string;
  readonly realm: URL;
  readonly service: string | undefined;
  /** As in `repository:a/b:pull,push`. */
  readonly scopes: readonly string[];
  readonly credential: Credential | undefined;
}

export interface Token {
  readonly value: string;
  /** Milliseconds since 1970 when it should not be used any more. */
  readonly renewAt: number;
}

/** Seconds, when the answer does not say (distribution's token specification). */
const DEFAULT_LIFETIME = 60;
/** A token is not used for its last tenth, or its last 30 s: a request may wait in a queue before it is sent. */
const EARLY_SHARE = 0.1;
const EARLY_MAX = 30;

/**
 * Fetches a bearer token: GET with Basic credentials or none (distribution: spec/auth/token), POST with an identity token
 * (spec/auth/oauth). As with docker, the credentials of a registry go to whatever token server it names.
 * @throws AirgapError `unauthorized` when the endpoint refuses, `registry` when its answer is no token, `network`
 */
export async function fetchToken(exchange: TokenExchange, request: TokenRequest, now: number): Promise<Token> {
  const { registry, realm, service, scopes, credential } = request;
  const what = `token for ${registry}`;
  const damage = ({ status, text }: TokenAnswer): string | undefined =>
    status === 200 && tokenIn(text) === undefined ? `${what}: ${realm.host} answers without a token` : undefined;
  const identity = credential?.kind === 'identity-token' ? credential.token : undefined;
  const url = new URL(realm);
  const answer =
    identity === undefined
      ? await exchange({
          registry,
          method: 'GET',
          url: withQuery(url, service, scopes),
          headers: basic(credential),
          what,
          damage,
        })
      : await exchange({
          registry,
          method: 'POST',
          url,
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          form: new URLSearchParams({
            grant_type: 'refresh_token',
            service: service ?? '',
            client_id: 'helm-airgap',
            scope: scopes.join(' '),
            refresh_token: identity,
          }).toString(),
          what,
          damage,
        });
  if (answer.status === 400 || answer.status === 401 || answer.status === 403) throw refused(request, answer.status);
  if (answer.status !== 200) {
    throw new AirgapError('registry', `${what}: ${realm.host} answers ${answer.status}`);
  }
  return readToken(answer.text, what, realm.host, now);
}

function withQuery(url: URL, service: string | undefined, scopes: readonly string[]): URL {
  if (service !== undefined) url.searchParams.set('service', service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  return url;
}

function basic(credential: Credential | undefined): Record<string, string> {
  return credential?.kind === 'basic' ? { authorization: basicAuthorization(credential) } : {};
}

function refused({ registry, realm, credential, scopes }: TokenRequest, status: number): AirgapError {
  const login = `helm registry login ${registry}`;
  const wanted = scopes.join(' ') || registry;
  const [problem, hint] =
    credential === undefined
      ? [`gives no anonymous access to ${registry}`, `log in first: ${login}`]
      : [`refuses the credentials that are stored for ${registry}`, `log in again: ${login}`];
  return new AirgapError('unauthorized', `${realm.host} ${problem} (${status}): no token for ${wanted}`, { hint });
}

function readToken(text: string, what: string, host: string, now: number): Token {
  const token = tokenIn(text);
  // The text may hold a secret: it is not quoted.
  if (token === undefined) throw new AirgapError('registry', `${what}: ${host} answers without a token`);
  const { value, lifetime } = token;
  keepSecret(value);
  const early = Math.min(EARLY_MAX, lifetime * EARLY_SHARE);
  // Counted from now and not from `issued_at`: clocks differ, and the difference would make tokens stale or immortal.
  return { value, renewAt: now + (lifetime - early) * 1000 };
}

/** The token and its lifetime in seconds; undefined when the text is something else. */
function tokenIn(text: string): { readonly value: string; readonly lifetime: number } | undefined {
  let json: { token?: unknown; access_token?: unknown; expires_in?: unknown } | null;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const value = [json?.token, json?.access_token].find((token) => typeof token === 'string' && token !== '');
  if (typeof value !== 'string') return undefined;
  const said = json?.expires_in;
  return { value, lifetime: typeof said === 'number' && said > 0 ? said : DEFAULT_LIFETIME };
}
