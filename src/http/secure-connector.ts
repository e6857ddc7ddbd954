import { isIP, type Socket } from 'node:net';
import { type SecureContext, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { connectFirst } from './addresses.ts';
import { ClosedAfterCertificateRequest } from './certificate-refusal.ts';
import { type Connector, openSocket } from './connector.ts';
import { CONNECT_TIMEOUT, codedError } from './error-codes.ts';

/** HTTP/1.1 only (dispatchers.ts), and reads of one TLS record, the most that Node hands on at once. */
const TLS_OPTIONS = { ALPNProtocols: ['http/1.1'], highWaterMark: 16 * 1024 };

/**
 * Creates a connector with TLS. Its connections to one server resume each other's sessions.
 * @param timeout milliseconds for connection and handshake together
 * @param hasCertificate true when the context contains a client certificate
 */
export function secureConnector(secureContext: SecureContext, timeout: number, hasCertificate: boolean): Connector {
  const sessions = new Map<string, Buffer>();
  const handshake = (plainSocket: Socket, host: string, name: string, deadline: number): Promise<TLSSocket> =>
    new Promise((resolve, reject) => {
      const socket = tlsConnect({
        socket: plainSocket,
        host,
        // SNI allows host names only (RFC 6066, 3).
        servername: isIP(name) === 0 ? name : '',
        secureContext,
        session: sessions.get(name),
        ...TLS_OPTIONS,
      });
      watchCertificateRequest(socket, hasCertificate);
      const timeoutError = codedError('the TLS handshake took too long', CONNECT_TIMEOUT);
      const limit = setTimeout(() => socket.destroy(timeoutError), Math.max(1, deadline - performance.now()));
      socket.on('session', (session) => sessions.set(name, session));
      socket.once('secureConnect', () => {
        clearTimeout(limit);
        resolve(socket);
      });
      socket.on('error', (error) => {
        clearTimeout(limit);
        reject(error);
      });
    });
  return ({ hostname, port, servername }, callback) => {
    const deadline = performance.now() + timeout;
    connectFirst({ hostname, port: Number(port) || 443 }, timeout, openSocket)
      .then((plainSocket) => handshake(plainSocket, hostname, servername || hostname, deadline))
      .then(
        (socket) => callback(null, socket),
        (error: Error) => callback(error, null),
      );
  };
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
