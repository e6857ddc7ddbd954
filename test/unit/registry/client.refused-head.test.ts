import { afterEach, describe, expect, it } from 'vitest';
import { MediaType } from '../../../src/oci/descriptor.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import type { RegistryClient } from '../../../src/registry/client.ts';
import { descriptorOf } from '../../support/descriptor.ts';
import { clientFor } from '../../support/registry-client.ts';
import { type Answer, type ScriptedServer, type Step, startScript } from '../../support/scripted-server.ts';

const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

async function script(...steps: Step[]): Promise<{ server: ScriptedServer; client: RegistryClient }> {
  const server = await startScript(steps);
  cleanup.push(() => server.stop());
  const client = clientFor([server.host]);
  cleanup.push(() => client.close());
  return { server, client };
}

const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, config: {}, layers: [] }));
const digest = digestOf(bytes);
const described = { mediaType: MediaType.ociManifest, digest, size: bytes.length };
const served: Answer = {
  headers: { 'content-type': MediaType.ociManifest, 'docker-content-digest': digest },
  body: bytes,
};
const blob = descriptorOf(Buffer.alloc(1_000_000, 'x'));
const refusals = [400, 401, 403, 405, 501].map((status) => [status] as const);

describe('after a refused HEAD, GET finds', () => {
  it.each(refusals)('the manifest of a tag (%s)', async (status) => {
    const { server, client } = await script(
      { expect: 'HEAD /v2/a/b/manifests/v1', answer: { status } },
      { expect: 'GET /v2/a/b/manifests/v1', answer: served },
    );
    expect(await client.head({ registry: server.host, path: 'a/b' }, 'v1')).toEqual(described);
  });

  it.each(refusals)('that a blob exists, without reading it (%s)', async (status) => {
    const { server, client } = await script(
      { expect: `HEAD /v2/a/b/blobs/${blob.digest}`, answer: { status } },
      { expect: `GET /v2/a/b/blobs/${blob.digest}`, answer: { body: Buffer.alloc(1_000_000, 'x') } },
    );
    expect(await client.hasBlob({ registry: server.host, path: 'a/b' }, blob)).toBe(true);
  });

  it('that nothing exists', async () => {
    const { server, client } = await script(
      { expect: 'HEAD /v2/a/b/manifests/v1', answer: { status: 403 } },
      { expect: 'GET /v2/a/b/manifests/v1', answer: { status: 404 } },
    );
    expect(await client.hasManifest({ registry: server.host, path: 'a/b' }, 'v1')).toBeUndefined();
  });

  it('a manifest whose storage URLs are signed for GET only', async () => {
    const { server, client } = await script(
      { expect: 'HEAD /v2/a/b/manifests/v1', answer: { status: 307, headers: { location: '/s3/x?sig=1' } } },
      { expect: 'HEAD /s3/x?sig=1', answer: { status: 403 } },
      { expect: 'GET /v2/a/b/manifests/v1', answer: { status: 307, headers: { location: '/s3/x?sig=2' } } },
      { expect: 'GET /s3/x?sig=2', answer: { body: bytes } },
      { expect: 'GET /v2/a/b/manifests/v1', answer: { status: 307, headers: { location: '/s3/x?sig=3' } } },
      { expect: 'GET /s3/x?sig=3', answer: { body: bytes } },
    );
    expect(await client.head({ registry: server.host, path: 'a/b' }, 'v1')).toEqual(described);
  });

  it('the error text of the registry', async () => {
    const { server, client } = await script(
      { expect: 'HEAD /v2/a/b/manifests/v1', answer: { status: 403 } },
      {
        expect: 'GET /v2/a/b/manifests/v1',
        answer: { status: 403, body: JSON.stringify({ errors: [{ code: 'DENIED', message: 'not for you' }] }) },
      },
    );
    await expect(client.head({ registry: server.host, path: 'a/b' }, 'v1')).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining('DENIED: not for you'),
    });
  });

  it('the challenge that a 401 to HEAD does not have', async () => {
    const { server, client } = await script(
      { expect: 'HEAD /v2/a/b/manifests/v1', answer: { status: 401 } },
      {
        expect: 'GET /v2/a/b/manifests/v1',
        answer: (_request, host) => ({
          status: 401,
          headers: { 'www-authenticate': `Bearer realm="http://${host}/token"` },
        }),
      },
      { expect: /^GET \/token/, answer: { body: '{"token":"tok-1"}' } },
      { expect: 'GET /v2/a/b/manifests/v1', answer: served },
    );
    expect(await client.head({ registry: server.host, path: 'a/b' }, 'v1')).toEqual(described);
  });

  it('nothing new after a 404: no GET is sent', async () => {
    const { server, client } = await script({ expect: `HEAD /v2/a/b/blobs/${blob.digest}`, answer: { status: 404 } });
    expect(await client.hasBlob({ registry: server.host, path: 'a/b' }, blob)).toBe(false);
  });
});

describe('a blob with a wrong length in HEAD', () => {
  const HEAD = { expect: `HEAD /v2/a/b/blobs/${blob.digest}`, answer: { headers: { 'content-length': '0' } } };
  const GET = `GET /v2/a/b/blobs/${blob.digest}`;

  it('exists when GET has the right length', async () => {
    const { server, client } = await script(HEAD, { expect: GET, answer: { body: Buffer.alloc(1_000_000, 'x') } });
    expect(await client.hasBlob({ registry: server.host, path: 'a/b' }, blob)).toBe(true);
  });

  it('does not exist when GET has a wrong length, too', async () => {
    const { server, client } = await script(HEAD, { expect: GET, answer: { body: 'cut' } });
    expect(await client.hasBlob({ registry: server.host, path: 'a/b' }, blob)).toBe(false);
  });
});
