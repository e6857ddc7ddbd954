import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TLSSocket, TlsOptions } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { AirgapError } from '../../../src/base/errors.ts';
import { createTransport, type Transport, type TransportOptions } from '../../../src/http/transport.ts';
import { authority, type Pair } from '../../support/certificate.ts';
import { scratchFolder } from '../../support/scratch.ts';

const folder = scratchFolder();
const own = authority();
const server = own.issue('registry');
const client = own.issue('client');
const stranger = authority('another CA').issue('client');
const expired = own.issue('client', -1);
const file = (name: string, content: string): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};
const caFile = file('ca.pem', own.ca);
const certFile = file('client.pem', client.cert);
const keyFile = file('client.key', client.key);

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

interface ReceivedRequest {
  readonly path: string;
  /** Common name in the client's certificate. */
  readonly client: string | undefined;
}

/** Common name in the peer's certificate. */
function nameOf(socket: TLSSocket): string | undefined {
  const certificate = socket.getPeerCertificate() as ReturnType<TLSSocket['getPeerCertificate']> | null;
  return certificate?.subject?.CN as string | undefined;
}

/** Starts a server that requests a client certificate. `drop` makes it close connections of unknown clients. */
async function registry(
  options: TlsOptions & { drop?: boolean; answers?: Readonly<Record<string, string>> } = {},
): Promise<{ host: string; requests: ReceivedRequest[] }> {
  const { drop, answers = {}, ...tls } = options;
  const requests: ReceivedRequest[] = [];
  const both = { ...server, ca: own.ca, requestCert: true, ...tls };
  const made = createServer(both, (request, response) => {
    requests.push({ path: request.url ?? '', client: nameOf(request.socket as TLSSocket) });
    const location = answers[request.url ?? ''];
    if (location !== undefined) response.writeHead(307, { location }).end();
    else response.end('there');
  });
  if (drop) made.on('secureConnection', (socket) => !socket.authorized && socket.destroy());
  made.on('tlsClientError', () => {});
  made.listen(0, '127.0.0.1');
  await once(made, 'listening');
  cleanup.push(() => {
    made.closeAllConnections();
    made.close();
  });
  return { host: `127.0.0.1:${(made.address() as AddressInfo).port}`, requests };
}

function transport(options: TransportOptions): Transport {
  const made = createTransport({ env: { HOME: folder }, caFile, retry: { baseDelay: 1, maxDelay: 2 }, ...options });
  cleanup.push(() => made.close());
  return made;
}

async function get(http: Transport, host: string, path = '/x'): Promise<string> {
  const { body } = await http.request({ method: 'GET', url: new URL(`https://${host}${path}`), what: 'a/b:1' });
  return text(body);
}

