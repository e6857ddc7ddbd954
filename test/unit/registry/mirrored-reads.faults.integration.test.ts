import { buffer } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { AirgapEvent } from '../../../src/base/events.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import type { RegistryClient } from '../../../src/registry/client.ts';
import { parseMirror } from '../../../src/registry/routes.ts';
import { readBlob } from '../../../src/transfer/resumable-read.ts';
import { descriptorOf } from '../../support/descriptor.ts';
import { type ImageServer, type Misbehaviour, startImageServer } from '../../support/image-server.ts';
import { buildImage } from '../../support/images.ts';
import { freePort } from '../../support/registry.ts';
import { clientFor } from '../../support/registry-client.ts';

const app = buildImage({ name: 'app', platforms: ['linux/amd64'], index: true });
const other = buildImage({ name: 'other', platforms: ['linux/amd64'] });
const images = { 'q/a/b:1': app };
const named = { registry: 'quay.example', path: 'a/b' };
const child = app.manifests[0]?.digest as Digest;
const blobs = [...app.blobs.values()].map((bytes) => descriptorOf(bytes));
const [blob, secondBlob] = blobs as [(typeof blobs)[0], (typeof blobs)[0]];

interface Mirrored {
  readonly client: RegistryClient;
  readonly events: AirgapEvent[];
}

/** Creates a client that reads quay.example from these hosts, in this order, below the path `q`. */
function mirrored(...hosts: readonly string[]): Mirrored {
  const events: AirgapEvent[] = [];
  const mirrors = hosts.map((host) => parseMirror(`quay.example=${host}`));
  const client = clientFor(
    hosts.map((host) => host.replace(/\/.*/, '')),
    { mirrors, emit: (event) => void events.push(event) },
  );
  onTestFinished(() => client.close());
  return { client, events };
}

const at = ({ host }: Pick<ImageServer, 'host'>): string => `${host}/q`;
const served = (events: readonly AirgapEvent[]): object[] => events.filter(({ type }) => type === 'served');
const warnings = (events: readonly AirgapEvent[]): object[] => events.filter(({ type }) => type === 'warning');
const only = (kind: string, fault: Misbehaviour) => (_: string, path: string) =>
  path.includes(kind) ? fault : undefined;

/** Reads an image completely, as a bundle does. */
async function readImage({ client }: Mirrored): Promise<void> {
  await client.manifest(named, '1');
  await client.manifest(named, child);
  for (const descriptor of blobs) {
    const body = client.blob(named, descriptor);
    expect(descriptorOf(await buffer(await body.open())).digest).toBe(descriptor.digest);
  }
}

