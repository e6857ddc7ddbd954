import { isIP } from 'node:net';
import type { SecureContext, TLSSocket } from 'node:tls';
import buildConnector from 'undici/lib/core/connect.js';
import { connectFirst } from './addresses.ts';
import { ClosedUnanswered } from './certificate-refusal.ts';
import { type Connector, openSocket } from './connector.ts';
import { CONNECT_TIMEOUT, codedError } from './error-codes.ts';

/**
 * Connects with TLS.
 * @param timeout milliseconds for connection and handshake together
 * @param hasCertificate whether the context holds a client certificate
 */
export function secureConnector(secureContext: SecureContext, timeout: number, hasCertificate: boolean): Connector {
  const handshake = buildConnector({ secureContext, timeout: 0, allowH2: false });
  return (options, callback) => {
    const began = performance.now();
    const endpoint = { hostname: options.hostname, port: Number(options.port) || 443 };
    connectFirst(endpoint, timeout, openSocket).then(
      (httpSocket) => {
        const socket = handshake({ ...options, ...serverName(options), httpSocket }, (...result) => {
          clearTimeout(limit);
          callback(...result);
        }) as TLSSocket;
        watchCertificateRequest(socket, hasCertificate);
        const late = codedError('the TLS handshake took too long', CONNECT_TIMEOUT);
        const limit = setTimeout(() => socket.destroy(late), Math.max(1, timeout - (performance.now() - began)));
      },
      (error: Error) => callback(error, null),
    );
  };
}

/** An address is no name to be sent (RFC 6066, 3), though undici's proxies give theirs for one. */
function serverName({ servername = '' }: Parameters<Connector>[0]): { readonly servername?: string } {
  return isIP(servername) === 0 ? {} : { servername: '' };
}

/**
 * Marks the error of a connection that the server ends before it has answered anything, where it asked for a client
 * certificate: many servers close the connection then and say nothing. To be called before undici listens.
 */
export function watchCertificateRequest(socket: TLSSocket, certificateSent: boolean): void {
  // Of what the server asks, Node shows the signature algorithms alone. They are there when it asked for a certificate.
  const isUnanswered = (): boolean => socket.bytesRead === 0 && (socket.getSharedSigalgs() ?? []).length > 0;
  socket.prependListener('error', (error) => {
    if (isUnanswered()) Object.assign(error, { certificateSent });
  });
  socket.prependListener('end', () => {
    if (isUnanswered()) socket.destroy(new ClosedUnanswered(certificateSent));
  });
}
