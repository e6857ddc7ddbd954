import { AirgapError, messageOf } from '../base/errors.ts';
import { ConnectError } from './addresses.ts';
import { describeCertificateRefusal } from './certificate-refusal.ts';
import { CONNECT_TIMEOUT, codeOf, HEADERS_TIMEOUT, TOO_SLOW, UPLOAD_STALLED } from './error-codes.ts';
import { ProxyError } from './proxy-error.ts';
import type { Retryable } from './retry.ts';

/** A request that got no answer: the error to show, and whether to try again. */
export interface Failure {
  readonly error: AirgapError;
  readonly retryable: Retryable;
}

/** What was asked for, for messages. */
export interface Asked {
  readonly url: URL;
  readonly what: string;
  readonly signal?: AbortSignal;
}

const UNTRUSTED: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** What OpenSSL says when the other side answers a handshake with plain text. */
const NOT_TLS = /^(?:ERR_SSL_WRONG_VERSION_NUMBER|ERR_SSL_PACKET_LENGTH_TOO_LONG|ERR_SSL_HTTP_REQUEST)$/;

/** Addresses that are named of those that were tried. */
const TRIED = 10;

/** Characters of what Node says: of a certificate for other hosts it names all of them. */
const SAID = 500;

const TIMEOUT: Readonly<Record<string, string>> = {
  [CONNECT_TIMEOUT]: 'did not accept a connection in time',
  [HEADERS_TIMEOUT]: 'did not answer in time',
  UND_ERR_BODY_TIMEOUT: 'stopped sending',
  [UPLOAD_STALLED]: 'stopped taking data',
  [TOO_SLOW]: 'sends next to nothing',
  ETIMEDOUT: 'did not answer in time',
};

/** Turns what Node and undici throw into one clear sentence. An AirgapError (of a body's source) is passed through. */
export function describeFailure(thrown: unknown, { url, what, signal }: Asked): Failure {
  if (signal?.aborted) {
    const { reason } = signal;
    const error = reason instanceof AirgapError ? reason : new AirgapError('interrupted', `${what}: interrupted`);
    return { error, retryable: 'no' };
  }
  if (thrown instanceof AirgapError) return { error: thrown, retryable: thrown.code === 'network' ? 'yes' : 'no' };
  const proxied = thrown instanceof ProxyError ? thrown : undefined;
  const peer = proxied === undefined ? peerOf(url) : proxyPeer(proxied.proxy, url);
  const cause = proxied?.cause ?? thrown;
  const {
    retryable,
    message,
    hint = peer.hint,
  } = connecting(cause, peer) ?? securing(cause, peer) ?? tunnelling(cause, peer) ?? speaking(cause, peer);
  const details = { cause: thrown, ...(hint === undefined ? {} : { hint }) };
  return { retryable, error: new AirgapError('network', `${what}: ${message}`, details) };
}

/** The other side of a connection. */
interface Peer {
  /** As messages name it: `quay.io`, `the proxy proxy.example:3128 (on the way to quay.io)`. */
  readonly name: string;
  readonly host: string;
  readonly hostname: string;
  readonly isPlain: boolean;
  readonly isProxy: boolean;
  /** Where nothing better is known. */
  readonly hint?: string;
}

function peerOf({ host, hostname, protocol }: URL): Peer {
  return { name: host, host, hostname, isPlain: protocol === 'http:', isProxy: false };
}

function proxyPeer(proxy: URL, { host, protocol }: URL): Peer {
  const variable = protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  return {
    ...peerOf(proxy),
    name: `the proxy ${proxy.host} (on the way to ${host})`,
    isPlain: false,
    isProxy: true,
    hint: `check ${variable}; hosts that are reached without a proxy belong into NO_PROXY`,
  };
}

interface Described {
  readonly retryable: Retryable;
  readonly message: string;
  readonly hint?: string;
}

/** Failures before there is a connection. */
function connecting(thrown: unknown, { name, host, hostname, isProxy }: Peer): Described | undefined {
  const code = codeOf(thrown);
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    const who = isProxy ? name : `the name ${hostname}`;
    const isUnknown = code === 'ENOTFOUND';
    return {
      retryable: isUnknown ? 'no' : 'yes',
      message: isUnknown ? `${who} has no address` : `${who} could not be looked up: the DNS server gives no answer`,
      ...(isProxy ? {} : { hint: 'check the name and the DNS server; behind a proxy, HTTPS_PROXY has to be set' }),
    };
  }
  const tried = triedOf(thrown);
  if (code === 'ECONNREFUSED') {
    const hint = `nothing listens at ${host}: check the host and the port where they are given, as with --mirror or --to`;
    return { retryable: 'few', message: `${name} refused the connection${tried}`, ...(isProxy ? {} : { hint }) };
  }
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH' || code === 'EADDRNOTAVAIL') {
    return { retryable: 'few', message: `${name} cannot be reached${tried}` };
  }
  const timeout = TIMEOUT[code];
  if (timeout === undefined) return undefined;
  return { retryable: code === CONNECT_TIMEOUT ? 'few' : 'yes', message: `${name} ${timeout}${tried}` };
}

