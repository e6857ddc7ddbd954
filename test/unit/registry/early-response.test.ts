import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createServer, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { acquireBuffer } from '../../../src/oci/buffer-pool.ts';
import { clientFor, describeBytes } from './set-up.ts';

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

/** Starts a registry that responds after the request headers, without waiting for the body. */
async function startEarlyRegistry(): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      const [method] = chunk.toString('latin1').split(' ');
      if (method === 'POST') socket.write('HTTP/1.1 202 Accepted\r\nlocation: /up\r\ncontent-length: 0\r\n\r\n');
      if (method === 'PUT') socket.write('HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanup.push(() => server.close());
  return `127.0.0.1:${(server.address() as { port: number }).port}`;
}

/** Makes connections send only the headers of an upload, as if the server did not read its body. */
function stopBodies(): void {
  type Writev = (chunks: readonly unknown[], done: (error?: Error | null) => void) => void;
  const stop = (message: unknown): void => {
    const { request, socket } = message as { request: { method: string }; socket: Socket & { _writev: Writev } };
    if (request.method !== 'PUT') return;
    const writev = socket._writev;
    socket._writev = (chunks) => writev.call(socket, chunks.slice(0, 1), () => {});
  };
  subscribe('undici:client:sendHeaders', stop);
  cleanup.push(() => unsubscribe('undici:client:sendHeaders', stop));
}

async function upload(): Promise<{ isReleased: boolean }> {
  const host = await startEarlyRegistry();
  const client = clientFor([host]);
  cleanup.push(() => client.close());
  const bytes = Buffer.alloc(100_000, 'a');
  let isReleased = false;
  acquireBuffer(bytes, () => {
    isReleased = true;
  });
  const body = { size: bytes.length, open: async () => Readable.from([bytes]) };
  expect(await client.putBlob({ registry: host, path: 'a/b' }, describeBytes(bytes), body)).toBe('stored');
  return { isReleased };
}

describe('the memory of a small blob', () => {
  it('is released when it has been sent', async () => {
    expect(await upload()).toEqual({ isReleased: true });
  });

  it('is not released before it has been sent, even after a response: the registry would receive its next content', async () => {
    stopBodies();
    expect(await upload()).toEqual({ isReleased: false });
  });
});
