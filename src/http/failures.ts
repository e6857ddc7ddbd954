import { AirgapError, messageOf } from '../base/errors.ts';
import { ConnectError } from './addresses.ts';
import { describeCertificateRefusal } from './certificate-refusal.ts';
import { CONNECT_TIMEOUT, codeOf, HEADERS_TIMEOUT, TOO_SLOW, UPLOAD_STALLED } from './error-codes.ts';
import { ProxyError } from './proxy.ts';
import type { Retryable } from './retry.ts';

/** Outcome of a request without a response: the error to show and whether to retry. */
export interface RequestFailure {
  readonly error: AirgapError;
  readonly retryable: Retryable;
}

/** Request as messages describe it. */
export interface RequestContext {
  readonly url: URL;
  readonly what: string;
  readonly signal?: AbortSignal;
}

const UNTRUSTED_CODES: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** OpenSSL codes for a peer that responds to a handshake with plain text. */
const NOT_TLS_CODES = /^(?:ERR_SSL_WRONG_VERSION_NUMBER|ERR_SSL_PACKET_LENGTH_TOO_LONG|ERR_SSL_HTTP_REQUEST)$/;

/** Maximum number of tried addresses in a message. */
const MAX_ADDRESSES_SHOWN = 10;

/** Maximum characters of a reason from Node, which can list every name of a certificate. */
const MAX_REASON_LENGTH = 500;

const TIMEOUT_MESSAGES: Readonly<Record<string, string>> = {
  [CONNECT_TIMEOUT]: 'did not accept a connection in time',
  [HEADERS_TIMEOUT]: 'did not respond in time',
  UND_ERR_BODY_TIMEOUT: 'stopped sending data',
  [UPLOAD_STALLED]: 'stopped accepting data',
  [TOO_SLOW]: 'sends data too slowly',
  ETIMEDOUT: 'did not respond in time',
};

/** Translates an error of Node or undici for users. An AirgapError (from a body's source) is passed through. */
export function describeFailure(thrown: unknown, { url, what, signal }: RequestContext): RequestFailure {
  if (signal?.aborted) {
    const { reason } = signal;
    const error =
      reason instanceof AirgapError ? reason : new AirgapError('interrupted', `interrupted`, { subject: what });
    return { error, retryable: 'no' };
  }
  if (thrown instanceof AirgapError) return { error: thrown, retryable: thrown.code === 'network' ? 'yes' : 'no' };
  const proxyError = thrown instanceof ProxyError ? thrown : undefined;
  const peer = proxyError === undefined ? peerOf(url) : proxyPeer(proxyError.proxy, url);
  const cause = proxyError?.cause ?? thrown;
  const {
    retryable,
    message,
    hint = peer.hint,
  } = connectFailure(cause, peer) ??
  tlsFailure(cause, peer) ??
  tunnelFailure(cause, peer) ??
  protocolFailure(cause, peer);
  return { retryable, error: new AirgapError('network', message, { subject: what, cause: thrown, hint }) };
}

/** Peer of a connection. */
interface Peer {
  /** Name for messages: `quay.io`, `the proxy proxy.example:3128 (on the way to quay.io)`. */
  readonly name: string;
  readonly host: string;
  readonly hostname: string;
  readonly isPlain: boolean;
  readonly isProxy: boolean;
  /** Default hint. */
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
    hint: `check ${variable}; list hosts that need no proxy in NO_PROXY`,
  };
}

interface FailureDescription {
  readonly retryable: Retryable;
  readonly message: string;
  readonly hint?: string;
}

