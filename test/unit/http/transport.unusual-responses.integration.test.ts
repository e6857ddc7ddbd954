import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import type { AirgapEvent } from '../../../src/base/events.ts';
import { readBody } from '../../../src/http/response-body.ts';
import { createTransport, type Transport, type TransportOptions } from '../../../src/http/transport.ts';

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

/** Starts a server that responds to each request with what `answer` writes. */
async function serve(
  answer: (socket: Socket, count: number) => void,
  options: TransportOptions = {},
): Promise<{ http: Transport; url: URL; heads: string[] }> {
  const heads: string[] = [];
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => {});
    socket.on('data', (head) => {
      heads.push(head.toString());
      answer(socket, heads.length);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as { port: number }).port}`;
  const http = createTransport({ plainHttp: [host], retry: { baseDelay: 1, maxDelay: 2 }, ...options });
  cleanup.push(() => {
    for (const socket of open) socket.destroy();
    server.close();
    return http.close();
  });
  return { http, url: new URL(`http://${host}/x`), heads };
}

const what = 'a/b:1';
const text = 'a manifest '.repeat(100);
const head = (...lines: readonly string[]): string => `${['HTTP/1.1 200 OK', ...lines].join('\r\n')}\r\n\r\n`;

describe('a response with long headers', () => {
  it.each([
    [200, true],
    [300, false],
  ])('of %s kB is accepted: %s', async (kilobytes, isTaken) => {
    const cookie = `Set-Cookie: a=${'x'.repeat(1000)}`;
    const { http, url } = await serve(
      (socket) => socket.write(`${head('Content-Length: 2', ...Array.from({ length: kilobytes }, () => cookie))}ok`),
      { retry: { attempts: 1 } },
    );
    const isSuccess = http.request({ method: 'GET', url, what }).then(({ status }) => status === 200);
    await (isTaken
      ? expect(isSuccess).resolves.toBe(true)
      : expect(isSuccess).rejects.toMatchObject({ code: 'network' }));
  });
});

describe('a redirect to an overlong URL', () => {
  it.each([
    `http://${'h'.repeat(200_000)}.example/`,
    `//${'h'.repeat(200_000)}`,
    `${'x'.repeat(200_000)}://y`,
    `http://[${'h'.repeat(200_000)}`,
  ])('is an error with a readable message: %.20s', async (location) => {
    const { http, url } = await serve((socket) =>
      socket.write(`HTTP/1.1 307 Elsewhere\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`),
    );
    const error = await http.request({ method: 'GET', url, what }).catch((one: unknown) => one);
    expect(error).toMatchObject({ code: 'registry' });
    expect((error as Error).message.length).toBeLessThan(1000);
  });
});

describe('a response with two body lengths', () => {
  it.each([
    ['twice', ['Content-Length: 2', 'Content-Length: 2']],
    ['with Transfer-Encoding', ['Content-Length: 2', 'Transfer-Encoding: chunked']],
  ])('is rejected without a retry: %s', async (_, lines) => {
    const { http, url, heads } = await serve((socket) => socket.write(`${head(...lines)}2\r\nok\r\n0\r\n\r\n`));
    await expect(http.request({ method: 'GET', url, what })).rejects.toMatchObject({
      code: 'network',
      message: expect.stringContaining('Content-Length'),
      hint: expect.stringContaining('front end'),
    });
    expect(heads).toHaveLength(1);
  });
});

describe('a compressed response', () => {
  it('is not requested', async () => {
    const { http, url, heads } = await serve((socket) => socket.write(`${head('Content-Length: 2')}ok`));
    await http.request({ method: 'GET', url, what });
    expect(heads[0]).toMatch(/^accept-encoding: identity\r$/im);
  });

  const read = async (bytes: Uint8Array, encoding: string, limit = 10_000): Promise<string> => {
    const { http, url } = await serve((socket) => {
      socket.write(head(`Content-Length: ${bytes.length}`, `Content-Encoding: ${encoding}`));
      socket.write(bytes);
    });
    return Buffer.from(await readBody(await http.request({ method: 'GET', url, what }), limit, what)).toString();
  };

  it.each(['gzip', 'x-gzip', 'GZIP'])('is decompressed anyway: %s', async (encoding) => {
    expect(await read(gzipSync(text), encoding)).toBe(text);
  });

  it.each([
    ['gzip', Buffer.from(text)],
    ['identity', Buffer.from(text)],
    ['br', Buffer.from(text)],
  ])('is detected by its bytes, not only by its header (%s)', async (encoding, bytes) => {
    expect(await read(bytes, encoding)).toBe(text);
  });

  it('that exceeds the limit or is damaged is rejected', async () => {
    await expect(read(gzipSync(Buffer.alloc(1_000_000)), 'gzip')).rejects.toMatchObject({ code: 'registry' });
    await expect(read(gzipSync(text).subarray(0, 20), 'gzip')).rejects.toMatchObject({ code: 'registry' });
  });
});

describe('a missing response', () => {
  it('has its own maximum number of attempts', async () => {
    const events: AirgapEvent[] = [];
    const { http, url, heads } = await serve(
      (socket, count) => {
        if (count === 1) socket.resetAndDestroy();
      },
      { emit: (event) => events.push(event) },
    );
    await expect(http.request({ method: 'GET', url, what, headersTimeout: 100, maxTimeouts: 2 })).rejects.toMatchObject(
      {
        code: 'network',
      },
    );
    expect(heads).toHaveLength(3);
    expect(events.filter(({ type }) => type === 'retry')).toHaveLength(2);
  });
});
