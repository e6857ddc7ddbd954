import { once } from 'node:events';
import { createServer, request as forward } from 'node:http';
import { type AddressInfo, connect } from 'node:net';

/** An HTTP proxy that connects every request and tunnel to one address: for hosts that do not exist here, such as ECR's. */
export interface Tunnel {
  /** `http://127.0.0.1:PORT`, for HTTP_PROXY. */
  readonly url: string;
  /** Requested hosts, in order. */
  readonly requestedHosts: readonly string[];
  stop(): Promise<void>;
}

export async function startTunnel(to: string): Promise<Tunnel> {
  const asked: string[] = [];
  const [host, port] = to.split(':');
  // Plain HTTP comes with the whole URL (RFC 9112, absolute form), TLS through CONNECT.
  const server = createServer((incoming, outgoing) => {
    const url = new URL(incoming.url ?? '');
    asked.push(url.host);
    const { method, headers } = incoming;
    const onward = forward({ host, port, method, headers, path: url.pathname + url.search }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  });
  server.on('connect', (request, socket, head) => {
    asked.push(request.url ?? '');
    const onward = connect({ host, port: Number(port) }, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.write(head);
      onward.pipe(socket).pipe(onward);
    });
    onward.on('error', () => socket.destroy());
    socket.on('error', () => onward.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requestedHosts: asked,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** An environment in which the tunnel leads to ECR's hosts, and the endpoint is its control plane. */
export function ecrEnvironment(endpoint: string, tunnel: Tunnel): Record<string, string> {
  return {
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI',
    AWS_ENDPOINT_URL_ECR: endpoint,
    HTTP_PROXY: tunnel.url,
    NO_PROXY: '127.0.0.1',
  };
}
