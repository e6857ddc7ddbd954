import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import type { ServedRepository } from '../../../src/serve/content.ts';
import { Registry } from '../../../src/serve/registry.ts';
import { type RunningServer, startServer } from '../../../src/serve/server.ts';

const EMPTY: ServedRepository = { tags: new Map(), manifests: new Map(), blobs: new Map(), referrers: new Map() };

let server: RunningServer;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server.stop(0);
});

/** Starts a server with so many repositories. */
async function start(repositories: number, stalledTimeout?: number): Promise<void> {
  const names = Array.from({ length: repositories }, (_, index) => `team/repository-with-a-long-name-${index}`);
  const registry = new Registry(new Map(names.map((name) => [name, EMPTY])));
  const options = { registry, onRequest: () => {}, onFailure: () => {} };
  server = await startServer(
    { host: '127.0.0.1', port: 0 },
    { ...options, ...(stalledTimeout !== undefined && { stalledTimeout }) },
  );
}

async function open(): Promise<Socket> {
  const socket = connect(server.address.port, '127.0.0.1').on('error', () => {});
  sockets.push(socket);
  await once(socket, 'connect');
  return socket;
}

/** Sends a request, and waits for the first bytes of its answer. */
async function ask(socket: Socket): Promise<string> {
  socket.write('GET /v2/ HTTP/1.1\r\nHost: r\r\n\r\n');
  const closed = once(socket, 'close').then(() => 'closed');
  return Promise.race([once(socket, 'data').then(([data]) => String(data).split('\r\n')[0] ?? ''), closed]);
}

test('a client that does not take a list is left', async () => {
  // More than the buffers of both sockets.
  await start(300_000, 200);
  const socket = await open();
  const answered = once(socket, 'readable');
  socket.write('GET /v2/_catalog HTTP/1.1\r\nHost: r\r\n\r\n');
  await answered;
  await sleep(1500);
  let bytes = 0;
  socket.on('data', (data: Buffer) => {
    bytes += data.length;
  });
  await once(socket, 'close');
  expect(bytes).toBeLessThan(300_000 * 30);
});

test('connections of an address that has too many give way to its next attempt', async () => {
  await start(1);
  const idle: Socket[] = [];
  for (let count = 0; count < 512; count++) {
    const socket = await open();
    if (count % 64 === 0) idle.push(socket);
  }
  // Of those that were used, all are idle.
  for (const socket of idle) expect(await ask(socket)).toBe('HTTP/1.1 200 OK');
  expect(await ask(await open())).toBe('closed');
  expect(await ask(await open())).toBe('HTTP/1.1 200 OK');
});
