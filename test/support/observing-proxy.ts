import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request that a proxy has passed on. */
interface SeenRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
}

/** Called before a request is passed on, which waits for the promise. */
type Before = (seen: SeenRequest) => Promise<unknown> | undefined;

/** A proxy in front of a real registry: it records requests and passes on streams as they are, of any size. */
export interface ObservingProxy {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** All requests since the last `begin`, in order. */
  readonly requests: readonly SeenRequest[];
  /** Begins a run. */
  begin(before?: Before): void;
  /** Number of requests whose method and path match. */
  count(method: RegExp, path?: RegExp): number;
  stop(): Promise<void>;
}

/** @param upstream `127.0.0.1:PORT` of the registry */
export async function startObservingProxy(upstream: string): Promise<ObservingProxy> {
  const state = { requests: [] as SeenRequest[], before: (() => undefined) as Before };
  const [host, port] = upstream.split(':');
  const server = createServer(async (incoming, outgoing) => {
    const { method = '', url = '', headers } = incoming;
    const seen = { method, path: url };
    state.requests.push(seen);
    try {
      await state.before(seen);
    } catch {
      outgoing.destroy();
      return;
    }
    // The Host header stays, so that upload sessions have this proxy's address.
    const onward = request({ host, port, method, path: url, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
      answer.on('error', () => outgoing.destroy());
    });
    onward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => onward.destroy());
    incoming.pipe(onward);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    get requests() {
      return state.requests;
    },
    begin(before = () => undefined) {
      Object.assign(state, { requests: [], before });
    },
    count: (method, path = /(?:)/) =>
      state.requests.filter((seen) => method.test(seen.method) && path.test(seen.path)).length,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
