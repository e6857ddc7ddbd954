import { once } from 'node:events';
import { type IncomingMessage, request, type ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { issued } from './certificate.ts';
import { startMirantis, type TestMirantis } from './mirantis.ts';
import { startRegistry, type TestRegistry } from './registry.ts';
import { tokenGate } from './token-gate.ts';

/** The stand-in for Mirantis Secure Registry, with the content of a real registry, over TLS; `/v2/` takes tokens. */
export interface TlsMirantis {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** PEM certificate of its authority. */
  readonly ca: string;
  readonly api: TestMirantis;
  /** Its content, without TLS and login. */
  readonly content: TestRegistry;
  /** `METHOD /path` of the requests of `/v2/`. */
  readonly contentRequests: string[];
  stop(): Promise<void>;
}

/** @param account an administrator's `name:token`, for API and content */
export async function startTlsMirantis(account: string): Promise<TlsMirantis> {
  const [name = '', password = ''] = account.split(':');
  const { ca, ...pair } = issued('registry.test');
  const content = await startRegistry();
  const api = await startMirantis({ content: content.host });
  api.state.user(name, { isAdmin: true, password });
  const gate = tokenGate(account);
  const contentRequests: string[] = [];
  const server = createServer(pair, (incoming, outgoing) => {
    const { method, url = '' } = incoming;
    const isContent = url.startsWith('/v2/');
    if (isContent) contentRequests.push(`${method} ${url}`);
    const answer = isContent || url.startsWith('/token') ? gate.answer(incoming) : undefined;
    if (answer === undefined) return passOn(api.host, incoming, outgoing);
    incoming.resume();
    outgoing.writeHead(answer.status, answer.headers).end(answer.body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...{ ca, api, content, contentRequests },
    async stop() {
      server.closeAllConnections();
      server.close();
      await Promise.all([once(server, 'close'), api.stop(), content.stop()]);
    },
  };
}

function passOn(host: string, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const { method, url } = incoming;
  // The registry names addresses for uploads.
  const headers = { ...incoming.headers, 'x-forwarded-proto': 'https' };
  const passed = request(`http://${host}${url}`, { method, headers }, (response) => {
    outgoing.writeHead(response.statusCode ?? 502, response.headers);
    response.pipe(outgoing);
  });
  passed.on('error', () => outgoing.destroy());
  incoming.pipe(passed);
}
