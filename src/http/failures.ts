import { AirgapError, messageOf } from '../base/errors.ts';
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

/** The code of an upload whose other side takes nothing any more. */
export const UPLOAD_STALLED = 'AIRGAP_UPLOAD_STALLED';

/** The code of an answer that comes too slowly. */
export const TOO_SLOW = 'AIRGAP_TOO_SLOW';

const TIMEOUT: Readonly<Record<string, string>> = {
  UND_ERR_CONNECT_TIMEOUT: 'did not accept a connection in time',
  UND_ERR_HEADERS_TIMEOUT: 'did not answer in time',
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
  const code = codeOf(thrown);
  const host = url.host;
  const failure = (retryable: Retryable, message: string, hint?: string): Failure => ({
    retryable,
    error: new AirgapError('network', `${what}: ${message}`, { cause: thrown, ...(hint ? { hint } : {}) }),
  });
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    const hint = 'check the name and the DNS server; behind a proxy, HTTPS_PROXY has to be set';
    return failure(code === 'EAI_AGAIN' ? 'yes' : 'no', `the name ${url.hostname} has no address`, hint);
  }
  if (code === 'ECONNREFUSED') {
    const hint = `nothing listens at ${host}: check the host and the port where they are given, as with --mirror or --to`;
    return failure('few', `${host} refused the connection`, hint);
  }
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH') return failure('few', `${host} cannot be reached`);
  const timeout = TIMEOUT[code];
  if (timeout !== undefined) return failure(code === 'UND_ERR_CONNECT_TIMEOUT' ? 'few' : 'yes', `${host} ${timeout}`);
  if (UNTRUSTED.has(code)) {
    const hint = 'give the authority that signed it with --ca-file FILE';
    return failure('no', `the certificate of ${host} is not signed by a trusted authority (${code})`, hint);
  }
  if (NOT_TLS.test(code) || /wrong version number|packet length too long/i.test(messageOf(thrown))) {
    return failure('no', `${host} does not speak TLS`, `if it serves plain HTTP, allow that with --plain-http ${host}`);
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID' || /^(?:CERT_|ERR_TLS_|ERR_SSL_|UND_ERR_PRX_TLS)/.test(code)) {
    return failure('no', `the TLS connection to ${host} failed: ${messageOf(thrown)}`);
  }
  const tunnel = /Proxy response \((\d+)\)/.exec(messageOf(thrown))?.[1];
  if (tunnel !== undefined || /Proxy Authentication Required/.test(messageOf(thrown))) {
    const refused = `the proxy refused the way to ${host} (${tunnel ?? 407})`;
    if (tunnel === undefined || tunnel === '407') {
      return failure(
        'no',
        refused,
        'put the credentials of the proxy into HTTPS_PROXY, as in http://USER:PASSWORD@HOST:PORT',
      );
    }
    return failure(Number(tunnel) >= 500 ? 'few' : 'no', refused);
  }
  if (/^HPE_/.test(code)) return failure('no', `${host} does not speak HTTP (${messageOf(thrown)})`);
  const dropped = code === 'ECONNRESET' || code === 'EPIPE' || code === 'UND_ERR_SOCKET' || code === 'UND_ERR_PRX_CONN';
  if (dropped) {
    return failure('yes', `${host} closed the connection`, url.protocol === 'http:' ? withoutTls(host) : undefined);
  }
  if (code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') return failure('yes', `${host} sent less than it announced`);
  return failure('no', `the request to ${host} failed: ${messageOf(thrown)}`);
}

/** What to do where a host does not understand plain HTTP, as one with TLS does not. */
export function withoutTls(host: string): string {
  return `${host} is spoken to without TLS, since --plain-http or the configuration says so; if it has TLS, take that out`;
}

/** Node's and undici's code; with several addresses tried, the one of the first. */
function codeOf(thrown: unknown): string {
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return codeOf(thrown.errors[0]);
  const { code, cause } = (thrown ?? {}) as { code?: unknown; cause?: unknown };
  if (typeof code === 'string') return code;
  return cause === undefined ? '' : codeOf(cause);
}
