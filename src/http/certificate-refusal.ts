import { codeOf } from './error-codes.ts';
import type { Retryable } from './retry.ts';

/** Details of a failed connection whose server requested a client certificate (RFC 8446, 4.3.2). */
interface CertificateRequest {
  /** True when a certificate was sent. */
  readonly certificateSent: boolean;
}

/** Thrown when a server requests a client certificate and then closes the connection without a response. */
export class ClosedAfterCertificateRequest extends Error implements CertificateRequest {
  readonly code = 'ECONNRESET';

  readonly certificateSent: boolean;

  constructor(certificateSent: boolean) {
    super('closed after requesting a client certificate');
    this.certificateSent = certificateSent;
  }
}

/** Reasons for rejecting a client certificate, by TLS alert (RFC 8446, 6.2) as OpenSSL spells it. */
const ALERT_REASONS: readonly (readonly [alert: RegExp, reason: string])[] = [
  [/ALERT_CERTIFICATE_EXPIRED$/, 'it has expired'],
  [/ALERT_CERTIFICATE_REVOKED$/, 'it was revoked'],
  [/ALERT_UNKNOWN_CA$/, 'the registry does not trust the CA that signed it'],
  [/ALERT_UNSUPPORTED_CERTIFICATE$/, 'the registry does not support its type'],
  [/ALERT_(?:BAD_CERTIFICATE|CERTIFICATE_UNKNOWN|ACCESS_DENIED)$/, 'the registry gave no reason'],
];

/** Hint for a host that requires a client certificate. */
export function clientCertificateHint(host: string): string {
  return `pass one with --client-cert ${host}=FILE and --client-key ${host}=FILE, or install it as client.cert and client.key in certs.d/${host} under /etc/docker or ~/.config/containers`;
}

/** Hint for a client certificate that the host rejected. */
export function rejectedCertificateHint(host: string): string {
  return `use a certificate issued by a CA that the registry trusts: --client-cert ${host}=FILE`;
}

/**
 * Describes a failure caused by a missing or rejected client certificate; undefined for any other failure.
 * @param name of the server or proxy, for messages
 * @param host its `host[:port]`
 */
export function describeCertificateRefusal(
  thrown: unknown,
  { name, host, isProxy }: { readonly name: string; readonly host: string; readonly isProxy: boolean },
): { readonly retryable: Retryable; readonly message: string; readonly hint: string } | undefined {
  const code = codeOf(thrown);
  const request = certificateRequestOf(thrown);
  const alert = ALERT_REASONS.find(([pattern]) => pattern.test(code));
  const isRequired = /ALERT_CERTIFICATE_REQUIRED$/.test(code);
  if (request === undefined && alert === undefined && !isRequired) return undefined;
  // Node's servers and some proxies close the connection without an alert; so does a server that restarts.
  const retryable = /ALERT_/.test(code) ? 'no' : 'few';
  if (isProxy) {
    return {
      retryable,
      message: `${name} requires a client certificate`,
      hint: 'client certificates are never sent to a proxy: use a proxy that does not require one',
    };
  }
  if (request?.certificateSent !== true) {
    return {
      retryable,
      message: `${name} requires a client certificate`,
      hint: clientCertificateHint(host),
    };
  }
  const reason = alert === undefined ? 'it closed the connection' : alert[1];
  return {
    retryable,
    message: `${name} rejected the client certificate: ${reason}`,
    hint: rejectedCertificateHint(host),
  };
}

/** Finds the certificate request recorded on an error or on one of its causes. */
function certificateRequestOf(thrown: unknown): CertificateRequest | undefined {
  const { certificateSent, cause } = (thrown ?? {}) as Partial<CertificateRequest> & { readonly cause?: unknown };
  if (certificateSent !== undefined) return { certificateSent };
  return cause === undefined ? undefined : certificateRequestOf(cause);
}
