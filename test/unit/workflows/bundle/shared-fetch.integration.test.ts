import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { AirgapEvent } from '../../../../src/base/events.ts';
import { openRandomFile, type RandomFile, singleFile } from '../../../../src/bundle/files/random-file.ts';
import type { BlobNode } from '../../../../src/oci/graph.ts';
import { SharedFetch } from '../../../../src/workflows/bundle/shared-fetch.ts';
import { descriptorOf } from '../../../support/descriptor.ts';
import { clientFor } from '../../../support/registry-client.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const SIZE = 33 * 1024 * 1024;
const contents = [1, 2].map((fill) => Buffer.alloc(SIZE, `content ${fill} `));

/** Starts a registry that serves these blobs to clients with the password. */
async function registry(answer: RequestListener): Promise<string> {
  const server = createServer((request, response) => {
    if (request.headers.authorization !== 'Basic dTpw') {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
    } else answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.closeAllConnections());
  onTestFinished(() => void server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** @param lacking host of a mirror that comes first; the blobs are those of quay.example then */
async function setUp(answer: RequestListener, password = 'p', lacking?: string) {
  const host = await registry(answer);
  const named = { registry: lacking === undefined ? host : 'quay.example', path: 'a' };
  const mirrors = lacking === undefined ? [] : [lacking, host].map((to) => ({ from: named.registry, to }));
  const plainHttp = [host, ...(lacking === undefined ? [] : [lacking])];
  const client = clientFor(plainHttp, {
    mirrors,
    keychain: { lookup: async () => ({ kind: 'basic', username: 'u', password, source: 'stored in FILE' }) },
  });
  onTestFinished(() => client.close());
  const nodes = contents.map((bytes): BlobNode => ({ descriptor: descriptorOf(bytes), repositories: [named] }));
  const blobs = new Map(nodes.map((node) => [node.descriptor.digest, node]));
  const asked = vi.spyOn(client.authorizer, 'authorization');
  const renewed = vi.spyOn(client.authorizer, 'renew');
  const source = { ...blank(client), authorizer: client.authorizer, expectedAt: client.expectedAt.bind(client) };
  const events: AirgapEvent[] = [];
  const emit = (event: AirgapEvent): void => void events.push(event);
  const shared = SharedFetch.for({ blobs }, source, { env: {}, mirrors, plainHttp }, emit);
  onTestFinished(() => shared.close());
  const file = await openRandomFile(singleFile(join(scratchFolder(), 'f')), 'w+');
  onTestFinished(() => file.close());
  await file.truncate(2 * SIZE);
  return { host, named, client, nodes, shared, file, events, emit, asked, renewed };
}

/** Source of the main thread, which may fetch only the first blob: the second is for the worker. */
function blank(client: ReturnType<typeof clientFor>) {
  return {
    manifest: client.manifest.bind(client),
    blob: (...[repository, descriptor]: Parameters<typeof client.blob>) => {
      if (descriptor.digest !== descriptorOf(contents[0] as Buffer).digest) throw new Error('not on the main thread');
      return client.blob(repository, descriptor);
    },
  };
}

async function read(file: RandomFile): Promise<Buffer> {
  const all = Buffer.alloc(2 * SIZE);
  await file.read(all, 0);
  return all;
}

const give: RequestListener = (request, response) => {
  const bytes = contents.find((content) => request.url?.endsWith(descriptorOf(content).digest));
  response.writeHead(200, { 'content-length': SIZE }).end(bytes);
};

describe('two large blobs', () => {
  it('are distributed to two threads, and the worker requests credentials', async () => {
    const { nodes, shared, file, events, emit, asked, renewed } = await setUp(give);
    const checkpoint = vi.fn(async () => {});
    const steps = { file, emit, checkpoint };
    const fetched = await Promise.all(nodes.map((node, at) => shared.fetch(node, at * SIZE, 0, steps)));
    expect(fetched).toEqual([SIZE, SIZE]);
    expect((await read(file)).equals(Buffer.concat(contents))).toBe(true);
    // Each thread requests one blob. The first request is refused and repeated with credentials.
    expect(asked.mock.calls.length).toBeGreaterThanOrEqual(2);
    expect(renewed).toHaveBeenCalled();
    expect(checkpoint).toHaveBeenCalledWith(nodes[1]?.descriptor.digest, SIZE);
    const bytes = events.map((event) => (event.type === 'bytes' ? event.bytes : 0));
    expect(bytes.reduce((sum, some) => sum + some)).toBe(2 * SIZE);
  });

  it('are read from the mirrors that have them: where the image was found, and otherwise in order', async () => {
    const requests: string[] = [];
    const lacking = await registry((request, response) => {
      requests.push(request.url ?? '');
      response.writeHead(404).end();
    });
    for (const isKnown of [true, false]) {
      const { host, named, client, nodes, shared, file, events, emit } = await setUp(give, 'p', lacking);
      if (isKnown) {
        for (const { descriptor } of nodes) client.expectAt(named, descriptor.digest, { registry: host, path: 'a' });
      }
      const steps = { file, emit, checkpoint: async () => {} };
      await Promise.all(nodes.map((node, at) => shared.fetch(node, at * SIZE, 0, steps)));
      expect((await read(file)).equals(Buffer.concat(contents))).toBe(true);
      const served = events.filter(({ type }) => type === 'served');
      // The main thread's client emits its own.
      const digest = nodes[1]?.descriptor.digest as string;
      expect(requests.some((url) => url.endsWith(digest))).toBe(!isKnown);
      expect(served).toEqual(isKnown ? [] : [expect.objectContaining({ digest, repository: `${host}/a` })]);
    }
  });

  it('fail with the errors of the worker', async () => {
    const wrong = Buffer.alloc(SIZE);
    const { nodes, shared, file, emit } = await setUp((_, response) => {
      response.writeHead(200, { 'content-length': SIZE }).end(wrong);
    });
    const steps = { file, emit, checkpoint: async () => {} };
    const ends = await Promise.allSettled(nodes.map((node, at) => shared.fetch(node, at * SIZE, 0, steps)));
    for (const end of ends) expect(end).toMatchObject({ reason: { code: 'digest-mismatch' } });
  });

  it('fail with the tried credentials, which the worker does not know', async () => {
    const { nodes, shared, file, emit } = await setUp(give, 'wrong');
    const steps = { file, emit, checkpoint: async () => {} };
    const ends = await Promise.allSettled(nodes.map((node, at) => shared.fetch(node, at * SIZE, 0, steps)));
    const message = expect.stringMatching(/FILE \(user u\)/);
    for (const end of ends) expect(end).toMatchObject({ reason: { code: 'unauthorized', message } });
  });

  it('are both interrupted', async () => {
    const { nodes, shared, file, emit } = await setUp((_, response) => {
      response.writeHead(200, { 'content-length': SIZE }).write('begun');
    });
    const abort = new AbortController();
    const steps = { file, emit, checkpoint: async () => {}, signal: abort.signal };
    const running = Promise.allSettled(nodes.map((node, at) => shared.fetch(node, at * SIZE, 0, steps)));
    setTimeout(() => abort.abort(), 300);
    for (const end of await running) expect(end).toMatchObject({ reason: { code: 'interrupted' } });
  });

  it('fail if a checkpoint of the worker cannot be written', async () => {
    const { nodes, shared, file, emit } = await setUp(give);
    const checkpoint = async (digest: string): Promise<void> => {
      if (digest === nodes[1]?.descriptor.digest) throw new Error('no room');
    };
    const ends = await Promise.allSettled(
      nodes.map((node, at) => shared.fetch(node, at * SIZE, 0, { file, emit, checkpoint })),
    );
    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  });
});