/** Describes a failure to connect. */
function connectFailure(thrown: unknown, { name, host, hostname, isProxy }: Peer): FailureDescription | undefined {
  const code = codeOf(thrown);
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    const subject = isProxy ? name : `the host name ${hostname}`;
    const isUnknown = code === 'ENOTFOUND';
    return {
      retryable: isUnknown ? 'no' : 'yes',
      message: isUnknown
        ? `${subject} does not exist`
        : `${subject} could not be resolved: the DNS server does not respond`,
      ...(isProxy ? {} : { hint: 'check the name and the DNS server; behind a proxy, set HTTPS_PROXY' }),
    };
  }
  const tried = listTriedAddresses(thrown);
  if (code === 'ECONNREFUSED') {
    const hint = `nothing is listening at ${host}: check the host and port, for example in --mirror or --to`;
    return { retryable: 'few', message: `${name} refused the connection${tried}`, ...(isProxy ? {} : { hint }) };
  }
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH' || code === 'EADDRNOTAVAIL') {
    return { retryable: 'few', message: `${name} cannot be reached${tried}` };
  }
  const timeout = TIMEOUT_MESSAGES[code];
  if (timeout === undefined) return undefined;
  return { retryable: code === CONNECT_TIMEOUT ? 'few' : 'yes', message: `${name} ${timeout}${tried}` };
}

/** Describes a TLS failure. */
function tlsFailure(thrown: unknown, peer: Peer): FailureDescription | undefined {
  const { name, host, isProxy } = peer;
  const code = codeOf(thrown);
  const reason = messageOf(thrown);
  if (UNTRUSTED_CODES.has(code)) {
    const hint = `pass the CA certificate with --ca-file FILE, or install it as certs.d/${host}/ca.crt in /etc/docker`;
    return {
      retryable: 'no',
      message: `the certificate of ${name} is not signed by a trusted CA (${code})`,
      hint: isProxy ? 'pass the CA certificate with --ca-file FILE' : hint,
    };
  }
  if (NOT_TLS_CODES.test(code) || /wrong version number|packet length too long/i.test(reason)) {
    const hint = `if it serves plain HTTP, add --plain-http ${host}`;
    return { retryable: 'no', message: `${name} does not speak TLS`, ...(isProxy ? {} : { hint }) };
  }
  const certificate = describeCertificateRefusal(thrown, peer);
  if (certificate !== undefined) return certificate;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return { retryable: 'no', ...nameMismatch(thrown, peer) };
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    const what = code === 'CERT_HAS_EXPIRED' ? 'has expired' : 'is not valid yet';
    const hint = 'check the clock of this machine; if it is right, ask the administrators of that host to renew it';
    return { retryable: 'no', message: `the certificate of ${name} ${what}`, hint };
  }
  if (/^(?:CERT_|ERR_TLS_|ERR_SSL_|UND_ERR_PRX_TLS)/.test(code)) {
    return { retryable: 'no', message: `the TLS connection to ${name} failed: ${reason.slice(0, MAX_REASON_LENGTH)}` };
  }
  return undefined;
}

/** Maximum number of certificate names in a message, and of their characters. */
const MAX_NAMES_SHOWN = 5;
const MAX_NAMES_LENGTH = 200;

/** Describes a certificate that is not valid for the requested host name (RFC 9525). */
function nameMismatch(thrown: unknown, { name, hostname }: Peer): Pick<FailureDescription, 'message' | 'hint'> {
  const { cert } = (thrown ?? {}) as { cert?: { subjectaltname?: unknown } };
  const list = typeof cert?.subjectaltname === 'string' ? cert.subjectaltname : '';
  const all = list.split(', ').flatMap((entry) => /^(?:DNS|IP Address):(.+)$/.exec(entry)?.[1] ?? []);
  const names = all.slice(0, MAX_NAMES_SHOWN).join(', ').slice(0, MAX_NAMES_LENGTH);
  const more = all.length > MAX_NAMES_SHOWN ? ` and ${all.length - MAX_NAMES_SHOWN} more` : '';
  const scope = names === '' ? 'has no host name (subjectAltName)' : `is for ${names}${more}`;
  return {
    message: `the certificate of ${name} ${scope}, not for ${hostname}`,
    hint: `use a host name that the certificate covers, or reissue it with ${hostname} as a subjectAltName`,
  };
}

