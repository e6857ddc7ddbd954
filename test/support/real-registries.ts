import { generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { basicOf } from './basic.ts';
import { startChild } from './child.ts';
import { freePort } from './registry.ts';
import { scratchFolder } from './scratch.ts';

/** A registry of another maker (fixtures/programs/registries), on loopback without TLS. */
export interface RealRegistry {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  stop(): Promise<void>;
}

/** Starts the compiled program; its own comment describes `args`. */
async function start(program: string, args: readonly string[]): Promise<RealRegistry> {
  const env = { PATH: process.env.PATH, OTEL_TRACES_EXPORTER: 'none' };
  const { process: child, log, stop } = startChild(program, args, env);
  const first = await Promise.race([once(child.stdout, 'data'), once(child, 'exit').then(() => undefined)]);
  if (first === undefined) throw new Error(`${args[0]} does not start: ${log()}`);
  return { host: String(first[0]).trim(), stop };
}

/** Starts the registry of `crane registry serve`: one store for the blobs of all repositories, 416 for open ranges. */
export function startMemory(program: string, api?: 'referrers'): Promise<RealRegistry> {
  return start(program, api === undefined ? ['memory'] : ['memory', api]);
}

/** Starts CNCF Distribution 3. `settings` are keys of its configuration file. */
export function startDistribution(
  program: string,
  settings: Readonly<Record<string, unknown>> = {},
): Promise<RealRegistry> {
  const folder = scratchFolder();
  const config = {
    version: '0.1',
    storage: { filesystem: { rootdirectory: join(folder, 'data') }, delete: { enabled: true } },
    http: { secret: 'test' },
    ...settings,
  };
  // The registry reads YAML, and JSON is YAML.
  writeFileSync(join(folder, 'config.yml'), JSON.stringify(config));
  return start(program, ['distribution', join(folder, 'config.yml')]);
}

/** Reason why Zot cannot be started; undefined if AIRGAP_ZOT names its program. */
export function withoutZot(): string | undefined {
  return process.env.AIRGAP_ZOT ? undefined : 'Zot is not here; set AIRGAP_ZOT to the path of its program';
}

/** Starts the Zot of AIRGAP_ZOT. `http` are keys of that part of its configuration file. */
export async function startZot(http: Readonly<Record<string, unknown>> = {}): Promise<RealRegistry> {
  const folder = scratchFolder();
  const port = await freePort();
  const config = {
    distSpecVersion: '1.1.1',
    storage: { rootDirectory: join(folder, 'data') },
    http: { address: '127.0.0.1', port: String(port), ...http },
    log: { level: 'error' },
  };
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  const args = ['serve', join(folder, 'config.json')];
  const { process: child, log, stop } = startChild(process.env.AIRGAP_ZOT ?? '', args, { PATH: process.env.PATH });
  const host = `127.0.0.1:${port}`;
  for (const until = Date.now() + 20_000; ; await sleep(20)) {
    if (await fetch(`http://${host}/v2/`).then(isAnswer, () => false)) return { host, stop };
    if (child.exitCode === null && Date.now() < until) continue;
    await stop();
    throw new Error(`zot does not answer on ${host}: ${log() || 'no output'}`);
  }
}

async function isAnswer(answer: Response): Promise<boolean> {
  await answer.arrayBuffer();
  return true;
}

/** A token server for Distribution: full access for one account, none for others. */
export interface TokenServer extends RealRegistry {
  /** `auth` of the registry's configuration. */
  readonly auth: Readonly<Record<string, unknown>>;
}

/** @param account user and password, `user:password` */
export async function startTokenServer(account: string): Promise<TokenServer> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwks = join(scratchFolder(), 'jwks.json');
  const names = { kid: 'test', alg: 'ES256', use: 'sig' };
  writeFileSync(jwks, JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), ...names }] }));
  const known = basicOf(account);
  const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
  const tokenFor = (scopes: readonly string[]): string => {
    const now = Math.floor(Date.now() / 1000);
    const access = scopes.map((scope) => {
      const [type, name, actions = ''] = scope.split(':');
      return { type, name, actions: actions.split(',') };
    });
    const times = { iat: now, nbf: now - 5, exp: now + 60 };
    const claims = { iss: 'test', sub: 'user', aud: 'registry', jti: '1', ...times, access };
    const text = `${encoded({ typ: 'JWT', alg: 'ES256', kid: 'test' })}.${encoded(claims)}`;
    const signature = sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' });
    return `${text}.${signature.toString('base64url')}`;
  };
  const server = createServer(({ url = '', headers }, outgoing) => {
    const scopes = new URL(url, 'http://localhost').searchParams.getAll('scope');
    const isKnown = headers.authorization === known;
    outgoing.writeHead(isKnown ? 200 : 401, { 'content-type': 'application/json' });
    outgoing.end(isKnown ? JSON.stringify({ token: tokenFor(scopes) }) : '{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const auth = { token: { realm: `http://${host}/token`, service: 'registry', issuer: 'test', jwks } };
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return { host, auth, stop };
}
