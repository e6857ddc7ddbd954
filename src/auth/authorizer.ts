import { type Challenge, parseChallenges } from './challenge.ts';
import { basicAuthorization, type Credential } from './credential.ts';
import type { Keychain } from './keychain.ts';
import { type AccessRefusal, explainRefusal } from './refusal.ts';
import { fetchToken, type Token, type TokenExchange } from './token.ts';

/** What a request wants to do at which registry. */
export interface Access {
  /** Host as people write it: the key of its credentials. */
  readonly registry: string;
  readonly path: string;
  /** Origin of the registry's API, as in `https://registry.example:5000`: a relative realm is one of it. */
  readonly origin: string;
  /** As in `repository:a/b:pull`. */
  readonly scopes: readonly string[];
}

/** Answers the challenges of registries. Learns per registry what it wants, and caches tokens until they run out. */
export interface Authorizer {
  /** The Authorization header as far as the registry's wishes are known; undefined means to ask without and see. */
  authorization(access: Access): Promise<string | undefined>;
  /**
   * After a 401: learns from its WWW-Authenticate, drops what was refused, and gives the header for one more attempt;
   * undefined when there is nothing better than what was sent.
   */
  renew(
    access: Access,
    wwwAuthenticate: string | readonly string[] | undefined,
    sent: string | undefined,
  ): Promise<string | undefined>;
  /** Says of a 401 or 403 that stays which credentials were tried, for the error. */
  explain(access: Access, refused: RefusedRequest): Promise<AccessRefusal>;
}

/** An answer that refuses, and the Authorization header that it was sent for. */
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
 * Scopes that a token is asked for, and characters of each: a repository's name has 255 at most. A registry that wants
 * others each time would have ever more of them asked for.
 */
const SCOPES_LIMIT = 20;
const SCOPE_LENGTH = 1000;

export function createAuthorizer({ keychain, exchange, now }: AuthorizerOptions): Authorizer {
  const wishes = new Map<string, Challenge>();
  const widened = new Map<string, readonly string[]>();
  const tokens = new Map<string, Promise<Token>>();

  /** One fetch at a time for the same scope; a failed one is not remembered, and fails for all who waited for it. */
  const bearer = async (access: Access, wish: Challenge, credential: Credential | undefined): Promise<string> => {
    const realm = realmOf(wish, access) as URL;
    const service = wish.parameters.get('service');
    const scopes = widened.get(scopeKey(access)) ?? access.scopes;
    const key = JSON.stringify([access.registry, realm.href, service, scopes, credential]);
    const before = tokens.get(key);
    const known = await before;
    if (known !== undefined && now() < known.renewAt) return `Bearer ${known.value}`;
    let fetched = tokens.get(key);
    // Unless somebody else has begun while we looked.
    if (fetched === undefined || fetched === before) {
      const { registry } = access;
      const sources = (): readonly string[] => keychain.sources?.(registry) ?? [];
      const request = { registry, realm, service, scopes, credential, sources };
      const begun = fetchToken(exchange, request, now());
      tokens.set(key, begun);
      begun.catch(() => tokens.get(key) === begun && tokens.delete(key));
      fetched = begun;
    }
    return `Bearer ${(await fetched).value}`;
  };

  const authorization = async (access: Access): Promise<string | undefined> => {
    const wish = wishes.get(access.registry);
    if (wish === undefined) return undefined;
    const credential = await keychain.lookup(access.registry, access.path);
    if (credential?.kind === 'registry-token') return `Bearer ${credential.token}`;
    if (wish.scheme === 'bearer') return bearer(access, wish, credential);
    return credential?.kind === 'basic' ? basicAuthorization(credential) : undefined;
  };

  return {
    authorization,
    async renew(access, wwwAuthenticate, sent) {
      const wish = choose(usableIn(wwwAuthenticate, access)) ?? wishes.get(access.registry);
      if (wish === undefined) return undefined;
      wishes.set(access.registry, wish);
      // Registries behind a path rewriting proxy ask for a scope that is not what the request's own path suggests.
      const asked = (wish.parameters.get('scope') ?? '')
        .split(' ')
        .filter((scope) => scope !== '' && scope.length <= SCOPE_LENGTH);
      const known = widened.get(scopeKey(access)) ?? access.scopes;
      const wider = [...new Set([...known, ...asked])];
      const isWider = wider.length > known.length && wider.length <= SCOPES_LIMIT;
      if (isWider) widened.set(scopeKey(access), wider);
      // RFC 6750, 3.1: the token is good, and has not the right. Another one of the same kind would not have it either.
      if (sent !== undefined && !isWider && wish.parameters.get('error') === 'insufficient_scope') return undefined;
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
      const { registry, path } = access;
      const isAsked = wishes.has(registry);
      return explainRefusal({
        registry,
        isAsked,
        status,
        challenges: parseChallenges(wwwAuthenticate),
        usable: usableIn(wwwAuthenticate, access),
        sent,
        // Nobody was asked for it before the registry has said that it wants one.
        credential: isAsked ? await keychain.lookup(registry, path) : undefined,
        sources: keychain.sources?.(registry) ?? [],
      });
    },
  };
}

/** Bearer is preferred: a registry that offers both means Basic for its own front end. */
function choose(usable: readonly Challenge[]): Challenge | undefined {
  return usable.find(({ scheme }) => scheme === 'bearer') ?? usable[0];
}

/** The challenges that can be answered. */
function usableIn(wwwAuthenticate: string | readonly string[] | undefined, access: Access): Challenge[] {
  return parseChallenges(wwwAuthenticate).filter(
    (challenge) => challenge.scheme === 'basic' || (challenge.scheme === 'bearer' && realmOf(challenge, access)),
  );
}

/** The URL of a token server; some registries give its path only. */
function realmOf({ parameters }: Challenge, { origin }: Access): URL | undefined {
  const realm = parameters.get('realm') ?? '';
  if (realm === '' || !URL.canParse(realm, origin)) return undefined;
  const url = new URL(realm, origin);
  return url.protocol === 'https:' || url.protocol === 'http:' ? url : undefined;
}

function scopeKey({ registry, path, scopes }: Access): string {
  return JSON.stringify([registry, path, scopes]);
}
