import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { AirgapEvent } from '../../../src/base/events.ts';
import { HEADERS_TIMEOUT, UPLOAD_STALLED } from '../../../src/http/error-codes.ts';
import { readBody } from '../../../src/http/response-body.ts';
import { createTransport, type Transport, type TransportOptions } from '../../../src/http/transport.ts';
import { releaseBuffer } from '../../../src/oci/buffer-pool.ts';
import { type ScriptedServer, type Step, startScript } from '../../support/scripted-server.ts';

const cleanup: (() => Promise<unknown>)[] = [];
// Concurrent tests are cleaned up together.
afterEach(({ task }) => (task.concurrent ? undefined : tidyUp()));

async function tidyUp(): Promise<void> {
  for (const end of cleanup.splice(0).reverse()) await end();
}

async function script(...steps: Step[]): Promise<ScriptedServer> {
  const server = await startScript(steps);
  cleanup.push(() => server.stop());
  return server;
}

function transport(server: ScriptedServer | undefined, options: TransportOptions = {}): Transport {
  const plainHttp = server === undefined ? [] : [server.host];
  const made = createTransport({ plainHttp, retry: { baseDelay: 1, maxDelay: 2 }, ...options });
  cleanup.push(() => made.close());
  return made;
}

const what = 'quay.io/a/b:1';