describe('a client certificate', () => {
  it.each([
    ['by an alert', 'TLSv1.3', { rejectUnauthorized: true }],
    ['by an alert', 'TLSv1.2', { rejectUnauthorized: true }],
    ['by closing the connection', 'TLSv1.3', { rejectUnauthorized: false, drop: true }],
    ['by closing the connection', 'TLSv1.2', { rejectUnauthorized: false, drop: true }],
  ] as const)('that is missing, reported %s (%s), is an error with the flags in its hint', async (_, version, how) => {
    const { host } = await registry({ ...how, minVersion: version, maxVersion: version });
    await expect(get(transport({}), host)).rejects.toMatchObject({
      code: 'network',
      message: expect.stringMatching(new RegExp(`${host}.*client certificate`)),
      hint: expect.stringContaining(`--client-cert ${host}=FILE and --client-key ${host}=FILE`),
    });
  });

  it('is sent to the host it is configured for, with or without port', async () => {
    const { host, requests } = await registry({ rejectUnauthorized: true });
    expect(await get(transport({ clientCertificates: [{ host, certFile, keyFile }] }), host)).toBe('there');
    const both = file('both.pem', client.cert + client.key);
    expect(await get(transport({ clientCertificates: [{ host: '127.0.0.1', certFile: both }] }), host)).toBe('there');
    expect(requests.map(({ client }) => client)).toEqual(['client', 'client']);
  });

  it('is sent through a proxy, not to the proxy', async () => {
    const { host, requests } = await registry({ rejectUnauthorized: true });
    const clientNames: (string | undefined)[] = [];
    const proxy = createServer({ ...server, ca: own.ca, requestCert: true, rejectUnauthorized: false });
    proxy.on('connect', (request, socket) => {
      clientNames.push(nameOf(socket as TLSSocket));
      const onward = connect(Number(request.url?.split(':')[1]), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        onward.pipe(socket).pipe(onward);
      });
      socket.on('error', () => onward.destroy());
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    cleanup.push(() => proxy.close());
    const { port } = proxy.address() as AddressInfo;
    const env = { HOME: folder, HTTPS_PROXY: `https://127.0.0.1:${port}` };
    const [, registryPort] = host.split(':');
    const name = `registry.test:${registryPort}`;
    const http = transport({
      env,
      clientCertificates: [
        { host: '127.0.0.1', certFile, keyFile },
        { host: name, certFile, keyFile },
      ],
    });
    expect(await get(http, name)).toBe('there');
    expect(clientNames).toEqual([undefined]);
    expect(requests).toEqual([{ path: '/x', client: 'client' }]);
  });

  it('is not sent to the target of a redirect', async () => {
    const other = await registry({ rejectUnauthorized: false });
    const { host, requests } = await registry({
      rejectUnauthorized: true,
      answers: { '/blob': `https://${other.host}/storage` },
    });
    const http = transport({ clientCertificates: [{ host, certFile, keyFile }] });
    expect(await get(http, host, '/blob')).toBe('there');
    expect(requests).toEqual([{ path: '/blob', client: 'client' }]);
    expect(other.requests).toEqual([{ path: '/storage', client: undefined }]);
  });

  it.each([
    ['by an alert', { rejectUnauthorized: true }],
    ['by closing the connection', { rejectUnauthorized: false, drop: true }],
  ] as const)('that the server rejects %s is reported', async (_, how) => {
    const { host } = await registry(how);
    const pair = { certFile: file('s.pem', stranger.cert), keyFile: file('s.key', stranger.key) };
    await expect(get(transport({ clientCertificates: [{ host, ...pair }] }), host)).rejects.toMatchObject({
      code: 'network',
      message: expect.stringMatching(new RegExp(`${host}.*client certificate`)),
      // Not the hint for a missing certificate, which names both flags.
      hint: expect.not.stringContaining('--client-key'),
    });
  });

  it('is not blamed when a server that requested one has responded before', async () => {
    let count = 0;
    const made = createServer({ ...server, requestCert: true, rejectUnauthorized: false }, (request, response) => {
      if (count++ === 0) response.end('there');
      else request.socket.destroy();
    });
    made.listen(0, '127.0.0.1');
    await once(made, 'listening');
    cleanup.push(() => made.close());
    const host = `127.0.0.1:${(made.address() as AddressInfo).port}`;
    const http = transport({ retry: { attempts: 1 }, connections: 1 });
    expect(await get(http, host)).toBe('there');
    await expect(get(http, host)).rejects.toMatchObject({
      code: 'network',
      message: expect.not.stringContaining('certificate'),
    });
  });
});

describe('the files of a client certificate', () => {
  const encrypted = (): string => {
    const out = join(folder, 'encrypted.key');
    const how = ['pkey', '-in', keyFile, '-aes256', '-passout', 'pass:secret', '-out', out];
    execFileSync('openssl', how, { stdio: 'ignore' });
    return out;
  };
  it.each<[string, () => { certFile: string; keyFile?: string }, RegExp]>([
    ['a missing certificate file', () => ({ certFile: '/nowhere/client.pem' }), /\/nowhere\/client\.pem/],
    ['no certificate', () => ({ certFile: file('text.pem', 'text'), keyFile }), /text\.pem/],
    ['a certificate without its key', () => ({ certFile }), /client\.pem/],
    ['a missing key file', () => ({ certFile, keyFile: '/nowhere/client.key' }), /\/nowhere\/client\.key/],
    ['no key', () => ({ certFile, keyFile: file('text.key', 'text') }), /text\.key/],
    ['a broken key', () => ({ certFile, keyFile: file('cut.key', client.key.slice(0, 90)) }), /cut\.key/],
    ['a key that does not match', () => ({ certFile, keyFile: file('s.key', stranger.key) }), /s\.key.*client\.pem/],
    ['an encrypted key', () => ({ certFile, keyFile: encrypted() }), /encrypted\.key/],
    [
      'one that has expired',
      () => ({ certFile: file('old.pem', expired.cert), keyFile: file('old.key', expired.key) }),
      /old\.pem.*\d{4}-\d{2}-\d{2}/,
    ],
  ])('are rejected immediately: %s', (_, files, message) => {
    const create = (): Transport => createTransport({ clientCertificates: [{ host: 'r.example', ...files() }] });
    expect(create).toThrow(expect.objectContaining({ code: 'config', exitCode: 2 }));
    expect(create).toThrow(message);
    expect(create).toThrow(/r\.example/);
    const secret = client.key.split('\n')[1] as string;
    try {
      create();
    } catch (error) {
      expect(`${error} ${(error as AirgapError).hint}`).not.toContain(secret.slice(0, 20));
      expect(error).toBeInstanceOf(AirgapError);
    }
  });
});

describe('certs.d', () => {
  let count = 0;
  /** Creates a home directory with certs.d files for a host. */
  const home = (host: string, files: Readonly<Record<string, string>>, layout = '.config/containers'): string => {
    const made = join(folder, `home-${++count}`);
    const hostFolder = join(made, layout, 'certs.d', host);
    mkdirSync(hostFolder, { recursive: true });
    for (const [name, content] of Object.entries(files)) writeFileSync(join(hostFolder, name), content);
    return made;
  };
  const bare = (env: Readonly<Record<string, string>>): Transport => {
    const made = createTransport({ env, retry: { attempts: 1 } });
    cleanup.push(() => made.close());
    return made;
  };
  const all = (pair: Pair): Record<string, string> => ({
    'ca.crt': own.ca,
    'client.cert': pair.cert,
    'client.key': pair.key,
  });

  it.each(['.config/containers', '.config/docker', '.docker'])(
    'in %s provides roots and certificate',
    async (layout) => {
      const { host, requests } = await registry({ rejectUnauthorized: true });
      expect(await get(bare({ HOME: home(host, all(client), layout) }), host)).toBe('there');
      expect(requests).toEqual([{ path: '/x', client: 'client' }]);
    },
  );

  it('trusts its roots for its own host only', async () => {
    const { host } = await registry({ rejectUnauthorized: false });
    const other = await registry({ rejectUnauthorized: false });
    const http = bare({ HOME: home(host, { 'ca.crt': own.ca }) });
    expect(await get(http, host)).toBe('there');
    await expect(get(http, other.host)).rejects.toMatchObject({
      code: 'network',
      hint: expect.stringContaining('--ca-file'),
    });
  });

  it('keeps its roots when a configured certificate takes precedence', async () => {
    const { host, requests } = await registry({ rejectUnauthorized: true });
    const env = { HOME: home(host, all(stranger)) };
    const http = createTransport({ env, clientCertificates: [{ host, certFile, keyFile }] });
    cleanup.push(() => http.close());
    expect(await get(http, host)).toBe('there');
    expect(requests.map(({ client }) => client)).toEqual(['client']);
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ['a certificate without key', { 'client.cert': client.cert }, /client\.cert/],
    ['a key without certificate', { 'client.key': client.key }, /client\.key/],
    ['an invalid CA certificate', { 'ca.crt': 'text' }, /ca\.crt/],
    ['a key that does not match', { 'a.cert': client.cert, 'a.key': stranger.key }, /a\.key.*a\.cert/],
  ])('with %s is an error that names the file and the host', async (_, files, message) => {
    const { host } = await registry({ rejectUnauthorized: false });
    const requests = get(bare({ HOME: home(host, files) }), host);
    await expect(requests).rejects.toMatchObject({ code: 'config', message: expect.stringMatching(message) });
    await expect(requests).rejects.toThrow(host);
  });

  it('is not escaped by a host that is a path', async () => {
    const folder = home('r.example', {});
    writeFileSync(join(folder, '.config/containers/x.crt'), 'text');
    const http = createTransport({ env: { HOME: folder } });
    cleanup.push(() => http.close());
    expect(http.hostCertificates('..')).toBeUndefined();
    expect(http.hostCertificates('../..')).toBeUndefined();
  });
});
