import { AirgapError } from '../base/errors.ts';
import { quoted } from '../base/printable.ts';
import type { HttpResponse } from './exchange.ts';
import { plainHttpHint } from './failures.ts';
import { resolveUrl } from './response-url.ts';

/** More than any registry needs: one redirect to storage, perhaps another to its region. */
export const MAX_REDIRECTS = 5;

const CREDENTIAL_HEADERS: readonly string[] = ['authorization', 'cookie', 'proxy-authorization'];

/** Properties of a request that decide whether a redirect is followed. */
export interface RedirectedRequest {
  readonly method: string;
  readonly what: string;
  /** The body contains a secret for the first host only. */
  readonly secretBody?: boolean;
}

/**
 * Returns the target of a redirect; undefined for any other response, and for a redirect that would turn a PUT or POST
 * into a GET (RFC 9110, 15.4).
 * @throws AirgapError `registry` for an invalid target, a redirect from https to http or to another host with a secret
 * in the body, and for an upgrade to https that would turn the request into a GET
 */
export function redirectTarget(
  response: HttpResponse,
  { method, what, secretBody }: RedirectedRequest,
): URL | undefined {
  const isRead = method === 'GET' || method === 'HEAD';
  const followedStatuses = isRead ? [301, 302, 303, 307, 308] : [307, 308];
  const { location } = response.headers;
  if (!isRead) rejectHttpsUpgrade(response, what);
  if (!followedStatuses.includes(response.status) || typeof location !== 'string') return undefined;
  const next = resolveUrl(location, response.url);
  if (next === undefined) {
    const scheme = URL.parse(location, response.url.href)?.protocol;
    const problem =
      scheme === undefined ? `${quoted(location)}, which is not a URL` : `${quoted(scheme)}, which is not HTTP`;
    throw new AirgapError('registry', `${response.url.host} redirects to ${problem}`, { subject: what });
  }
  checkHostLength(next, what);
  if (response.url.protocol === 'https:' && next.protocol === 'http:') {
    throw new AirgapError('registry', `${response.url.host} redirects from https to plain HTTP at ${next.host}`, {
      subject: what,
      hint: 'such redirects are never followed: configure the registry, or the proxy in front of it, to use https URLs',
    });
  }
  if (secretBody && next.origin !== response.url.origin) {
    throw new AirgapError('registry', `${response.url.host} redirects a request with credentials to ${next.host}`, {
      subject: what,
      hint: 'such redirects are never followed: configure the registry to name the right token server',
    });
  }
  return next;
}

/** Maximum characters of a host and its port: a name has at most 253 (RFC 1035, 2.3.4). */
const MAX_HOST_LENGTH = 260;

/** Rejects an overlong host, since a header can hold 256 KiB. @throws AirgapError `registry` */
export function checkHostLength({ host }: URL, what: string): void {
  if (host.length <= MAX_HOST_LENGTH) return;
  throw new AirgapError('registry', `a host name of ${host.length} characters is not allowed: ${quoted(host)}`, {
    subject: what,
  });
}

/**
 * Rejects a redirect from plain HTTP to https that would turn a PUT or POST into a GET. Servers usually send 301.
 * @throws AirgapError `registry`
 */
function rejectHttpsUpgrade({ status, url, headers: { location } }: HttpResponse, what: string): void {
  if (url.protocol !== 'http:' || ![301, 302, 303].includes(status) || typeof location !== 'string') return;
  const next = resolveUrl(location, url);
  if (next?.protocol !== 'https:' || next.hostname !== url.hostname) return;
  const reason = `${url.host} requires https (it returned ${status})`;
  throw new AirgapError('registry', reason, { subject: what, hint: plainHttpHint(url.host) });
}

/** Returns the headers for the redirected request, without credentials if host, port or scheme change. */
export function headersForRedirect(
  headers: Readonly<Record<string, string>>,
  from: URL,
  to: URL,
): Readonly<Record<string, string>> {
  if (from.origin === to.origin) return headers;
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !CREDENTIAL_HEADERS.includes(name.toLowerCase())),
  );
}