describe('of several mirrors', () => {
  it('the first one that has the image serves all of it, and no other is asked', async () => {
    const [first, second] = [await startImageServer(images), await startImageServer(images)];
    const run = mirrored(at(first), at(second));
    await readImage(run);
    expect([first.requests.length, second.requests]).toEqual([2 + blobs.length, []]);
    expect(served(run.events)).toEqual([
      {
        type: 'served',
        item: 'manifest',
        reference: 'quay.example/a/b:1',
        digest: app.digest,
        repository: `${first.host}/q/a/b`,
      },
    ]);
  });

  it('one without the image is asked once: what is below it comes from where it was found', async () => {
    const [first, second] = [await startImageServer({}), await startImageServer(images)];
    const run = mirrored(at(first), at(second));
    await readImage(run);
    expect([first.requests, second.requests.length]).toEqual([['GET manifests 1'], 2 + blobs.length]);
    expect(served(run.events)).toMatchObject([{ item: 'manifest', repository: `${second.host}/q/a/b` }]);
    expect(warnings(run.events)).toEqual([]);
  });

  it('one that breaks connections is tried three times in a run, not for each blob', async () => {
    const first = await startImageServer({}, { misbehave: () => 'reset' });
    const second = await startImageServer(images);
    const run = mirrored(at(first), at(second));
    await readImage(run);
    expect(await run.client.head(named, 'none').catch(({ code }) => code)).toBe('registry');
    expect([first.requests.length, second.requests.length]).toEqual([3, 3 + blobs.length]);
  });

  it('that all broke connections are tried again: the network may be back', async () => {
    let isDown = true;
    const misbehave = () => (isDown ? 'reset' : undefined);
    const both = [await startImageServer(images, { misbehave }), await startImageServer(images, { misbehave })];
    const run = mirrored(...both.map(at));
    await expect(run.client.manifest(named, '1')).rejects.toMatchObject({ code: 'network' });
    isDown = false;
    await readImage(run);
  });

  it('one that is not there is passed over', async () => {
    const second = await startImageServer(images);
    const run = mirrored(`127.0.0.1:${await freePort()}/q`, at(second));
    await readImage(run);
    expect(served(run.events)).toMatchObject([{ item: 'manifest', repository: `${second.host}/q/a/b` }]);
  });

  it.each([401, 403])('one that refuses access (%i) is asked once', async (status) => {
    const first = await startImageServer(images, {
      misbehave: (_, path) => (path === '/v2/' ? undefined : { status }),
    });
    const second = await startImageServer(images);
    const run = mirrored(at(first), at(second));
    await readImage(run);
    expect(first.requests.filter((line) => line !== 'GET v2 ')).toEqual(['GET manifests 1']);
    expect(second.requests.length).toBe(2 + blobs.length);
  });

  it.each([500, 503, 429])('one that fails with %i is passed over', async (status) => {
    const [first, second] = [
      await startImageServer(images, { misbehave: () => ({ status }) }),
      await startImageServer(images),
    ];
    await readImage(mirrored(at(first), at(second)));
    // Three attempts for each content, until three in a row have failed.
    expect(first.requests.length).toBeLessThanOrEqual(9);
  });

  it('one that is slow is waited for', async () => {
    const [first, second] = [
      await startImageServer(images, { misbehave: () => ({ delay: 300 }) }),
      await startImageServer(images),
    ];
    await readImage(mirrored(at(first), at(second)));
    expect(second.requests).toEqual([]);
  });

  it('the first one that has the tag decides, even if another has a newer image', async () => {
    const [first, second] = [await startImageServer(images), await startImageServer({ 'q/a/b:1': other })];
    const { client } = mirrored(at(first), at(second));
    expect((await client.head(named, '1'))?.digest).toBe(app.digest);
    expect((await client.manifest(named, '1')).descriptor.digest).toBe(app.digest);
    expect(second.requests).toEqual([]);
  });

  it('one that lacks some of the content is complemented, with one warning', async () => {
    const gaps = [`blobs/${blob.digest}`, `blobs/${secondBlob.digest}`];
    const [first, second] = [
      await startImageServer(images, {
        misbehave: (_, path) => (gaps.some((gap) => path.endsWith(gap)) ? { status: 404 } : undefined),
      }),
      await startImageServer(images),
    ];
    const run = mirrored(at(first), at(second));
    await readImage(run);
    expect(second.requests).toEqual(gaps.map((gap) => `GET ${gap.replace('/', ' ')}`));
    expect(served(run.events)).toMatchObject([
      { item: 'manifest', repository: `${first.host}/q/a/b` },
      { item: 'blob', reference: `quay.example/a/b@${blob.digest}`, repository: `${second.host}/q/a/b` },
      { item: 'blob', reference: `quay.example/a/b@${secondBlob.digest}`, repository: `${second.host}/q/a/b` },
    ]);
    expect(warnings(run.events)).toMatchObject([{ message: expect.stringContaining(`${first.host}/q/a/b`) }]);
  });

  it('after a lookup of a tag, its digest is read from where the tag was found', async () => {
    const [first, second] = [await startImageServer({}), await startImageServer(images)];
    const run = mirrored(at(first), at(second));
    expect((await run.client.head(named, '1'))?.digest).toBe(app.digest);
    await run.client.manifest(named, app.digest);
    expect([first.requests, second.requests.length]).toEqual([['HEAD manifests 1'], 2]);
    expect(run.events).toMatchObject([{ type: 'served', reference: `quay.example/a/b@${app.digest}` }]);
  });

  it('a digest that the user gave is read wherever it is, without a warning', async () => {
    const [first, second] = [await startImageServer({ 'q/a/b:1': other }), await startImageServer(images)];
    const run = mirrored(at(first), at(second));
    await run.client.manifest(named, '1');
    expect((await run.client.manifest(named, app.digest)).descriptor.digest).toBe(app.digest);
    expect([served(run.events).length, warnings(run.events)]).toEqual([2, []]);
  });
});

