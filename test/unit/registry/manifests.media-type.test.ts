import { afterEach, describe, expect, it } from 'vitest';
import { MediaType } from '../../../src/oci/descriptor.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { clientFor } from '../../support/registry-client.ts';
import { type Answer, type Step, startScript } from '../../support/scripted-server.ts';

const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

async function script(...steps: Step[]) {
  const server = await startScript(steps);
  const client = clientFor([server.host]);
  cleanup.push(
    () => server.stop(),
    () => client.close(),
  );
  return { client, repository: { registry: server.host, path: 'a/b' } };
}

const MANIFEST = 'GET /v2/a/b/manifests/v1';
const blob = { digest: `sha256:${'a'.repeat(64)}`, size: 3 };
const ociConfig = { ...blob, mediaType: 'application/vnd.oci.image.config.v1+json' };
const dockerConfig = { ...blob, mediaType: 'application/vnd.docker.container.image.v1+json' };
const answer = (type: string, document: object, extra: Readonly<Record<string, string>> = {}): Answer => ({
  headers: { 'content-type': type, ...extra },
  body: JSON.stringify(document),
});

describe('the media type of a manifest', () => {
  it.each<[string, string, object, string]>([
    [
      'an OCI index served as a manifest',
      MediaType.ociManifest,
      { mediaType: MediaType.ociIndex, manifests: [] },
      MediaType.ociIndex,
    ],
    [
      'a Docker manifest list served as an OCI index',
      MediaType.ociIndex,
      { mediaType: MediaType.dockerList, manifests: [] },
      MediaType.dockerList,
    ],
    [
      'an OCI manifest served as Docker’s',
      MediaType.dockerManifest,
      { mediaType: MediaType.ociManifest, config: ociConfig, layers: [] },
      MediaType.ociManifest,
    ],
    ['one without a declared type', MediaType.ociManifest, { config: dockerConfig, layers: [] }, MediaType.ociManifest],
    [
      'one with an empty declared type',
      MediaType.dockerManifest,
      { mediaType: '', config: dockerConfig, layers: [] },
      MediaType.dockerManifest,
    ],
    [
      'an OCI manifest without a declared type, served as Docker’s',
      MediaType.dockerManifest,
      { mediaType: null, config: ociConfig, layers: [] },
      MediaType.ociManifest,
    ],
    [
      'a manifest served as schema 1',
      MediaType.dockerSchema1,
      { mediaType: MediaType.ociManifest, config: ociConfig, layers: [] },
      MediaType.ociManifest,
    ],
  ])('of %s is taken from its content', async (_, served, document, mediaType) => {
    const { client, repository } = await script({ expect: MANIFEST, answer: answer(served, document) });
    expect((await client.manifest(repository, 'v1')).descriptor.mediaType).toBe(mediaType);
  });

  it.each<[string, object]>([
    [
      'another kind of document, served as a manifest',
      { mediaType: 'application/vnd.oci.artifact.manifest.v1+json', blobs: [] },
    ],
    ['a type that is not a string', { mediaType: { a: 1 } }],
  ])('is rejected when it is unknown: %s', async (_, document) => {
    const { client, repository } = await script({ expect: MANIFEST, answer: answer(MediaType.ociManifest, document) });
    await expect(client.manifest(repository, 'v1')).rejects.toMatchObject({ code: 'unsupported' });
  });
});

describe('a tag with a wrong digest header', () => {
  const document = { mediaType: MediaType.ociManifest, config: ociConfig, layers: [] };
  const own = digestOf(Buffer.from(JSON.stringify(document)));
  const announced = `sha256:${'b'.repeat(64)}`;
  const unusual = answer(MediaType.ociManifest, document, { 'docker-content-digest': announced });
  const right = answer(MediaType.ociManifest, document, { 'docker-content-digest': own });
  const thrice = [unusual, unusual, unusual].map((one) => ({ expect: MANIFEST, answer: one }));
  const own404 = { expect: `GET /v2/a/b/manifests/${own}`, answer: { status: 404 } };

  it('is accepted when the manifest exists under its own digest, and nothing under the announced one', async () => {
    const { client, repository } = await script(
      ...thrice,
      { expect: `GET /v2/a/b/manifests/${own}`, answer: right },
      { expect: `GET /v2/a/b/manifests/${announced}`, answer: { status: 404 } },
    );
    expect((await client.manifest(repository, 'v1')).descriptor.digest).toBe(own);
  });

  it('is rejected when the manifest does not exist, or the announced one may exist', async () => {
    const missing = await script(...thrice, own404);
    await expect(missing.client.manifest(missing.repository, 'v1')).rejects.toMatchObject({ code: 'digest-mismatch' });
    const refused = await script(
      ...thrice,
      { expect: `GET /v2/a/b/manifests/${own}`, answer: right },
      { expect: `GET /v2/a/b/manifests/${announced}`, answer: { status: 403 } },
    );
    await expect(refused.client.manifest(refused.repository, 'v1')).rejects.toMatchObject({ code: 'digest-mismatch' });
  });
});

describe('a HEAD', () => {
  it('that reports 0 bytes is replaced by GET', async () => {
    const document = { mediaType: MediaType.ociManifest, config: ociConfig, layers: [] };
    const digest = digestOf(Buffer.from(JSON.stringify(document)));
    const headers = { 'content-type': MediaType.ociManifest, 'docker-content-digest': digest, 'content-length': '0' };
    const { client, repository } = await script(
      { expect: 'HEAD /v2/a/b/manifests/v1', answer: { headers } },
      { expect: MANIFEST, answer: answer(MediaType.ociManifest, document) },
    );
    expect(await client.head(repository, 'v1')).toMatchObject({ digest, size: JSON.stringify(document).length });
  });
});
