import { resolveUrl } from '../http/response-url.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import { basicAuthorization, type Credential, type Keychain } from './keychain.ts';
import { type AccessRefusal, explainRefusal } from './refusal.ts';
import { fetchToken, type Token, type TokenExchange } from './token.ts';

/** Access that a request needs at a registry. */
export interface Access {
  /** Host as users write it: the key of its credentials. */
  readonly registry: string;
  readonly path: string;
  /** Origin of the registry's API, as in `https://registry.example:5000`; base of a relative realm. */
  readonly origin: string;
  /** As in `repository:a/b:pull`. */
  readonly scopes: readonly string[];
}

/**
 * Answers the challenges of registries. Remembers the challenge of each registry, and caches tokens until they expire.
 */
export interface Authorizer {
  /** Returns the Authorization header for a known challenge; undefined before the first challenge. */
  authorization(access: Access): Promise<string | undefined>;
  /**
   * Handles a 401: learns from its WWW-Authenticate, drops the rejected token, and returns the header for another
   * attempt; undefined when there is nothing better than what was sent.
   */
  renew(
    access: Access,
    wwwAuthenticate: string | readonly string[] | undefined,
    sent: string | undefined,
  ): Promise<string | undefined>;
  /** Explains a final 401 or 403, with the credentials that were tried. */
  explain(access: Access, refused: RefusedRequest): Promise<AccessRefusal>;
}

/** Refusal of a request, and the Authorization header of that request. */
export interface RefusedRequest {
  readonly status: number;
  readonly wwwAuthenticate: string | readonly string[] | undefined;
  readonly sent: string | undefined;
}

export interface AuthorizerOptions {
  readonly keychain: Keychain;
  readonly exchange: TokenExchange;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * Maximum scopes of a token, and characters of each: a repository name has at most 255. A registry that demands a new
 * scope every time would otherwise make the list grow without limit.
 */
const SCOPES_LIMIT = 20;
const SCOPE_LENGTH = 1000;

export function createAuthorizer({ keychain, exchange, now }: AuthorizerOptions): Authorizer {
  const challenges = new Map<string, Challenge>();
  const widenedScopes = new Map<string, readonly string[]>();
  const tokens = new Map<string, Promise<Token>>();

  /** Fetches tokens, one request at a time per scope. A failure is not cached, but fails all concurrent callers. */
  const bearer = async (access: Access, challenge: Challenge, credential: Credential | undefined): Promise<string> => {
    const realm = realmOf(challenge, access) as URL;
    const service = challenge.parameters.get('service');
    const scopes = widenedScopes.get(scopeKey(access)) ?? access.scopes;
    const key = JSON.stringify([access.registry, realm.href, service, scopes, credential]);
    const previous = tokens.get(key);
    const known = await previous;
    if (known !== undefined && now() < known.renewAt) return `Bearer ${known.value}`;
    let fetched = tokens.get(key);
    // Another caller may have started a fetch during the await.
    if (fetched === undefined || fetched === previous) {
      const { registry } = access;
      const sources = (): readonly string[] => keychain.sources?.(registry) ?? [];
      const request = { registry, realm, service, scopes, credential, sources };
      const fetching = fetchToken(exchange, request, now());
      tokens.set(key, fetching);
      fetching.catch(() => tokens.get(key) === fetching && tokens.delete(key));
      fetched = fetching;
    }
    return `Bearer ${(await fetched).value}`;
  };

  const authorization = async (access: Access): Promise<string | undefined> => {
    const challenge = challenges.get(access.registry);
    if (challenge === undefined) return undefined;
    const credential = await keychain.lookup(access.registry, access.path);
    if (credential?.kind === 'registry-token') return `Bearer ${credential.token}`;
    if (challenge.scheme === 'bearer') return bearer(access, challenge, credential);
    return credential?.kind === 'basic' ? basicAuthorization(credential) : undefined;
  };

  return {
    authorization,
    async renew(access, wwwAuthenticate, sent) {
      const challenge =
        preferredChallenge(supportedChallenges(wwwAuthenticate, access)) ?? challenges.get(access.registry);
      if (challenge === undefined) return undefined;
      challenges.set(access.registry, challenge);
      // Registries behind a path-rewriting proxy request a scope that differs from the path of the request.
      const requested = (challenge.parameters.get('scope') ?? '')
        .split(' ')
        .filter((scope) => scope !== '' && scope.length <= SCOPE_LENGTH);
      const known = widenedScopes.get(scopeKey(access)) ?? access.scopes;
      const allScopes = [...new Set([...known, ...requested])];
      const isWider = allScopes.length > known.length && allScopes.length <= SCOPES_LIMIT;
      if (isWider) widenedScopes.set(scopeKey(access), allScopes);
      // RFC 6750, 3.1: the token is valid but lacks permission. Another one for the same scopes would, too.
      if (sent !== undefined && !isWider && challenge.parameters.get('error') === 'insufficient_scope')
        return undefined;
      if (sent !== undefined) {
        for (const [key, token] of tokens) {
          if (sent === `Bearer ${(await token.catch(() => undefined))?.value}`) tokens.delete(key);
        }
      }
      const first = await authorization(access);
      if (first !== sent) return first;
      keychain.forget?.(access.registry);
      const second = await authorization(access);
      return second === sent ? undefined : second;
    },
    async explain(access, { status, wwwAuthenticate, sent }) {
      const { registry, path, scopes } = access;
      const hasChallenged = challenges.has(registry);
      return explainRefusal({
        registry,
        isRepository: scopes.some((scope) => scope.startsWith('repository:')),
        hasChallenged,
        status,
        challenges: parseChallenges(wwwAuthenticate),
        supported: supportedChallenges(wwwAuthenticate, access),
        sent,
        // Credentials are not looked up before the first challenge.
        credential: hasChallenged ? await keychain.lookup(registry, path) : undefined,
        sources: keychain.sources?.(registry) ?? [],
      });
    },
  };
}

/** Prefers Bearer: a registry that offers both uses Basic for its own front end. */
function preferredChallenge(supported: readonly Challenge[]): Challenge | undefined {
  return supported.find(({ scheme }) => scheme === 'bearer') ?? supported[0];
}

/** Returns the challenges of a header that can be answered. */
function supportedChallenges(wwwAuthenticate: string | readonly string[] | undefined, access: Access): Challenge[] {
  return parseChallenges(wwwAuthenticate).filter(
    (challenge) => challenge.scheme === 'basic' || (challenge.scheme === 'bearer' && realmOf(challenge, access)),
  );
}

/** Returns the URL of a token server; some registries send only a path. */
function realmOf({ parameters }: Challenge, { origin }: Access): URL | undefined {
  const realm = parameters.get('realm') ?? '';
  return realm === '' ? undefined : resolveUrl(realm, origin);
}

function scopeKey({ registry, path, scopes }: Access): string {
  return JSON.stringify([registry, path, scopes]);
}
