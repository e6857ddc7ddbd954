import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/** A web server on loopback, without TLS. */
export interface FileServer {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** Paths that were asked for and are there. */
  readonly served: ReadonlySet<string>;
  stop(): Promise<void>;
}

/**
 * Serves the files of a folder under a path. Archives have the type by which Helm 3 knows them.
 * @param path begins with a slash, e.g. `/v0.1.0`
 */
export async function serveFiles(folder: string, path: string): Promise<FileServer> {
  const served = new Set<string>();
  const server = createServer(({ url = '', method }, response) => {
    const name = url.startsWith(`${path}/`) ? url.slice(path.length + 1) : '';
    const file = join(folder, name);
    if (!/^[\w.+-]+$/.test(name) || !existsSync(file)) return void response.writeHead(404).end();
    served.add(url);
    const type = name.endsWith('.tgz') ? 'application/gzip' : 'text/plain';
    response.writeHead(200, { 'content-type': type }).end(method === 'HEAD' ? undefined : readFileSync(file));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    served,
    stop: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