describe('a mirror that serves other bytes', () => {
  it('than those of a manifest is passed over', async () => {
    const bytes = other.manifests[0]?.bytes as Buffer;
    const [first, second] = [
      await startImageServer(images, { misbehave: only(child, { bytes }) }),
      await startImageServer(images),
    ];
    const run = mirrored(at(first), at(second));
    await readImage(run);
    // The blobs are read from where their manifest was found.
    expect(second.requests).toEqual([`GET manifests ${child}`, ...blobs.map(({ digest }) => `GET blobs ${digest}`)]);
  });

  it('of another length than a blob is passed over', async () => {
    const [first, second] = [
      await startImageServer(images, { misbehave: only(blob.digest, { bytes: Buffer.from('short') }) }),
      await startImageServer(images),
    ];
    await readImage(mirrored(at(first), at(second)));
    expect(second.requests).toEqual([`GET blobs ${blob.digest}`]);
  });

  it('of the same length is passed over once the digest was checked, and all are tried', async () => {
    const wrong = { bytes: Buffer.alloc(blob.size) };
    const bad = { misbehave: only(blob.digest, wrong) };
    const hosts = [
      await startImageServer(images, bad),
      await startImageServer(images, bad),
      await startImageServer(images),
    ];
    const { client } = mirrored(...hosts.map(at));
    const node = { descriptor: blob, repositories: [named] };
    const bytes = await readBlob(client, node, { emit: () => {} });
    expect([descriptorOf(bytes).digest, hosts.map(({ requests }) => requests.length)]).toEqual([
      blob.digest,
      [1, 1, 1],
    ]);
  });

  it('is an error if all of them do', async () => {
    const bad = { misbehave: only(blob.digest, { bytes: Buffer.alloc(blob.size) }) };
    const { client } = mirrored(at(await startImageServer(images, bad)), at(await startImageServer(images, bad)));
    const node = { descriptor: blob, repositories: [named] };
    await expect(readBlob(client, node, { emit: () => {} })).rejects.toMatchObject({ code: 'digest-mismatch' });
  });

  it('breaks off is replaced after two streams', async () => {
    const [first, second] = [
      await startImageServer(images, { misbehave: only(blob.digest, { cutAfter: 1 }) }),
      await startImageServer(images),
    ];
    const { client } = mirrored(at(first), at(second));
    const node = { descriptor: blob, repositories: [named] };
    expect(descriptorOf(await readBlob(client, node, { emit: () => {} })).digest).toBe(blob.digest);
    expect(second.requests).toEqual([`GET blobs ${blob.digest}`]);
  });
});

describe('if no mirror has it', () => {
  it('the error names each one with its cause', async () => {
    const [first, second] = [
      await startImageServer({}),
      await startImageServer({}, { misbehave: () => ({ status: 403 }) }),
    ];
    const dead = `127.0.0.1:${await freePort()}`;
    const { client } = mirrored(at(first), at(second), `${dead}/q`);
    const error = await client.manifest(named, '1').catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'forbidden', parts: { subject: 'quay.example/a/b:1' } });
    for (const fact of [at(first), '404', at(second), '403', dead, 'refused']) expect(error.message).toContain(fact);
  });

  it.each([
    { faults: [404, 404], code: 'image-not-found' },
    { faults: ['reset', 'reset'], code: 'network' },
    { faults: ['reset', 404], code: 'registry' },
    { faults: [404, 401], code: 'unauthorized' },
    { faults: [503, 404], code: 'registry' },
  ] as const)('$faults is $code', async ({ faults, code }) => {
    const servers = await Promise.all(
      faults.map((fault) => startImageServer({}, { misbehave: () => (fault === 'reset' ? fault : { status: fault }) })),
    );
    const { client } = mirrored(...servers.map(at));
    await expect(client.manifest(named, '1')).rejects.toMatchObject({ code });
    const { client: heads } = mirrored(...servers.map(at));
    if (code === 'image-not-found') expect(await heads.head(named, '1')).toBeUndefined();
    else await expect(heads.head(named, '1')).rejects.toMatchObject({ code });
  });

  it('the named registry knows: its 404 is enough although a mirror is down', async () => {
    const origin = await startImageServer({});
    const dead = `127.0.0.1:${await freePort()}`;
    const mirrors = [`${origin.host}=${dead}`, `${origin.host}=${origin.host}`].map(parseMirror);
    const client = clientFor([origin.host, dead], { mirrors });
    onTestFinished(() => client.close());
    const repository = { registry: origin.host, path: 'a/b' };
    expect(await client.head(repository, '1')).toBeUndefined();
    await expect(client.manifest(repository, '1')).rejects.toMatchObject({ code: 'image-not-found' });
  });
});

