import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { startChild } from './child.ts';
import { scratchFolder } from './scratch.ts';

/** Options of a real registry. */
export interface RegistryOptions {
  /** Content of an htpasswd file with bcrypt entries; without it the registry is open. */
  readonly htpasswd?: string;
  /** PEM certificate and key; plain HTTP without them. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** With TLS: the authority (PEM) of required client certificates, and one of them for the readiness check. */
  readonly clients?: { readonly ca: string; readonly cert: string; readonly key: string };
  /** Does not delete, which is distribution's default. */
  readonly refusesDeletes?: true;
  /** A free port if absent. */
  readonly port?: number;
  /** URL of another registry, whose pull-through cache this one is. */
  readonly cacheOf?: string;
}

/** A Debian docker-registry (distribution 2.8) on loopback, with its content in a temporary folder. */
export interface TestRegistry {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** `http://HOST` or `https://HOST`. */
  readonly url: string;
  /** Folder of its repositories by name. Content can be deleted there behind the registry's back. */
  readonly repositories: string;
  /** Stops the process and deletes the content. */
  stop(): Promise<void>;
}

/** Starts a registry and waits until it answers. @throws Error if docker-registry is not installed or does not start */
export async function startRegistry(options: RegistryOptions = {}): Promise<TestRegistry> {
  // Another process may take the free port first, so a registry that ends at once is started again.
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(options, options.port ?? (await freePort()));
    } catch (error) {
      if (options.port !== undefined || attempt === 3) throw error;
    }
  }
}

async function start(
  { htpasswd, tls, clients, refusesDeletes, cacheOf }: RegistryOptions,
  port: number,
): Promise<TestRegistry> {
  const folder = scratchFolder();
  const config: Record<string, unknown> = {
    version: '0.1',
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(folder, 'data') }, delete: { enabled: refusesDeletes !== true } },
    http: { addr: `127.0.0.1:${port}`, secret: 'test' },
  };
  if (cacheOf !== undefined) config.proxy = { remoteurl: cacheOf };
  if (htpasswd !== undefined) {
    await writeFile(join(folder, 'htpasswd'), htpasswd);
    config.auth = { htpasswd: { realm: 'test', path: join(folder, 'htpasswd') } };
  }
  if (tls !== undefined) {
    await writeFile(join(folder, 'cert.pem'), tls.cert);
    await writeFile(join(folder, 'key.pem'), tls.key, { mode: 0o600 });
    const clientcas = clients === undefined ? {} : { clientcas: [join(folder, 'clients.pem')] };
    if (clients !== undefined) await writeFile(join(folder, 'clients.pem'), clients.ca);
    config.http = {
      ...(config.http as object),
      tls: { certificate: join(folder, 'cert.pem'), key: join(folder, 'key.pem'), ...clientcas },
    };
  }
  // The registry reads YAML, and JSON is YAML.
  await writeFile(join(folder, 'config.yml'), JSON.stringify(config));
  const child = startChild('docker-registry', ['serve', join(folder, 'config.yml')], { PATH: process.env.PATH });
  const stop = async (): Promise<void> => {
    await child.stop();
    await rm(folder, { recursive: true, force: true });
  };
  const host = `127.0.0.1:${port}`;
  const url = `${tls === undefined ? 'http' : 'https'}://${host}`;
  try {
    await answers(url, child.process, clients);
  } catch (error) {
    await stop();
    throw new Error(`docker-registry does not answer on ${host}: ${child.log() || 'no output'}`, { cause: error });
  }
  return { host, url, repositories: join(folder, 'data/docker/registry/v2/repositories'), stop };
}

async function answers(url: string, child: ChildProcess, client: RegistryOptions['clients']): Promise<void> {
  let failure: unknown;
  child.once('error', (error) => {
    failure = error;
  });
  for (const until = Date.now() + 10_000; Date.now() < until; ) {
    if (failure !== undefined) throw failure;
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    if (await ping(url, client)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('10 seconds have passed');
}

/** Returns whether it answers, with any status. The test's own certificate is not verified here. */
function ping(url: string, client: RegistryOptions['clients']): Promise<boolean> {
  if (url.startsWith('http:')) {
    return fetch(`${url}/v2/`).then(
      (response) => response.body?.cancel().then(() => true) ?? true,
      () => false,
    );
  }
  return new Promise((resolve) => {
    const sent = request(`${url}/v2/`, { ...client, rejectUnauthorized: false }, (response) => {
      response.resume();
      resolve(true);
    });
    sent.on('error', () => resolve(false)).end();
  });
}

/** Returns a free TCP port on loopback. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
