import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AirgapEvent } from '../../../src/base/events.ts';
import { ecrHost } from '../../../src/ecr/hosts.ts';
import { ecrKeychain, ecrPublicKeychain } from '../../../src/ecr/keychain.ts';
import type { EcrOptions } from '../../../src/ecr/options.ts';
import { ensureRepositories } from '../../../src/ecr/repositories.ts';
import { awsEnvironment } from './set-up.ts';

const TIMEOUT = 60;
const sockets: Socket[] = [];
let server: Server;
let says = '';

beforeEach(async () => {
  awsEnvironment();
  says = '';
  server = createServer((socket) => {
    sockets.push(socket.on('error', () => {}));
    socket.on('data', () => says !== '' && socket.write(says));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const socket of sockets.splice(0)) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

function options(): EcrOptions & { readonly events: AirgapEvent[] } {
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const events: AirgapEvent[] = [];
  const hosts = [{ host: 'ecr.example', region: 'us-east-1' }];
  const env = { AWS_ENDPOINT_URL_ECR_PUBLIC: endpoint };
  return { env, endpoint, hosts, timeout: TIMEOUT, emit: (event) => events.push(event), events };
}

describe('an API of AWS that takes requests and does not answer', () => {
  it.each([
    ['no head', ''],
    ['half a body', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\ncontent-type: application/x-amz-json-1.1\r\n\r\n{'],
  ])('ends the login after a few tries: %s', async (_, text) => {
    says = text;
    const given = options();
    await expect(ecrKeychain(given).lookup('ecr.example')).rejects.toMatchObject({ code: 'network' });
    expect(given.events.filter(({ type }) => type === 'retry')).toHaveLength(2);
    expect(given.events.filter(({ type }) => type === 'warning')).toEqual([]);
  });

  it('ends the making of repositories', async () => {
    const given = options();
    const host = ecrHost('ecr.example', given.hosts);
    if (host === undefined) throw new Error('it is declared');
    await expect(ensureRepositories(host, ['mirrored/a'], given)).rejects.toMatchObject({ code: 'network' });
  });

  it('leaves ECR Public to anonymous access, with a warning', async () => {
    const given = options();
    expect(await ecrPublicKeychain(given).lookup('public.ecr.aws')).toBeUndefined();
    expect(given.events).toMatchObject([{ type: 'warning' }]);
    expect(sockets.length).toBe(1);
  });
});