describe('tags', () => {
  it('are listed by the first mirror that answers', async () => {
    const [first, second] = [await startImageServer({}), await startImageServer(images)];
    const { client } = mirrored(at(first), at(second));
    expect([...(await client.tags(named))]).toEqual(['1']);
    const failing = mirrored(at(first), `127.0.0.1:${await freePort()}`).client.tags(named);
    await expect(failing).rejects.toMatchObject({ code: 'registry', parts: { subject: 'quay.example/a/b' } });
  });

  it('are those of the named registry if it is one of the mirrors: a cache may not know all', async () => {
    const origin = await startImageServer({ 'a/b:1': app, 'a/b:2': app });
    const cache = await startImageServer({ 'a/b:1': app });
    const mirrors = [`${origin.host}=${cache.host}`, `${origin.host}=${origin.host}`].map(parseMirror);
    const client = clientFor([origin.host, cache.host], { mirrors });
    onTestFinished(() => client.close());
    expect([...(await client.tags({ registry: origin.host, path: 'a/b' }))]).toEqual(['1', '2']);
    expect(cache.requests).toEqual([]);
    expect(client.hasMirrors({ registry: origin.host, path: 'a/b' })).toBe(true);
    expect(client.hasMirrors({ registry: 'ghcr.example', path: 'a/b' })).toBe(false);
  });
});

describe('referrers', () => {
  const [listed] = blobs;

  it('are listed by the first mirror that has the API', async () => {
    const [first, second] = [await startImageServer(images), await startImageServer({}, { referrers: [listed ?? {}] })];
    const { client } = mirrored(at(first), at(second));
    expect(await client.referrers(named, app.digest as Digest)).toMatchObject([{ digest: listed?.digest }]);
    await client.referrers(named, app.digest as Digest);
    expect(first.requests).toEqual([`GET referrers ${app.digest}`]);
  });

  it('are looked for where the image was found, first', async () => {
    const [first, second] = [
      await startImageServer({}, { referrers: [] }),
      await startImageServer(images, { referrers: [listed ?? {}] }),
    ];
    const { client } = mirrored(at(first), at(second));
    await client.manifest(named, '1');
    expect(await client.referrers(named, app.digest as Digest)).toHaveLength(1);
  });

  it('are not missing because a mirror without the image is down', async () => {
    const second = await startImageServer(images);
    const { client } = mirrored(`127.0.0.1:${await freePort()}/q`, at(second));
    await client.manifest(named, '1');
    expect(await client.referrers(named, app.digest as Digest)).toBeUndefined();
    expect(await client.head(named, `${app.digest.replace(':', '-')}.sig`)).toBeUndefined();
  });
});

describe('a client in another thread', () => {
  it('reads a blob first from where the main thread expects it', async () => {
    const [first, second] = [await startImageServer({}), await startImageServer(images)];
    const main = mirrored(at(first), at(second));
    await main.client.manifest(named, '1');
    await main.client.manifest(named, child);
    const expected = main.client.expectedAt(named, blob.digest);
    expect(expected).toEqual({ registry: second.host, path: 'q/a/b' });
    const thread = mirrored(at(first), at(second));
    thread.client.expectAt(named, blob.digest, expected as NonNullable<typeof expected>);
    await buffer(await thread.client.blob(named, blob).open());
    expect([first.requests, thread.events]).toEqual([['GET manifests 1'], []]);
  });

  it('may read from a repository that it does not know as a mirror', async () => {
    const [first, second] = [await startImageServer(images), await startImageServer(images)];
    const { client, events } = mirrored(at(first), second.host);
    client.expectAt(named, blob.digest, { registry: second.host, path: 'q/a/b' });
    await buffer(await client.blob(named, blob).open());
    expect([first.requests, second.requests, events]).toEqual([[], [`GET blobs ${blob.digest}`], []]);
  });
});
