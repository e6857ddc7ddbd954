import { codeOf } from './error-codes.ts';
import type { Retryable } from './retry.ts';

/** What is known of a failed connection whose server asked for a client certificate (RFC 8446, 4.3.2). */
interface CertificateRequest {
  /** Whether it got one. */
  readonly certificateSent: boolean;
}

/** A server ended a connection before it answered anything, after it had asked for a client certificate. */
export class ClosedUnanswered extends Error implements CertificateRequest {
  readonly code = 'ECONNRESET';

  readonly certificateSent: boolean;

  constructor(certificateSent: boolean) {
    super('closed after a client certificate was asked for');
    this.certificateSent = certificateSent;
  }
}

/** What a server says of a client certificate, by the alert of TLS (RFC 8446, 6.2) in OpenSSL's words. */
const ALERTS: readonly (readonly [alert: RegExp, reason: string])[] = [
  [/ALERT_CERTIFICATE_EXPIRED$/, 'it has expired'],
  [/ALERT_CERTIFICATE_REVOKED$/, 'it was revoked'],
  [/ALERT_UNKNOWN_CA$/, 'the registry does not know the authority that signed it'],
  [/ALERT_UNSUPPORTED_CERTIFICATE$/, 'the registry does not support its kind'],
  [/ALERT_(?:BAD_CERTIFICATE|CERTIFICATE_UNKNOWN|ACCESS_DENIED)$/, 'the registry gives no reason'],
];

/** How to give a host the client certificate that it wants. */
export function clientCertificateHint(host: string): string {
  return `give it with --client-cert ${host}=FILE and --client-key ${host}=FILE, or as client.cert and client.key in certs.d/${host} of /etc/docker or ~/.config/containers`;
}

/** What to do about one that the host does not accept. */
export function otherCertificateHint(host: string): string {
  return `have one issued by the authority that the registry trusts; --client-cert ${host}=FILE names it`;
}

/**
 * A failure that is about the client certificate: there is none, or the server refuses it. Undefined for all others.
 * @param peer of the connection, as messages name it, and its `host[:port]`
 */
export function describeCertificateRefusal(
  thrown: unknown,
  { name, host, isProxy }: { readonly name: string; readonly host: string; readonly isProxy: boolean },
): { readonly retryable: Retryable; readonly message: string; readonly hint: string } | undefined {
  const code = codeOf(thrown);
  const request = certificateRequestOf(thrown);
  const alert = ALERTS.find(([pattern]) => pattern.test(code));
  const isRequired = /ALERT_CERTIFICATE_REQUIRED$/.test(code);
  if (request === undefined && alert === undefined && !isRequired) return undefined;
  // Node's servers and some proxies close the connection instead of saying why, and so does whatever restarts.
  const retryable = /ALERT_/.test(code) ? 'no' : 'few';
  if (isProxy) {
    return {
      retryable,
      message: `${name} wants a client certificate`,
      hint: 'no client certificate is given to a proxy',
    };
  }
  if (request?.certificateSent !== true) {
    return {
      retryable,
      message: `${name} wants a client certificate`,
      hint: clientCertificateHint(host),
    };
  }
  const reason = alert === undefined ? 'it closed the connection' : alert[1];
  return {
    retryable,
    message: `${name} does not accept the client certificate: ${reason}`,
    hint: otherCertificateHint(host),
  };
}

/** What the error of a connection, or what caused it, knows of a request for a client certificate. */
function certificateRequestOf(thrown: unknown): CertificateRequest | undefined {
  const { certificateSent, cause } = (thrown ?? {}) as Partial<CertificateRequest> & { readonly cause?: unknown };
  if (certificateSent !== undefined) return { certificateSent };
  return cause === undefined ? undefined : certificateRequestOf(cause);
}
