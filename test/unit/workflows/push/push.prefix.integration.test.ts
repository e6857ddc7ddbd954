import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { AirgapError } from '../../../../src/base/errors.ts';
import { ignoreEvents } from '../../../../src/base/events.ts';
import { chartArtifact } from '../../../../src/bundle/format/chart-artifact.ts';
import { parseTarget } from '../../../../src/naming/naming.ts';
import { MediaType } from '../../../../src/oci/descriptor.ts';
import { type Digest, digestOf } from '../../../../src/oci/digest.ts';
import { planPush } from '../../../../src/workflows/push/plan-push.ts';
import { push } from '../../../../src/workflows/push/push.ts';
import { SELECT_ALL } from '../../../../src/workflows/push/selection.ts';
import fc from '../../../support/property.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { tarOf } from '../../../support/tar.ts';

/** Starts an empty server that records the path of every request unchanged. */
async function startServer(): Promise<{ readonly host: string; readonly paths: string[] }> {
  const paths: string[] = [];
  const server = createServer((request, response) => {
    paths.push(request.url ?? '');
    request.resume();
    response.writeHead(request.method === 'GET' && request.url === '/v2/' ? 200 : 404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise((resolve) => void server.close(() => resolve())));
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, paths };
}

interface Names {
  readonly chart: string;
  readonly version: string;
  readonly image: string;
  readonly repository: string;
  readonly tag: string;
}

/** Creates a bundle without an inventory: an image with a referrer, and a chart, under these names. */
function bundleOf({ chart, version, image, repository, tag }: Names): Buffer {
  const blobs = new Map<Digest, Uint8Array>();
  const add = (mediaType: string, bytes: Uint8Array) => {
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const json = (value: object) => Buffer.from(JSON.stringify(value));
  const config = add('application/vnd.oci.image.config.v1+json', json({ os: 'linux', architecture: 'amd64' }));
  const imageManifest = { schemaVersion: 2, mediaType: MediaType.ociManifest, config, layers: [] };
  const manifest = add(MediaType.ociManifest, json(imageManifest));
  const attached = add(MediaType.ociManifest, json({ ...imageManifest, subject: manifest }));
  const artifact = chartArtifact({ metadata: { name: 'x', version: '1.0.0' }, tgz: Buffer.from('chart') });
  for (const [digest, { bytes }] of [...artifact.content.manifests, ...artifact.content.blobs])
    blobs.set(digest, bytes as Uint8Array);
  const ref = 'org.opencontainers.image.ref.name';
  const referrer = {
    'vnd.helm-airgap.subject': manifest.digest,
    'vnd.helm-airgap.repository': repository,
    ...(tag === '' ? {} : { 'vnd.helm-airgap.tag': tag }),
  };
  const called = {
    [ref]: `charts/${chart}:${version}`,
    'org.opencontainers.image.title': chart,
    'org.opencontainers.image.version': version,
  };
  const manifests = [
    { ...manifest, annotations: { [ref]: image } },
    { ...manifest, annotations: { [ref]: 'quay.io/a:1' } },
    { ...attached, annotations: referrer },
    { ...artifact.descriptor, annotations: called },
  ];
  return tarOf([
    { path: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' },
    { path: 'index.json', content: JSON.stringify({ schemaVersion: 2, manifests }) },
    ...[...blobs].map(([digest, bytes]) => ({
      path: `blobs/${digest.replace(':', '/')}`,
      content: Buffer.from(bytes),
    })),
  ]);
}

it('reads and writes nothing outside its prefix, for any names in a bundle', async () => {
  const { host, paths } = await startServer();
  const file = join(scratchFolder(), 'b.tar');
  const context = { env: {}, cwd: '/', emit: ignoreEvents };
  const options = {
    files: [file],
    targets: [parseTarget(`${host}/team/mirrored`, 'host-path')],
    access: { mirrors: [], plainHttp: ['127.0.0.1'], ecrHosts: [] },
    concurrency: 4,
    existing: 'overwrite' as const,
    requireReferrers: false,
    selection: SELECT_ALL,
    repositories: { create: 'missing' as const, reconcile: false, settings: {} },
    now: () => new Date(0),
  };
  const invalid = fc.oneof(
    fc.string({ maxLength: 12 }),
    fc
      .array(fc.constantFrom('..', '.', '', '%2e%2e', 'a', 'A', 'prod', 'app', 'sha256'), { maxLength: 6 })
      .map((parts) => parts.join('/')),
    fc.constantFrom(
      '../../../prod/app',
      '1.0.0/../../x',
      '1?n=sha256:0',
      '1#x',
      'a\\..\\b',
      'v1..',
      '../blobs/uploads',
    ),
  );
  const either = (valid: string) => fc.oneof({ weight: 3, arbitrary: fc.constant(valid) }, invalid);
  const names = fc.record({
    chart: either('demo'),
    version: either('1.2.3+b'),
    image: either('quay.io/b:2').chain((name) => fc.constantFrom(name, `quay.io/${name}:1`, `quay.io/a:${name}`)),
    repository: either('quay.io/a').chain((name) => fc.constantFrom(name, `charts/${name}`, `quay.io/${name}`)),
    tag: either(''),
  });
  let requests = 0;
  await fc.assert(
    fc.asyncProperty(names, async (hostile) => {
      await writeFile(file, bundleOf(hostile));
      for (const run of [() => push(context, options, async () => {}), () => planPush(context, options)]) {
        await run().catch((error: unknown) => expect(error).toBeInstanceOf(AirgapError));
      }
      const imageManifest = paths.splice(0);
      requests += imageManifest.length;
      expect(imageManifest.filter((path) => path !== '/v2/' && !path.startsWith('/v2/team/mirrored/'))).toEqual([]);
      expect(imageManifest.filter((path) => /\.\.|%2e/i.test(path))).toEqual([]);
    }),
    { numRuns: 60 },
  );
  expect(requests).toBeGreaterThan(100);
});
