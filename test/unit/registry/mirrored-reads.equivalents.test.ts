import { buffer } from 'node:stream/consumers';
import { expect, it, onTestFinished } from 'vitest';
import type { AirgapEvent } from '../../../src/base/events.ts';
import { publicEcrEquivalent } from '../../../src/ecr/public-equivalents.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import { parseMirror } from '../../../src/registry/routes.ts';
import { descriptorOf } from '../../support/descriptor.ts';
import { type ImageServer, startImageServer } from '../../support/image-server.ts';
import { buildImage } from '../../support/images.ts';
import { freePort } from '../../support/registry.ts';
import { clientFor } from '../../support/registry-client.ts';

const nginx = buildImage({ name: 'nginx', platforms: ['linux/amd64'], index: true });
const newer = buildImage({ name: 'newer', platforms: ['linux/amd64'] });
const library = { registry: 'docker.io', path: 'library/nginx' };
const child = nginx.manifests[0]?.digest as Digest;
const blob = descriptorOf([...nginx.blobs.values()][0] as Buffer);

/** Creates a client that reads Docker Hub and Public ECR from these hosts. */
function clientOf(hub: string, ecr: string) {
  const events: AirgapEvent[] = [];
  const client = clientFor([hub, ecr], {
    mirrors: [`docker.io=${hub}`, `public.ecr.aws=${ecr}`].map(parseMirror),
    equivalentOf: publicEcrEquivalent,
    emit: (event) => void events.push(event),
  });
  onTestFinished(() => client.close());
  return { client, events };
}

const servers = async (hub: typeof nginx, ecr: typeof nginx | undefined): Promise<[ImageServer, ImageServer]> => [
  await startImageServer({ 'library/nginx:1': hub }),
  await startImageServer(ecr === undefined ? {} : { 'docker/library/nginx:1': ecr }),
];

it('an image whose tag has the same digest in Public ECR is read from there: one HEAD on each side', async () => {
  const [hub, ecr] = await servers(nginx, nginx);
  const { client, events } = clientOf(hub.host, ecr.host);
  expect((await client.manifest(library, '1')).descriptor.digest).toBe(nginx.digest);
  await client.manifest(library, child);
  await buffer(await client.blob(library, blob).open());
  expect(hub.requests).toEqual(['HEAD manifests 1']);
  const byDigest = [`GET manifests ${nginx.digest}`, `GET manifests ${child}`, `GET blobs ${blob.digest}`];
  expect(ecr.requests).toEqual(['HEAD manifests 1', ...byDigest]);
  expect(client.equivalentUse()).toEqual({ used: ['docker.io/library/nginx:1'], different: [], absent: [] });
  expect(events).toMatchObject([
    { type: 'served', reference: 'docker.io/library/nginx:1', repository: `${ecr.host}/docker/library/nginx` },
  ]);
});

it.each([
  { title: 'another digest', image: newer, use: 'different' },
  { title: 'no such tag', image: undefined, use: 'absent' },
])('with $title in Public ECR, everything is read from Docker Hub', async ({ image, use }) => {
  const [hub, ecr] = await servers(nginx, image);
  const { client } = clientOf(hub.host, ecr.host);
  expect((await client.manifest(library, '1')).descriptor.digest).toBe(nginx.digest);
  await client.manifest(library, child);
  await buffer(await client.blob(library, blob).open());
  expect(ecr.requests).toEqual(['HEAD manifests 1']);
  expect(hub.requests).toHaveLength(4);
  expect(client.equivalentUse()).toMatchObject({ used: [], [use]: ['docker.io/library/nginx:1'] });
});

it('a digest is asked for in Public ECR first', async () => {
  const [hub, ecr] = await servers(nginx, nginx);
  const { client } = clientOf(hub.host, ecr.host);
  await client.manifest(library, nginx.digest);
  await client.manifest(library, child);
  expect([hub.requests, ecr.requests.length]).toEqual([[], 2]);
  const other = await servers(nginx, undefined);
  const missing = clientOf(other[0].host, other[1].host).client;
  await missing.manifest(library, nginx.digest);
  await missing.manifest(library, child);
  expect(other.map(({ requests }) => requests.length)).toEqual([2, 1]);
  expect(missing.equivalentUse()).toMatchObject({ absent: [`docker.io/library/nginx@${nginx.digest}`] });
});

it('if Public ECR does not answer, there is one warning and Docker Hub serves the rest', async () => {
  const [hub] = await servers(nginx, undefined);
  const { client, events } = clientOf(hub.host, `127.0.0.1:${await freePort()}`);
  for (let i = 0; i < 3; i++) expect((await client.manifest(library, '1')).descriptor.digest).toBe(nginx.digest);
  expect(events.filter(({ type }) => type === 'warning')).toHaveLength(1);
  // Once it is known, Docker Hub is not asked for the digest any more.
  expect(hub.requests).toEqual(['HEAD manifests 1', ...Array(3).fill('GET manifests 1')]);
});

it('if Public ECR fails after its digest was compared, Docker Hub serves the same content', async () => {
  const hub = await startImageServer({ 'library/nginx:1': nginx });
  const misbehave = (method: string) => (method === 'HEAD' ? undefined : { status: 503 });
  const ecr = await startImageServer({ 'docker/library/nginx:1': nginx }, { misbehave });
  const { client, events } = clientOf(hub.host, ecr.host);
  expect((await client.manifest(library, '1')).descriptor.digest).toBe(nginx.digest);
  await buffer(await client.blob(library, blob).open());
  expect(hub.requests).toEqual(['HEAD manifests 1', `GET manifests ${nginx.digest}`, `GET blobs ${blob.digest}`]);
  expect(events.filter(({ type }) => type === 'warning')).toHaveLength(1);
});

it('an error of Docker Hub stays one, whatever Public ECR has', async () => {
  const hub = await startImageServer({}, { misbehave: () => ({ status: 403 }) });
  const ecr = await startImageServer({ 'docker/library/nginx:1': nginx });
  const { client } = clientOf(hub.host, ecr.host);
  await expect(client.manifest(library, '1')).rejects.toMatchObject({ code: 'forbidden' });
});

it('lookups and signatures are of Docker Hub only', async () => {
  const [hub, ecr] = await servers(nginx, nginx);
  const { client } = clientOf(hub.host, ecr.host);
  const signature = `${nginx.digest.replace(':', '-')}.sig`;
  await client.head(library, '1');
  await client.manifest(library, signature).catch(() => {});
  expect([hub.requests, ecr.requests]).toEqual([['HEAD manifests 1', `GET manifests ${signature}`], []]);
});
