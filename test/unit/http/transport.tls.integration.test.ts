import { writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { createTransport, type Transport, type TransportOptions } from '../../../src/http/transport.ts';
import { basicOf } from '../../support/basic.ts';
import { selfSigned } from '../../support/certificate.ts';
import { startProxy, type TestProxy } from '../../support/proxy.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { type ScriptedServer, type Step, startScript } from '../../support/scripted-server.ts';

const folder = scratchFolder();
const own = selfSigned('registry.test');
const caFile = join(folder, 'ca.pem');
writeFileSync(caFile, own.cert);

const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

async function script(...steps: Step[]): Promise<ScriptedServer> {
  const server = await startScript(steps, own);
  cleanup.push(() => server.stop());
  return server;
}

function transport(options: TransportOptions): Transport {
  const made = createTransport({ retry: { baseDelay: 1, maxDelay: 2 }, ...options });
  cleanup.push(() => made.close());
  return made;
}

/** Starts a forward proxy that connects every name to this machine. */
async function proxyHere(): Promise<TestProxy> {
  const proxy = await startProxy((_, port) => port);
  cleanup.push(async () => proxy.stop());
  return proxy;
}

const what = 'registry.test/a/b:1';

describe('TLS', () => {
  it('rejects a certificate of an unknown CA, with a hint on how to trust it', async () => {
    const server = await startScript([], own);
    cleanup.push(() => server.stop());
    const request = { method: 'GET', url: new URL('/x', server.url), what } as const;
    await expect(transport({}).request(request)).rejects.toMatchObject({
      code: 'network',
      message: expect.stringMatching(new RegExp(`${server.host}.*DEPTH_ZERO_SELF_SIGNED_CERT`)),
      hint: expect.stringContaining('--ca-file'),
    });
  });

  it.each(['--ca-file', 'SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS'])('trusts the CA given by %s', async (by) => {
    const server = await script({ expect: 'GET /x', answer: { body: 'there' } });
    const http = transport(by === '--ca-file' ? { caFile } : { env: { [by]: caFile } });
    const response = await http.request({ method: 'GET', url: new URL('/x', server.url), what });
    expect(await text(response.body)).toBe('there');
  });

  it('checks the host name even when the CA is trusted', async () => {
    const server = await startScript([], own);
    cleanup.push(() => server.stop());
    const url = new URL(`https://localhost:${server.url.port}/x`);
    await expect(transport({ caFile }).request({ method: 'GET', url, what })).rejects.toMatchObject({
      code: 'network',
      message: expect.stringMatching(
        new RegExp(`^${what}: .*${url.host} .*127\\.0\\.0\\.1, registry\\.test.*localhost`),
      ),
      hint: expect.stringContaining('subjectAltName'),
    });
  });

  it('does not fall back to plain HTTP, with a hint on how to allow it', async () => {
    const server = await startScript([]);
    cleanup.push(() => server.stop());
    const request = { method: 'GET', url: new URL(`https://${server.host}/x`), what } as const;
    await expect(transport({}).request(request)).rejects.toMatchObject({
      code: 'network',
      message: expect.stringContaining(server.host),
      hint: expect.stringContaining(`--plain-http ${server.host}`),
    });
  });

  it('is never dropped for a redirect', async () => {
    const server = await script({
      expect: 'GET /x',
      answer: (_seen, host) => ({ status: 307, headers: { location: `http://${host}/x` } }),
    });
    const http = transport({ caFile, plainHttp: ['127.0.0.1'] });
    const request = { method: 'GET', url: new URL('/x', server.url), what } as const;
    await expect(http.request(request)).rejects.toMatchObject({
      code: 'registry',
      message: expect.stringMatching(new RegExp(`${server.host}.*https.*HTTP.*${server.host}`)),
    });
  });

  it('rejects a file without certificates', () => {
    const broken = join(folder, 'broken.pem');
    writeFileSync(broken, 'no certificate');
    expect(() => createTransport({ caFile: broken })).toThrow(expect.objectContaining({ code: 'config' }));
    expect(() => createTransport({ caFile: join(folder, 'absent.pem') })).toThrow(/--ca-file .*absent\.pem/);
  });
});

describe('a proxy', () => {
  it('gets its credentials with the tunnel request, and the peer is verified through the tunnel', async () => {
    const server = await script({ expect: 'GET /x', answer: { body: 'there' } });
    const proxy = await proxyHere();
    const http = transport({ caFile, env: { HTTPS_PROXY: `http://user:geheim123@127.0.0.1:${proxy.port}` } });
    const url = new URL(`https://registry.test:${server.url.port}/x`);
    const response = await http.request({ method: 'GET', url, what });
    expect(await text(response.body)).toBe('there');
    expect(proxy.log).toEqual([`CONNECT registry.test:${server.url.port}`]);
    expect(proxy.authorizations).toEqual([basicOf('user:geheim123')]);
    expect(server.seen[0]?.headers['proxy-authorization']).toBeUndefined();
    const untrusting = transport({ env: { HTTPS_PROXY: proxy.url } });
    await expect(untrusting.request({ method: 'GET', url, what })).rejects.toThrow('DEPTH_ZERO_SELF_SIGNED_CERT');
  });

  it('is not used for the hosts of NO_PROXY', async () => {
    const proxy = await proxyHere();
    const http = transport({ env: { HTTPS_PROXY: proxy.url, NO_PROXY: '.invalid' } });
    const url = new URL('https://registry.invalid/x');
    await expect(http.request({ method: 'GET', url, what })).rejects.toMatchObject({ cause: { code: 'ENOTFOUND' } });
    expect(proxy.log).toEqual([]);
  });

  it('that refuses the tunnel is reported', async () => {
    const server = createHttpServer();
    server.on('connect', (_request, socket) => socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanup.push(async () => server.close());
    const { port } = server.address() as { port: number };
    const http = transport({ env: { HTTPS_PROXY: `http://127.0.0.1:${port}` } });
    const request = { method: 'GET', url: new URL('https://registry.test/x'), what } as const;
    await expect(http.request(request)).rejects.toThrow(/proxy .*registry\.test \(407\)/);
  });

  it('that accepts the connection but does not open the tunnel causes a timeout', async () => {
    const server = createServer((socket) => socket.on('error', () => {}).resume());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanup.push(async () => server.close());
    const { port } = server.address() as { port: number };
    const env = { HTTPS_PROXY: `http://127.0.0.1:${port}` };
    const http = transport({ env, connectTimeout: 100, retry: { attempts: 1 } });
    const request = { method: 'GET', url: new URL('https://registry.test/x'), what } as const;
    await expect(http.request(request)).rejects.toMatchObject({ code: 'network' });
  });
});
