import { isIP } from 'node:net';
import type { SecureContext, TLSSocket } from 'node:tls';
import buildConnector from 'undici/lib/core/connect.js';
import { connectFirst } from './addresses.ts';
import { ClosedAfterCertificateRequest } from './certificate-refusal.ts';
import { type Connector, openSocket } from './connector.ts';
import { CONNECT_TIMEOUT, codedError } from './error-codes.ts';

/**
 * Creates a connector with TLS.
 * @param timeout milliseconds for connection and handshake together
 * @param hasCertificate true when the context contains a client certificate
 */
export function secureConnector(secureContext: SecureContext, timeout: number, hasCertificate: boolean): Connector {
  const handshake = buildConnector({ secureContext, timeout: 0, allowH2: false });
  return (options, callback) => {
    const startedAt = performance.now();
    const endpoint = { hostname: options.hostname, port: Number(options.port) || 443 };
    connectFirst(endpoint, timeout, openSocket).then(
      (httpSocket) => {
        const socket = handshake({ ...options, ...serverName(options), httpSocket }, (...result) => {
          clearTimeout(limit);
          callback(...result);
        }) as TLSSocket;
        watchCertificateRequest(socket, hasCertificate);
        const timeoutError = codedError('the TLS handshake took too long', CONNECT_TIMEOUT);
        const limit = setTimeout(
          () => socket.destroy(timeoutError),
          Math.max(1, timeout - (performance.now() - startedAt)),
        );
      },
      (error: Error) => callback(error, null),
    );
  };
}

/**
 * Clears a server name that is an IP address: SNI allows host names only (RFC 6066, 3), but undici's proxies pass one.
 */
function serverName({ servername = '' }: Parameters<Connector>[0]): { readonly servername?: string } {
  return isIP(servername) === 0 ? {} : { servername: '' };
}

/**
 * Marks errors of a connection that the server closes before any response, after requesting a client certificate: many
 * servers close it without an alert. Must be called before undici adds its listeners.
 */
export function watchCertificateRequest(socket: TLSSocket, certificateSent: boolean): void {
  // Of the certificate request, Node exposes only the signature algorithms: there are some if it was received.
  const isUnanswered = (): boolean => socket.bytesRead === 0 && (socket.getSharedSigalgs() ?? []).length > 0;
  socket.prependListener('error', (error) => {
    if (isUnanswered()) Object.assign(error, { certificateSent });
  });
  socket.prependListener('end', () => {
    if (isUnanswered()) socket.destroy(new ClosedAfterCertificateRequest(certificateSent));
  });
}
