import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { afterEach, expect, it } from 'vitest';
import { chainKeychains } from '../../../src/auth/keychain.ts';
import { createTransport } from '../../../src/http/transport.ts';
import { MediaType } from '../../../src/oci/descriptor.ts';
import { createRegistryClient, type RegistryClient } from '../../../src/registry/client.ts';
import { descriptorOf } from '../../support/descriptor.ts';

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

/** Starts a registry that never responds to PUT. */
async function startHangingRegistry(): Promise<{ client: RegistryClient; registry: string; puts: string[] }> {
  const puts: string[] = [];
  const server = createServer((request, response) => {
    request.resume();
    if (request.method === 'PUT') return puts.push(request.url ?? '');
    return response.writeHead(request.method === 'POST' ? 202 : 404, { location: '/v2/a/b/blobs/uploads/1' }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const registry = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const transport = createTransport({ plainHttp: [registry], retry: { baseDelay: 1, maxDelay: 2, attempts: 6 } });
  const fastTransport = {
    ...transport,
    request: (request: Parameters<typeof transport.request>[0]) =>
      transport.request({ ...request, headersTimeout: 100 }),
  };
  const client = createRegistryClient({ transport: fastTransport, keychain: chainKeychains() });
  cleanup.push(
    () => server.close().closeAllConnections(),
    () => client.close(),
  );
  return { client, registry, puts };
}

it('a manifest is sent twice to a registry that does not respond', async () => {
  const { client, registry, puts } = await startHangingRegistry();
  const bytes = Buffer.from('{"schemaVersion":2}');
  const content = { bytes, descriptor: descriptorOf(bytes, MediaType.ociManifest) };
  await expect(client.putManifest({ registry, path: 'a/b' }, content, 'v1')).rejects.toMatchObject({ code: 'network' });
  expect(puts).toHaveLength(2);
});

it('a blob is sent twice to a registry that does not respond', async () => {
  const { client, registry, puts } = await startHangingRegistry();
  const bytes = Buffer.from('0123456789');
  const body = { size: bytes.length, open: async () => Readable.from([bytes]) };
  const sending = client.putBlob({ registry, path: 'a/b' }, descriptorOf(bytes), body);
  await expect(sending).rejects.toMatchObject({ code: 'network' });
  expect(puts).toHaveLength(2);
});
