import { isIP } from 'node:net';
import { type PeerCertificate, connect as tlsConnect } from 'node:tls';
import { connectFirst } from './addresses.ts';
import { openSocket } from './connector.ts';

/** What a server says about itself in the TLS handshake. */
export interface ServerCertificate {
  /** Name of the authority that signed it; its text is foreign. */
  readonly issuer: string;
  readonly expires: Date;
}

/**
 * Reads the certificate of a server that has been verified before: this connection verifies nothing and sends nothing.
 * @param timeout milliseconds
 * @returns undefined if there is no connection
 */
export async function readServerCertificate(url: URL, timeout: number): Promise<ServerCertificate | undefined> {
  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  try {
    const plainSocket = await connectFirst({ hostname, port: Number(url.port) || 443 }, timeout, openSocket);
    const certificate = await new Promise<PeerCertificate>((resolve, reject) => {
      const socket = tlsConnect({
        socket: plainSocket,
        servername: isIP(hostname) === 0 ? hostname : '',
        rejectUnauthorized: false,
      });
      socket.setTimeout(timeout, () => socket.destroy(new Error('timeout')));
      socket.on('error', reject).once('secureConnect', () => {
        resolve(socket.getPeerCertificate());
        socket.destroy();
      });
    });
    const { O: organization, CN: name } = (certificate.issuer ?? {}) as Partial<Record<string, string | string[]>>;
    const expires = new Date(certificate.valid_to);
    if (Number.isNaN(expires.getTime())) return undefined;
    return { issuer: [organization ?? name ?? 'unknown'].flat().join(', ').slice(0, 100), expires };
  } catch {
    return undefined;
  }
}
