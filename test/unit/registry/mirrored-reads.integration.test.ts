import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { ignoreEvents } from '../../../src/base/events.ts';
import { formatReference, parseReference, type Repository } from '../../../src/oci/reference.ts';
import { parseMirror } from '../../../src/registry/routes.ts';
import { copy } from '../../../src/transfer/copy.ts';
import { SharedSource } from '../../../src/transfer/shared-source.ts';
import { walk } from '../../../src/transfer/walk.ts';
import { pushImage } from '../../support/images.ts';
import { freePort, startRegistry, type TestRegistry } from '../../support/registry.ts';
import { clientFor } from '../../support/registry-client.ts';
import { startTamperingProxy, type Tampering } from '../../support/tampering-proxy.ts';

/** From registry to registries without a file between them, with mirrors of the source that misbehave. */

let near: TestRegistry;
let far: TestRegistry;
let targets: readonly TestRegistry[];
beforeAll(async () => {
  [near, far] = [await startRegistry(), await startRegistry()];
  targets = [await startRegistry(), await startRegistry()];
  for (const { host } of [near, far]) {
    // Layers above and below the size up to which an upload is verified before it is sent.
    await pushImage(host, 'q/large', '1', { size: 1_000_000 });
    await pushImage(host, 'q/small', '1', { size: 1000 });
  }
});
afterAll(() => Promise.all([near, far, ...targets].map((registry) => registry.stop())));

const ofBlobs = (tampering: Tampering) => (method: string, path: string) =>
  method === 'GET' && path.includes('/blobs/') ? tampering : undefined;

it.each([
  { title: 'damages layers', tampering: { kind: 'flip-first-byte' } },
  { title: 'breaks off layers', tampering: { kind: 'cut-after', bytes: 100 } },
  { title: 'lost its layers', tampering: { kind: 'status', status: 404 } },
  { title: 'cannot read its layers', tampering: { kind: 'status', status: 500 } },
] as const)('two targets get everything although the first mirror $title', async ({ title, tampering }) => {
  const proxy = await startTamperingProxy(near.host, ofBlobs(tampering));
  onTestFinished(() => proxy.stop());
  const dead = `127.0.0.1:${await freePort()}`;
  const plainHttp = [proxy.host, far.host, dead, ...targets.map(({ host }) => host)];
  const mirrors = [dead, `${proxy.host}/q`, `${far.host}/q`].map((to) => parseMirror(`quay.example=${to}`));
  const source = clientFor(plainHttp, { mirrors });
  onTestFinished(() => source.close());
  const references = ['quay.example/large:1', 'quay.example/small:1'].map(parseReference);
  const { graph, failures } = await walk(source, references, { platforms: [], concurrency: 4 });
  expect(failures).toEqual([]);
  const shared = new SharedSource(source);
  const prefix = title.replaceAll(' ', '-');
  const runs = targets.map(({ host }) => ({ host, reader: shared.reader() }));
  const results = await Promise.all(
    runs.map(async ({ host, reader }) => {
      const sink = clientFor(plainHttp, { isPushTarget: true });
      onTestFinished(() => sink.close());
      const target = ({ path }: Repository) => ({ registry: host, path: `${prefix}/${path}` });
      const options = { target, concurrency: 4, emit: ignoreEvents, coordinator: reader };
      return copy(graph, reader, sink, options).finally(() => reader.close());
    }),
  );
  for (const result of results) {
    expect(result.failures).toEqual([]);
    expect(result.outcomes.map(({ reference, status }) => [formatReference(reference), status])).toEqual([
      ['quay.example/large:1', 'pushed'],
      ['quay.example/small:1', 'pushed'],
    ]);
  }
});
