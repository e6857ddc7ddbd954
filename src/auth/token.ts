import { AirgapError } from '../base/errors.ts';
import { keepSecret } from '../base/redact.ts';
import { basicAuthorization, type Credential } from './credential.ts';

/** How a token endpoint is reached: the transport, with a limit on what it may answer. */
export type TokenExchange = (request: {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly form?: string;
  readonly what: string;
}) => Promise<{ readonly status: number; readonly text: string }>;

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
 * (spec/auth/oauth).
 * @throws AirgapError `unauthorized` when the endpoint refuses, `registry` when its answer is no token, `network`
 */
export async function fetchToken(exchange: TokenExchange, request: TokenRequest, now: number): Promise<Token> {
  const { registry, realm, service, scopes, credential } = request;
  const what = `token for ${registry}`;
  const identity = credential?.kind === 'identity-token' ? credential.token : undefined;
  const url = new URL(realm);
  const answer =
    identity === undefined
      ? await exchange({ method: 'GET', url: withQuery(url, service, scopes), headers: basic(credential), what })
      : await exchange({
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
  const asked = `a token for ${scopes.join(' ') || registry}`;
  return credential === undefined
    ? new AirgapError('unauthorized', `${registry}: ${realm.host} gives no anonymous access (${status}) to ${asked}`, {
        hint: `log in first: ${login}`,
      })
    : new AirgapError(
        'unauthorized',
        `${registry}: ${realm.host} refuses the stored credentials (${status}) for ${asked}`,
        {
          hint: `log in again: ${login}`,
        },
      );
}

function readToken(text: string, what: string, host: string, now: number): Token {
  let json: { token?: unknown; access_token?: unknown; expires_in?: unknown } | null;
  try {
    json = JSON.parse(text);
  } catch {
    // The text may hold a secret: it is not quoted.
    throw new AirgapError('registry', `${what}: ${host} answers with something that is not JSON`);
  }
  const value = [json?.token, json?.access_token].find((token) => typeof token === 'string' && token !== '');
  if (typeof value !== 'string') throw new AirgapError('registry', `${what}: ${host} answers without a token`);
  keepSecret(value);
  const said = json?.expires_in;
  const lifetime = typeof said === 'number' && said > 0 ? said : DEFAULT_LIFETIME;
  const early = Math.min(EARLY_MAX, lifetime * EARLY_SHARE);
  // Counted from now and not from `issued_at`: clocks differ, and the difference would make tokens stale or immortal.
  return { value, renewAt: now + (lifetime - early) * 1000 };
}