/** Describes a failure to open a proxy tunnel. */
function tunnelFailure(thrown: unknown, { host }: Peer): FailureDescription | undefined {
  const reason = messageOf(thrown);
  const status =
    /Proxy response \((\d+)\)/.exec(reason)?.[1] ?? (/Proxy Authentication Required/.test(reason) ? '407' : '');
  if (status === '') return undefined;
  const message = `the proxy refused the connection to ${host} (${status})`;
  if (status !== '407') {
    const hint = `check HTTPS_PROXY; allow ${host} in the proxy, or add it to NO_PROXY if it can be reached directly`;
    return { retryable: Number(status) >= 500 ? 'few' : 'no', message, hint };
  }
  // Not written as a URL: redaction removes everything before the @ of one.
  const hint = 'put USER:PASSWORD@ before the proxy host in HTTPS_PROXY';
  return { retryable: 'no', message, hint };
}

/** Describes a failure on an established connection. */
function protocolFailure(thrown: unknown, { name, host, isPlain }: Peer): FailureDescription {
  const code = codeOf(thrown);
  const reason = messageOf(thrown);
  // Not all errors of undici's parser have a code.
  if (/^HPE_/.test(code) || (thrown as Error | undefined)?.name === 'HTTPParserError') {
    if (isPlain && isTlsAlert((thrown as { data?: unknown }).data)) {
      return {
        retryable: 'no',
        message: `${name} uses TLS, but the request was sent over plain HTTP`,
        hint: plainHttpHint(host),
      };
    }
    if (code === 'HPE_UNEXPECTED_CONTENT_LENGTH') return { retryable: 'no', ...ambiguousLength(name) };
    return { retryable: 'no', message: `${name} does not speak HTTP (${reason})` };
  }
  const isDropped =
    code === 'ECONNRESET' || code === 'EPIPE' || code === 'UND_ERR_SOCKET' || code === 'UND_ERR_PRX_CONN';
  if (isDropped) {
    return {
      retryable: 'yes',
      message: `${name} closed the connection`,
      ...(isPlain ? { hint: plainHttpHint(host) } : {}),
    };
  }
  if (code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') {
    return { retryable: 'yes', message: `${name} sent fewer bytes than announced` };
  }
  return { retryable: 'no', message: `the request to ${name} failed: ${reason}` };
}

/** Describes response headers with two body lengths (RFC 9112, 6.3). */
function ambiguousLength(name: string): Pick<FailureDescription, 'message' | 'hint'> {
  return {
    message: `${name} sent a response with two body lengths (Content-Length twice, or with Transfer-Encoding)`,
    hint: 'such responses are rejected because their end is ambiguous (response splitting): fix the proxy or the front end of the registry',
  };
}

/** Detects a TLS alert record (RFC 8446, 5.1: type 21, version 3.x). */
function isTlsAlert(data: unknown): boolean {
  const text = data instanceof Uint8Array ? Buffer.from(data).toString('latin1') : String(data ?? '');
  return text.charCodeAt(0) === 21 && text.charCodeAt(1) === 3;
}

/** Lists the tried addresses; empty when there was only one. */
function listTriedAddresses(thrown: unknown): string {
  const tried = thrown instanceof ConnectError ? thrown.triedAddresses : [];
  const more = tried.length > MAX_ADDRESSES_SHOWN ? ` and ${tried.length - MAX_ADDRESSES_SHOWN} more` : '';
  return tried.length > 1 ? ` (tried ${tried.slice(0, MAX_ADDRESSES_SHOWN).join(', ')}${more})` : '';
}

/** Reports whether a request failed because no trusted authority signed the certificate of the server. */
export function isUnknownAuthority(error: AirgapError): boolean {
  // The error may have been copied with another subject.
  const { cause } = error;
  return cause instanceof AirgapError ? isUnknownAuthority(cause) : UNTRUSTED_CODES.has(codeOf(cause));
}

/** Hint for a host that does not understand plain HTTP, probably because it uses TLS. */
export function plainHttpHint(host: string): string {
  return `plain HTTP is enabled for ${host} by --plain-http or the configuration; if it uses TLS, remove that setting`;
}