/** Failures of TLS. */
function securing(thrown: unknown, peer: Peer): Described | undefined {
  const { name, host, isProxy } = peer;
  const code = codeOf(thrown);
  const said = messageOf(thrown);
  if (UNTRUSTED.has(code)) {
    const hint = `give the authority that signed it with --ca-file FILE, or as certs.d/${host}/ca.crt in /etc/docker`;
    return {
      retryable: 'no',
      message: `the certificate of ${name} is not signed by a trusted authority (${code})`,
      hint: isProxy ? 'give the authority that signed it with --ca-file FILE' : hint,
    };
  }
  if (NOT_TLS.test(code) || /wrong version number|packet length too long/i.test(said)) {
    const hint = `if it serves plain HTTP, allow that with --plain-http ${host}`;
    return { retryable: 'no', message: `${name} does not speak TLS`, ...(isProxy ? {} : { hint }) };
  }
  const certificate = describeCertificateRefusal(thrown, peer);
  if (certificate !== undefined) return certificate;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return { retryable: 'no', ...otherNames(thrown, peer) };
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    const what = code === 'CERT_HAS_EXPIRED' ? 'has expired' : 'is not valid yet';
    const hint = 'have it renewed by whoever runs that host; a wrong clock of this machine looks the same';
    return { retryable: 'no', message: `the certificate of ${name} ${what}`, hint };
  }
  if (/^(?:CERT_|ERR_TLS_|ERR_SSL_|UND_ERR_PRX_TLS)/.test(code)) {
    return { retryable: 'no', message: `the TLS connection to ${name} failed: ${said.slice(0, SAID)}` };
  }
  return undefined;
}

/** Names of a certificate that are shown, and the characters of them all. */
const NAMES_LIMIT = 5;
const NAMES_LENGTH = 200;

/** A certificate for other names than the one that was asked for (RFC 9525). */
function otherNames(thrown: unknown, { name, hostname }: Peer): Pick<Described, 'message' | 'hint'> {
  const { cert } = (thrown ?? {}) as { cert?: { subjectaltname?: unknown } };
  const list = typeof cert?.subjectaltname === 'string' ? cert.subjectaltname : '';
  const all = list.split(', ').flatMap((entry) => /^(?:DNS|IP Address):(.+)$/.exec(entry)?.[1] ?? []);
  const names = all.slice(0, NAMES_LIMIT).join(', ').slice(0, NAMES_LENGTH);
  const more = all.length > NAMES_LIMIT ? ` and ${all.length - NAMES_LIMIT} more` : '';
  const isFor = names === '' ? 'has no name of a host (subjectAltName)' : `is for ${names}${more}`;
  return {
    message: `the certificate of ${name} ${isFor}, and not for ${hostname}`,
    hint: `use a name that the certificate is for, or have it issued with ${hostname} as a subjectAltName`,
  };
}

/** Failures of a proxy's tunnel. */
function tunnelling(thrown: unknown, { host }: Peer): Described | undefined {
  const said = messageOf(thrown);
  const status =
    /Proxy response \((\d+)\)/.exec(said)?.[1] ?? (/Proxy Authentication Required/.test(said) ? '407' : '');
  if (status === '') return undefined;
  const message = `the proxy refused the way to ${host} (${status})`;
  if (status !== '407') {
    const hint = `check HTTPS_PROXY; the proxy has to allow ${host}, or NO_PROXY has to name it where there is a way without the proxy`;
    return { retryable: Number(status) >= 500 ? 'few' : 'no', message, hint };
  }
  // Not as a URL: what stands before an @ there is taken out of every message.
  const hint = 'put USER:PASSWORD@ before the host of the proxy in HTTPS_PROXY';
  return { retryable: 'no', message, hint };
}

/** Failures on a connection that was made. */
function speaking(thrown: unknown, { name, host, isPlain }: Peer): Described {
  const code = codeOf(thrown);
  const said = messageOf(thrown);
  // undici's parser names its errors, and gives not all of them a code.
  if (/^HPE_/.test(code) || (thrown as Error | undefined)?.name === 'HTTPParserError') {
    if (isPlain && isTlsAlert((thrown as { data?: unknown }).data)) {
      return { retryable: 'no', message: `${name} speaks TLS, and was spoken to without`, hint: withoutTls(host) };
    }
    if (code === 'HPE_UNEXPECTED_CONTENT_LENGTH') return { retryable: 'no', ...twoLengths(name) };
    return { retryable: 'no', message: `${name} does not speak HTTP (${said})` };
  }
  const dropped = code === 'ECONNRESET' || code === 'EPIPE' || code === 'UND_ERR_SOCKET' || code === 'UND_ERR_PRX_CONN';
  if (dropped) {
    return {
      retryable: 'yes',
      message: `${name} closed the connection`,
      ...(isPlain ? { hint: withoutTls(host) } : {}),
    };
  }
  if (code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') {
    return { retryable: 'yes', message: `${name} sent less than it announced` };
  }
  return { retryable: 'no', message: `the request to ${name} failed: ${said}` };
}

/** A head that says two lengths (RFC 9112, 6.3). */
function twoLengths(name: string): Pick<Described, 'message' | 'hint'> {
  return {
    message: `${name} sends an answer with two lengths (Content-Length twice, or beside Transfer-Encoding)`,
    hint: 'nobody knows where such an answer ends, so it is refused (response splitting): have the proxy or the front end of the registry mended',
  };
}

/** The record of TLS that says that something went wrong (RFC 8446, 5.1: type 21, version 3.x). */
function isTlsAlert(data: unknown): boolean {
  const text = data instanceof Uint8Array ? Buffer.from(data).toString('latin1') : String(data ?? '');
  return text.charCodeAt(0) === 21 && text.charCodeAt(1) === 3;
}

/** Which addresses were tried, where that is not one alone. */
function triedOf(thrown: unknown): string {
  const tried = thrown instanceof ConnectError ? thrown.tried : [];
  const more = tried.length > TRIED ? ` and ${tried.length - TRIED} more` : '';
  return tried.length > 1 ? ` (tried ${tried.slice(0, TRIED).join(', ')}${more})` : '';
}

/** What to do where a host does not understand plain HTTP, as one with TLS does not. */
export function withoutTls(host: string): string {
  return `${host} is spoken to without TLS, since --plain-http or the configuration says so; if it has TLS, take that out`;
}
