import { randomUUID } from 'node:crypto';
import type { OutgoingHttpHeaders } from 'node:http';
import { basicOf } from '../../support/basic.ts';
import { bodyOf, errors, JSON_TYPE, send } from './answers.ts';
import type { Json } from './content.ts';
import type { Exchange, FakeRegistry, Hook } from './registry.ts';

/** `WWW-Authenticate` of a registry with a separate token server, for {@link TokenOptions.challenge}. */
export function bearer(realm: string, service: string): (scope: string) => string {
  return (scope) => `Bearer realm="${realm}",service="${service}",scope="${scope}"`;
}

/** Request for a token. */
interface TokenRequest extends Exchange {
  /** Form of a POST (OAuth2, RFC 6749); undefined for a GET. */
  readonly form: URLSearchParams | undefined;
}

export interface TokenOptions {
  /** `WWW-Authenticate`, one line or several, for a required scope; no header if undefined. */
  readonly challenge?: (scope: string, exchange: Exchange) => string | readonly string[] | undefined;
  /** JSON of the token endpoint; true if it has answered itself. */
  readonly token?: (request: TokenRequest, value: string) => Json | true;
  /** Path of the token endpoint, `/token` unless given. */
  readonly realm?: string;
  /** Returns whether the credentials of a request are accepted. */
  readonly admits?: (request: TokenRequest) => boolean;
  /** Lifetime of a token in milliseconds. */
  readonly lifetime?: number;
  /** Tokens without credentials, issued by default. */
  readonly anonymous?: boolean;
}

/** Tokens issued by a registry. */
export interface Tokens {
  readonly given: Map<string, { scopes: string[]; readonly until: number }>;
  /** The token endpoint, also for another fake that serves it. */
  readonly endpoint: Hook;
}

/** Makes a registry require Bearer tokens (distribution's token specification). */
export function wantTokens(registry: FakeRegistry, options: TokenOptions = {}): Tokens {
  const { realm = '/token', lifetime = 1e9, anonymous = true, admits = () => true } = options;
  const { token = (_, value) => ({ token: value, expires_in: 300 }) } = options;
  const given: Tokens['given'] = new Map();
  const endpoint: Hook = async (exchange) => {
    const { path, method, incoming, outgoing, authorization, query } = exchange;
    if (path !== realm) return undefined;
    const form = method === 'POST' ? new URLSearchParams((await bodyOf(incoming)).toString()) : undefined;
    const request = { ...exchange, form };
    const isKnown = anonymous || authorization !== undefined || form !== undefined;
    if (!isKnown || !admits(request)) return send(outgoing, 401, errors('UNAUTHORIZED', 'bad credentials'), JSON_TYPE);
    const value = `token-${randomUUID()}`;
    const scopes = form ? (form.get('scope') ?? '').split(' ') : query.getAll('scope');
    given.set(value, { scopes, until: Date.now() + lifetime });
    const json = token(request, value);
    return json === true || send(outgoing, 200, JSON.stringify(json), JSON_TYPE);
  };
  const challengeOf = (scope: string, exchange: Exchange): string | readonly string[] | undefined =>
    options.challenge
      ? options.challenge(scope, exchange)
      : `Bearer realm="${registry.origin}${realm}",service="fake",scope="${scope}"`;
  registry.on(endpoint);
  registry.on((exchange) => {
    const { path, isAdmitted, authorization = '', method, repository, incoming, outgoing } = exchange;
    if (!path.startsWith('/v2/') || isAdmitted) return undefined;
    const own = given.get(authorization.replace(/^Bearer /, ''));
    const actions = method === 'GET' || method === 'HEAD' ? 'pull' : 'pull,push';
    const wanted = repository === '' ? '' : `repository:${repository}:${actions}`;
    const enough = ['', wanted, `repository:${repository}:pull,push`];
    if (own && own.until > Date.now() && (wanted === '' || own.scopes.some((scope) => enough.includes(scope)))) {
      return undefined;
    }
    incoming.resume();
    return refuse(outgoing, challengeOf(wanted, exchange));
  });
  return { given, endpoint };
}

/** Makes a registry require Basic credentials. */
export function wantPassword(registry: FakeRegistry, user: string, password: string): void {
  registry.on(({ path, authorization, incoming, outgoing }) => {
    if (!path.startsWith('/v2/') || authorization === basicOf(`${user}:${password}`)) return undefined;
    incoming.resume();
    return refuse(outgoing, 'Basic realm="fake"');
  });
}

function refuse(outgoing: Exchange['outgoing'], challenge: string | readonly string[] | undefined): true {
  const own: OutgoingHttpHeaders = challenge === undefined ? {} : { 'www-authenticate': challenge as string };
  return send(outgoing, 401, errors('UNAUTHORIZED', 'authentication required'), { ...JSON_TYPE, ...own });
}
