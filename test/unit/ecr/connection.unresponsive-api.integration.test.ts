import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AirgapEvent } from '../../../src/base/events.ts';
import { ecrHost } from '../../../src/ecr/hosts.ts';
import { ecrKeychain, ecrPublicKeychain } from '../../../src/ecr/keychain.ts';
import type { EcrOptions } from '../../../src/ecr/options.ts';
import { ensureRepositories } from '../../../src/ecr/repositories.ts';
import { awsEnvironment } from '../../support/ecr/access.ts';
import { scratchFolder } from '../../support/scratch.ts';

const TIMEOUT = 60;
const sockets: Socket[] = [];
let server: Server;
let response = '';

beforeEach(async () => {
  awsEnvironment();
  response = '';
  server = createServer((socket) => {
    sockets.push(socket.on('error', () => {}));
    socket.on('data', () => response !== '' && socket.write(response));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const socket of sockets.splice(0)) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

function options(): EcrOptions & { readonly events: AirgapEvent[] } {
  const endpointUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const events: AirgapEvent[] = [];
  const ecrHosts = [{ host: 'ecr.example', region: 'us-east-1' }];
  const env = { AWS_ENDPOINT_URL_ECR_PUBLIC: endpointUrl };
  return { env, endpointUrl, ecrHosts, timeout: TIMEOUT, emit: (event) => events.push(event), events };
}

describe('an API of AWS that accepts requests without a response', () => {
  it.each([
    ['no headers', ''],
    ['half a body', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\ncontent-type: application/x-amz-json-1.1\r\n\r\n{'],
  ])('fails the login after a few attempts: %s', async (_, text) => {
    response = text;
    const given = options();
    await expect(ecrKeychain(given).lookup('ecr.example')).rejects.toMatchObject({ code: 'network' });
    expect(given.events.filter(({ type }) => type === 'retry')).toHaveLength(2);
    expect(given.events.filter(({ type }) => type === 'warning')).toEqual([]);
  });

  it('does not delay the next image', async () => {
    const keychain = ecrKeychain(options());
    await expect(keychain.lookup('ecr.example')).rejects.toMatchObject({ code: 'network' });
    const requests = sockets.length;
    await expect(keychain.lookup('ecr.example')).rejects.toMatchObject({ code: 'network' });
    expect(sockets.length).toBe(requests);
  });

  it('fails the creation of repositories', async () => {
    const given = options();
    const host = ecrHost('ecr.example', given.ecrHosts);
    if (host === undefined) throw new Error('it is declared');
    await expect(ensureRepositories(host, ['mirrored/a'], given)).rejects.toMatchObject({ code: 'network' });
  });

  it('falls back to anonymous access for ECR Public, with a warning', async () => {
    const given = options();
    expect(await ecrPublicKeychain(given).lookup('public.ecr.aws')).toBeUndefined();
    const message = expect.stringMatching(/public\.ecr\.aws.*ECR Public .*us-east-1/);
    expect(given.events.filter(({ type }) => type === 'warning')).toMatchObject([{ message }]);
    expect(sockets.length).toBe(1);
  });

  it('fails a request for credentials, reported as STS', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', undefined);
    profiles(
      '[profile role]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = keys\nregion = us-east-1\n' +
        '[profile keys]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = x\n',
    );
    const given = { ...options(), profile: 'role' };
    vi.stubEnv('AWS_ENDPOINT_URL_STS', given.endpointUrl);
    const message = expect.stringContaining('STS');
    await expect(ecrKeychain(given).lookup('ecr.example')).rejects.toMatchObject({ code: 'network', message });
  });
});

describe('an API of AWS that rejects the credentials', () => {
  it.each([
    ['fails a login to ECR Public with a requested profile', 'UnrecognizedClientException', true],
    ['falls back to anonymous access when the permission is missing', 'AccessDeniedException', false],
  ])('%s', async (_, name, isError) => {
    profiles('[profile old]\naws_access_key_id = AKIAOLD\naws_secret_access_key = old\n');
    const body = JSON.stringify({ __type: name, message: 'no' });
    response = `HTTP/1.1 400 Bad Request\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    const given = { ...options(), profile: 'old', timeout: 5000 };
    const looked = ecrPublicKeychain(given).lookup('public.ecr.aws');
    if (isError) await expect(looked).rejects.toMatchObject({ code: 'unauthorized' });
    else expect(await looked).toBeUndefined();
    expect(given.events.filter(({ type }) => type === 'warning')).toHaveLength(isError ? 0 : 1);
  });
});

/** Sets the profiles of the machine. */
function profiles(text: string): void {
  const file = join(scratchFolder(), 'config');
  writeFileSync(file, text);
  vi.stubEnv('AWS_CONFIG_FILE', file);
}
