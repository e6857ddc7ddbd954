import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { helmUnderTest, program } from './cli.ts';

/** A Helm chart repository on loopback, without TLS. */
export interface ChartRepository {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** Folder of its archives. */
  readonly folder: string;
  stop(): Promise<void>;
}

/** Packages chart folders, and serves them with an index. @param home folder for Helm and the archives */
export async function startChartRepository(home: string, charts: readonly string[]): Promise<ChartRepository> {
  const folder = join(home, 'chart-repository');
  mkdirSync(folder);
  for (const chart of charts) await program(helmUnderTest(), ['package', chart, '-d', folder], home);
  const server = createServer(({ url = '' }, response) => {
    const file = join(folder, basename(url));
    if (existsSync(file) && url !== '/') response.end(readFileSync(file));
    else response.writeHead(404).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await program(helmUnderTest(), ['repo', 'index', folder, '--url', url], home);
  return {
    url,
    folder,
    stop: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