describe('a request', () => {
  it('is retried after 503 and after a reset, with events', async () => {
    const server = await script(
      { expect: 'GET /x', answer: { status: 503, headers: { 'retry-after': '0' }, body: 'later' } },
      { expect: 'GET /x', answer: 'reset' },
      { expect: 'GET /x', answer: { body: 'there' } },
    );
    const events: AirgapEvent[] = [];
    const http = transport(server, { emit: (event) => events.push(event) });
    const response = await http.request({ method: 'GET', url: new URL('/x', server.url), what });
    expect(await text(response.body)).toBe('there');
    expect(events.map((event) => event.type === 'retry' && event.reason)).toEqual([
      expect.stringMatching(new RegExp(`${server.host} .*503`)),
      expect.stringContaining(`${what}: ${server.host}`),
    ]);
  });

  it('sends its body from the start in every attempt', async () => {
    const server = await script(
      { expect: 'PUT /x', answer: { status: 500 } },
      { expect: 'PUT /x', answer: { status: 201 } },
    );
    let opened = 0;
    const body = {
      length: 6,
      async *open() {
        opened++;
        yield Buffer.from('abc');
        yield Buffer.from('def');
      },
    };
    const response = await transport(server).request({ method: 'PUT', url: new URL('/x', server.url), body, what });
    expect(response.status).toBe(201);
    expect(opened).toBe(2);
    expect(server.seen.map(({ body: received }) => received.toString())).toEqual(['abcdef', 'abcdef']);
  });

  it('reuses the memory of released chunks, without damage to later ones', async () => {
    const content = Buffer.alloc(8_000_000, 'a piece of some length. ');
    const server = await script({ expect: 'GET /x', answer: { body: content } });
    const { body } = await transport(server).request({ method: 'GET', url: new URL('/x', server.url), what });
    let position = 0;
    const memory = new Set<ArrayBufferLike>();
    body.on('data', (chunk: Buffer) => {
      const { length } = chunk;
      expect(chunk.equals(content.subarray(position, position + length))).toBe(true);
      position += length;
      if (length > 65_536) memory.add(chunk.buffer);
      releaseBuffer(chunk);
    });
    await once(body, 'end');
    expect(position).toBe(content.length);
    expect(memory.size).toBeLessThan(8);
  });

  it.each(['chunked', 'of a known length'])(
    'does not overwrite chunks that are not released, of a response %s',
    async (framing) => {
      const content = Buffer.alloc(3_000_000);
      for (let index = 0; index < content.length; index++) content[index] = index * 31 + (index >> 9);
      const server = createHttpServer((_, response) => {
        if (framing !== 'chunked') response.setHeader('content-length', content.length);
        for (let position = 0, size = 1; position < content.length; position += size) {
          size = 1 + ((position * 7919) % 200_000);
          response.write(content.subarray(position, position + size));
        }
        response.end();
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      cleanup.push(async () => server.close());
      const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
      const http = transport(undefined, { plainHttp: [host] });
      for (let round = 0; round < 3; round++) {
        const { body } = await http.request({ method: 'GET', url: new URL(`http://${host}/x`), what });
        const kept: { readonly position: number; readonly chunk: Buffer }[] = [];
        let position = 0;
        body.on('data', (chunk: Buffer) => {
          expect(chunk.equals(content.subarray(position, position + chunk.length))).toBe(true);
          if ((position / 7) & 1) kept.push({ position, chunk });
          position += chunk.length;
          if (kept.at(-1)?.chunk !== chunk) releaseBuffer(chunk);
        });
        await once(body, 'end');
        expect(position).toBe(content.length);
        for (const each of kept) {
          expect(each.chunk.equals(content.subarray(each.position, each.position + each.chunk.length))).toBe(true);
        }
      }
    },
  );

  it('resolves with the last response when no attempt is left', async () => {
    const steps = Array.from({ length: 3 }, () => ({ expect: 'GET /x', answer: { status: 502, body: 'bad' } }));
    const server = await script(...steps);
    const http = transport(server, { retry: { baseDelay: 1, maxDelay: 1, attempts: 3 } });
    const response = await http.request({ method: 'GET', url: new URL('/x', server.url), what });
    expect([response.status, await text(response.body)]).toEqual([502, 'bad']);
  });

  it('can be interrupted while it waits for a response', async () => {
    const abort = new AbortController();
    const server = await script({ expect: 'GET /x', raw: () => abort.abort() });
    const request = { method: 'GET', url: new URL('/x', server.url), what, signal: abort.signal } as const;
    await expect(transport(server).request(request)).rejects.toMatchObject({ code: 'interrupted' });
  });

  it('passes on the error of its body source', async () => {
    const server = await script({ expect: 'PUT /x', raw: () => {} });
    const body = {
      length: 6,
      // biome-ignore lint/correctness/useYield: the source breaks at once
      async *open(): AsyncGenerator<Uint8Array> {
        throw new Error('disk gone');
      },
    };
    const request = { method: 'PUT', url: new URL('/x', server.url), body, what } as const;
    cleanup.pop();
    await expect(transport(undefined, { plainHttp: [server.host] }).request(request)).rejects.toThrow(/disk gone/);
    await server.stop().catch(() => {});
  });
});

describe('a redirect', () => {
  it('to another host drops the credentials', async () => {
    const storage = await script({ expect: 'GET /blob?sig=1', answer: { body: 'layer' } });
    const server = await script({
      expect: 'GET /x',
      answer: { status: 307, headers: { location: `http://${storage.host}/blob?sig=1` } },
    });
    const http = transport(server, { plainHttp: [server.host, storage.host] });
    const headers = { authorization: 'Bearer abcdefgh', range: 'bytes=3-' };
    const response = await http.request({ method: 'GET', url: new URL('/x', server.url), headers, what });
    expect(await text(response.body)).toBe('layer');
    expect(server.seen[0]?.headers.authorization).toBe('Bearer abcdefgh');
    expect(storage.seen[0]?.headers).toMatchObject({ range: 'bytes=3-' });
    expect(storage.seen[0]?.headers.authorization).toBeUndefined();
  });

  it('within the host keeps them', async () => {
    const server = await script(
      { expect: 'GET /x', answer: { status: 302, headers: { location: '/y' } } },
      { expect: 'GET /y', answer: { body: 'there' } },
    );
    const headers = { authorization: 'Bearer abcdefgh' };
    await transport(server).request({ method: 'GET', url: new URL('/x', server.url), headers, what });
    expect(server.seen[1]?.headers.authorization).toBe('Bearer abcdefgh');
  });

  it('that loops is an error', async () => {
    const steps = Array.from({ length: 6 }, () => ({
      expect: 'GET /x',
      answer: { status: 302, headers: { location: '/x' } },
    }));
    const server = await script(...steps);
    const request = { method: 'GET', url: new URL('/x', server.url), what } as const;
    await expect(transport(server).request(request)).rejects.toMatchObject({
      code: 'registry',
      message: expect.stringMatching(new RegExp(`${server.host}.*\\b5\\b`)),
    });
  });

  it('from http to https of the same host is an error for a request with a body', async () => {
    const server = await script({
      expect: 'PUT /x',
      answer: (_request, host) => ({ status: 301, headers: { location: `https://${host}/x` } }),
    });
    const body = { length: 1, open: () => Buffer.from('a') };
    const request = { method: 'PUT', url: new URL('/x', server.url), body, what } as const;
    await expect(transport(server).request(request)).rejects.toMatchObject({
      code: 'registry',
      message: expect.stringMatching(new RegExp(`${server.host}.*https.*301`)),
      hint: expect.stringContaining('--plain-http'),
    });
  });

  it('to a host without TLS is rejected unless it is in plainHttp', async () => {
    const server = await script({
      expect: 'GET /x',
      answer: { status: 302, headers: { location: 'http://storage.example/x' } },
    });
    const request = { method: 'GET', url: new URL('/x', server.url), what } as const;
    await expect(transport(server).request(request)).rejects.toMatchObject({
      code: 'registry',
      hint: expect.stringContaining('--plain-http storage.example'),
    });
  });
});

describe('plain HTTP', () => {
  it('is used for the configured hosts only', async () => {
    const server = await script();
    const http = transport(undefined, { plainHttp: ['registry.example', 'other.example:5000'] });
    expect(http.scheme('registry.example:8080')).toBe('http');
    expect(http.scheme('other.example:5000')).toBe('http');
    expect(http.scheme('other.example')).toBe('https');
    expect(http.scheme('127.0.0.1:5000')).toBe('https');
    const request = { method: 'GET', url: new URL('/x', server.url), what } as const;
    await expect(http.request(request)).rejects.toMatchObject({ code: 'registry' });
    expect(server.seen).toEqual([]);
  });
});

describe('a body', () => {
  it('that is cut off is an error of the stream', async () => {
    const server = await script({
      expect: 'GET /x',
      raw: (response) => {
        response.writeHead(200, { 'content-length': '100' });
        response.write('only this', () => response.socket?.destroy());
      },
    });
    const response = await transport(server).request({ method: 'GET', url: new URL('/x', server.url), what });
    await expect(text(response.body)).rejects.toMatchObject({
      code: 'network',
      message: expect.stringContaining(what),
    });
  });

  it('may be left unread', async () => {
    const body = Buffer.alloc(8 * 1024 * 1024);
    const server = await script(
      { expect: 'GET /x', answer: { body } },
      { expect: 'GET /y', answer: { body: 'there' } },
    );
    const http = transport(server, { connections: 1 });
    const first = await http.request({ method: 'GET', url: new URL('/x', server.url), what });
    first.body.destroy();
    const second = await http.request({ method: 'GET', url: new URL('/y', server.url), what });
    expect(await text(second.body)).toBe('there');
  });

  it('is not read beyond its limit', async () => {
    const server = await script({ expect: 'GET /x', answer: { body: 'x'.repeat(2000) } });
    const response = await transport(server).request({ method: 'GET', url: new URL('/x', server.url), what });
    await expect(readBody(response, 1000, what)).rejects.toMatchObject({ code: 'registry' });
  });
});

describe('a request without a response', () => {
  it('reports a refused connection', async () => {
    const port = await closedPort();
    const host = `127.0.0.1:${port}`;
    const http = transport(undefined, { plainHttp: [host] });
    const request = { method: 'GET', url: new URL(`http://${host}/x`), what } as const;
    await expect(http.request(request)).rejects.toMatchObject({
      code: 'network',
      message: expect.stringContaining(`${what}: ${host} `),
      cause: { code: 'ECONNREFUSED' },
    });
  });

  it('reports that the server uses TLS', async () => {
    const alert = Buffer.from([21, 3, 1, 0, 2, 2, 70]);
    const server = createServer((socket) => socket.on('error', () => {}).once('data', () => socket.end(alert)));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanup.push(async () => server.close());
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const http = transport(undefined, { plainHttp: [host] });
    await expect(http.request({ method: 'GET', url: new URL(`http://${host}/x`), what })).rejects.toMatchObject({
      code: 'network',
      message: expect.stringMatching(new RegExp(`${host}.*TLS`)),
      hint: expect.stringContaining('--plain-http'),
    });
  });

  it.each(['http', 'https', 'socks5'])('reports that the %s proxy cannot be reached', async (scheme) => {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    const proxy = `${scheme}://user:geheim@127.0.0.1:${port}`;
    const http = transport(undefined, { env: { HTTPS_PROXY: proxy, HTTP_PROXY: proxy }, plainHttp: ['plain.test'] });
    for (const url of ['https://registry.test/x', 'http://plain.test/x']) {
      const response = http.request({ method: 'GET', url: new URL(url), what });
      await expect(response).rejects.toMatchObject({
        code: 'network',
        message: expect.stringMatching(new RegExp(`proxy 127\\.0\\.0\\.1:${port} .*${new URL(url).host}`)),
        cause: { cause: { code: 'ECONNREFUSED' } },
        hint: expect.stringContaining(url.startsWith('https') ? 'HTTPS_PROXY' : 'HTTP_PROXY'),
      });
      await expect(response).rejects.not.toThrow(/geheim/);
    }
  });

  it('reports a host name that does not exist', async () => {
    const http = transport(undefined, { plainHttp: ['no-such-host.invalid'] });
    const request = { method: 'GET', url: new URL('http://no-such-host.invalid/x'), what } as const;
    await expect(http.request(request)).rejects.toMatchObject({
      message: expect.stringContaining('no-such-host.invalid'),
      cause: { code: 'ENOTFOUND' },
    });
  });
});

/** Concurrent, because they only wait: half a second at least, the resolution of undici's timers. */
describe.concurrent('a time limit', () => {
  afterAll(tidyUp);

  it('is set by Retry-After', async ({ expect }) => {
    const server = await script(
      { expect: 'GET /x', answer: { status: 429, headers: { 'retry-after': '1' } } },
      { expect: 'GET /x', answer: { body: 'there' } },
    );
    const begun = performance.now();
    await transport(server).request({ method: 'GET', url: new URL('/x', server.url), what });
    expect(performance.now() - begun).toBeGreaterThan(950);
  });

  it('ends a body that stalls', async ({ expect }) => {
    const server = await script({
      expect: 'GET /x',
      raw: (response) => response.writeHead(200, { 'content-length': '100' }).write('only this'),
    });
    const http = transport(server, { bodyTimeout: 100 });
    const response = await http.request({ method: 'GET', url: new URL('/x', server.url), what });
    await expect(text(response.body)).rejects.toMatchObject({ cause: { code: 'UND_ERR_BODY_TIMEOUT' } });
  });

  it('ends a body that is too slow, but not one whose reader is paused', async ({ expect }) => {
    const drops = new Set<NodeJS.Timeout>();
    cleanup.push(async () => drops.forEach(clearInterval));
    const server = await script(
      {
        expect: 'GET /drops',
        raw: (response) => void drops.add(setInterval(() => response.write('x'), 20)),
      },
      { expect: 'GET /much', answer: { body: Buffer.alloc(8_000_000) } },
    );
    const http = transport(server, { bodyTimeout: 60_000, minimumRate: { bytes: 1000, window: 200 } });
    const ask = (path: string) => http.request({ method: 'GET', url: new URL(path, server.url), what });
    const unread = await ask('/much');
    await expect(readBody(await ask('/drops'), 1_000_000, what)).rejects.toMatchObject({ code: 'network' });
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect((await readBody(unread, 8_000_000, what)).length).toBe(8_000_000);
  });

  it('ends the wait for a response after repeated informational ones', async ({ expect }) => {
    const early = new Set<NodeJS.Timeout>();
    cleanup.push(async () => early.forEach(clearInterval));
    const server = await script({
      expect: 'GET /x',
      raw: (response) =>
        void early.add(setInterval(() => response.writeEarlyHints({ link: '</style.css>; rel=preload' }), 20)),
    });
    const http = transport(server, { headersTimeout: 200, retry: { attempts: 1 } });
    const request = { method: 'GET', url: new URL('/x', server.url), what } as const;
    await expect(http.request(request)).rejects.toMatchObject({ code: 'network' });
  });

  it('ends an upload that the server does not read', async ({ expect }) => {
    const server = createServer((socket) => socket.pause().on('error', () => {})).listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanup.push(async () => server.close());
    const host = `127.0.0.1:${(server.address() as { port: number }).port}`;
    const http = transport(undefined, { plainHttp: [host], bodyTimeout: 100 });
    const chunk = Buffer.alloc(1024 * 1024);
    const body = {
      length: 100 * chunk.length,
      async *open() {
        for (let count = 0; count < 100; count++) yield chunk;
      },
    };
    const request = { method: 'PUT', url: new URL(`http://${host}/x`), body, what, retry: false } as const;
    await expect(http.request(request)).rejects.toMatchObject({ code: 'network', cause: { code: UPLOAD_STALLED } });
  });

  it('ends the wait for a response', async ({ expect }) => {
    const server = await script({ expect: 'GET /x', raw: () => {} });
    const http = transport(server, { headersTimeout: 100, retry: { attempts: 1 } });
    const request = { method: 'GET', url: new URL('/x', server.url), what } as const;
    await expect(http.request(request)).rejects.toMatchObject({ cause: { code: HEADERS_TIMEOUT } });
  });
});

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
