import { once } from 'node:events';
import { request } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Pair } from '../certificate.ts';
import { startRegistry, type TestRegistry } from '../registry.ts';

/** The public route of a cluster's registry: TLS, and tokens for whoever has the token of the cluster as password. */
export interface RegistryRoute {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** The registry behind it, which tests fill and read without TLS. */
  readonly registry: TestRegistry;
  /** Requests so far: `METHOD PATH`. */
  readonly requests: readonly string[];
  /** Passwords with which clients asked for a token. */
  readonly passwords: ReadonlySet<string>;
  stop(): Promise<void>;
}

/**
 * Starts a docker-registry and its route. As OpenShift's registry, it challenges with a realm `/openshift/token` of its own host, and
 * takes any user name.
 * @param clusterToken token of the only user, its password
 */
export async function startRoute(certificate: Pair, clusterToken: string): Promise<RegistryRoute> {
  const registry = await startRegistry();
  const requests: string[] = [];
  const passwords = new Set<string>();
  const issued = `issued-for-${clusterToken}`;
  const server = createServer(certificate, (incoming, outgoing) => {
    const { method = 'GET', url = '/', headers } = incoming;
    requests.push(`${method} ${url}`);
    const send = (status: number, body: object, more: Readonly<Record<string, string>> = {}): void => {
      incoming.resume();
      outgoing.writeHead(status, { 'content-type': 'application/json', ...more }).end(JSON.stringify(body));
    };
    if (url.startsWith('/openshift/token')) {
      const [, login = ''] = /^Basic (.+)$/.exec(headers.authorization ?? '') ?? [];
      const account = Buffer.from(login, 'base64').toString();
      const password = account.slice(account.indexOf(':') + 1);
      if (account !== '') passwords.add(password);
      if (password !== clusterToken) return send(401, { details: 'unauthorized' });
      return send(200, { access_token: issued, token: issued, expires_in: 3600 });
    }
    if (headers.authorization !== `Bearer ${issued}`) {
      const challenge = `Bearer realm="https://${headers.host}/openshift/token"`;
      return send(401, { errors: [{ code: 'UNAUTHORIZED' }] }, { 'www-authenticate': challenge });
    }
    const { authorization: _, ...others } = headers;
    const forwarded = request(
      {
        host: '127.0.0.1',
        port: registry.host.split(':')[1],
        method,
        path: url,
        headers: { ...others, 'x-forwarded-proto': 'https' },
      },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    forwarded.on('error', () => outgoing.destroy());
    incoming.pipe(forwarded);
    return undefined;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
    await registry.stop();
  };
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, registry, requests, passwords, stop };
}
