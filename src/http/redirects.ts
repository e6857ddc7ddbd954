import { AirgapError } from '../base/errors.ts';
import { quoted } from '../base/printable.ts';
import type { HttpResponse } from './exchange.ts';
import { withoutTls } from './failures.ts';

/** More than any registry needs: one to the storage, perhaps one more to its region. */
export const MAX_REDIRECTS = 5;

const CREDENTIALS: readonly string[] = ['authorization', 'cookie', 'proxy-authorization'];

/** What a redirect is judged by. */
export interface Redirected {
  readonly method: string;
  readonly what: string;
  /** The body holds a secret, which is for the first host alone. */
  readonly secretBody?: boolean;
}

/**
 * Where an answer sends the request next; undefined when it is no redirect, or one that would turn a PUT or POST into a
 * GET (RFC 9110, 15.4).
 * @throws AirgapError `registry` when it leads nowhere, from https to http, to another host with a secret in the body, or
 * wants https for a request that it would turn into a GET
 */
export function redirectOf(response: HttpResponse, { method, what, secretBody }: Redirected): URL | undefined {
  const reads = method === 'GET' || method === 'HEAD';
  const follows = reads ? [301, 302, 303, 307, 308] : [307, 308];
  const { location } = response.headers;
  if (!reads) refuseUpgrade(response, what);
  if (!follows.includes(response.status) || typeof location !== 'string') return undefined;
  if (!URL.canParse(location, response.url.href)) {
    throw new AirgapError(
      'registry',
      `${what}: ${response.url.host} redirects to ${quoted(location)}, which is no URL`,
    );
  }
  const next = new URL(location, response.url);
  if (next.protocol !== 'https:' && next.protocol !== 'http:') {
    const scheme = quoted(next.protocol);
    throw new AirgapError('registry', `${what}: ${response.url.host} redirects to ${scheme}, which is not HTTP`);
  }
  checkHost(next, what);
  if (response.url.protocol === 'https:' && next.protocol === 'http:') {
    throw new AirgapError(
      'registry',
      `${what}: ${response.url.host} redirects from https to plain HTTP at ${next.host}`,
      {
        hint: 'this is never followed; the registry or a proxy in front of it has to answer with https URLs',
      },
    );
  }
  if (secretBody && next.origin !== response.url.origin) {
    throw new AirgapError(
      'registry',
      `${what}: ${response.url.host} redirects to ${next.host}, which is not to see credentials`,
      { hint: 'this is never followed; the registry has to name the right token server itself' },
    );
  }
  return next;
}

/** Characters of a host and its port: a name has 253 (RFC 1035, 2.3.4). */
const HOST_LIMIT = 260;

/** Refuses a host that is longer than any: a header of 256 KiB may name one. @throws AirgapError `registry` */
export function checkHost({ host }: URL, what: string): void {
  if (host.length <= HOST_LIMIT) return;
  throw new AirgapError('registry', `${what}: an address has a host of ${host.length} characters: ${quoted(host)}`);
}

/**
 * Servers that lead plain HTTP to https mostly answer 301, after which a PUT or POST is no longer one.
 * @throws AirgapError `registry`
 */
function refuseUpgrade({ status, url, headers: { location } }: HttpResponse, what: string): void {
  if (url.protocol !== 'http:' || ![301, 302, 303].includes(status) || typeof location !== 'string') return;
  if (!URL.canParse(location, url.href)) return;
  const next = new URL(location, url);
  if (next.protocol !== 'https:' || next.hostname !== url.hostname) return;
  const message = `${what}: ${url.host} wants https (it answers ${status})`;
  throw new AirgapError('registry', message, { hint: withoutTls(url.host) });
}

/** The headers for the next request: without credentials when another host (or port, or scheme) is going to see them. */
export function headersFor(
  headers: Readonly<Record<string, string>>,
  from: URL,
  to: URL,
): Readonly<Record<string, string>> {
  if (from.origin === to.origin) return headers;
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !CREDENTIALS.includes(name.toLowerCase())));
}
