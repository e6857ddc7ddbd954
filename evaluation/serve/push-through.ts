import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { airgapOk } from '../../test/support/cli.ts';
import { digestOf } from '../../test/support/digest.ts';
import { startRegistry } from '../../test/support/registry.ts';
import { serve, type TestServe } from '../../test/support/serve.ts';

/**
 * A registry for tests that push what they pull: writes go into a real registry, reads are answered by `helm airgap serve`
 * with a bundle of all that was pushed. So a read-only registry is judged with the tests' own content.
 */
export interface PushThrough {
  /** `127.0.0.1:PORT`, plain HTTP. */
  readonly host: string;
  /** Digests of the pushed manifests and of their subjects, and of the blobs below them. */
  pushed(): { readonly manifests: string[]; readonly subjects: string[]; readonly blobs: string[] };
  /** Starts `serve` with all that was pushed, unless it runs. @returns its `127.0.0.1:PORT` */
  served(): Promise<string>;
  stop(): Promise<void>;
}

/** A pushed manifest; only what is read here. */
interface Manifest {
  readonly subject?: { readonly digest: string };
  readonly config?: { readonly digest: string };
  readonly layers?: readonly { readonly digest: string }[];
}

/** @param folder an empty folder, for bundles */
export async function startPushThrough(folder: string): Promise<PushThrough> {
  const store = await startRegistry();
  /** Manifests by `REPOSITORY:TAG` or `REPOSITORY@DIGEST`, as they were pushed. */
  const manifests = new Map<string, { readonly digest: string; readonly content: Manifest }>();
  let current: Promise<TestServe> | undefined;
  let bundles = 0;

  const start = async (): Promise<TestServe> => {
    const bundle = join(folder, `${bundles++}.tar`);
    const images = [...manifests.keys()].flatMap((name) => ['--image', `${store.host}/${name}`]);
    await airgapOk(['bundle', ...images, '--plain-http', store.host, '--out', bundle], folder);
    return serve(bundle, '--naming', 'path');
  };
  const served = async (): Promise<string> => {
    current ??= start();
    return (await current).host;
  };
  const write = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const body = await buffer(incoming);
    const [, repository = '', reference = ''] = /^\/v2\/(.+)\/manifests\/([^/]+)$/.exec(incoming.url ?? '') ?? [];
    const headers: Record<string, string> = {};
    if (incoming.method === 'PUT' && reference !== '') {
      const content = JSON.parse(body.toString('utf8')) as Manifest;
      const name = `${repository}${reference.startsWith('sha256:') ? '@' : ':'}${reference}`;
      manifests.set(name, { digest: digestOf(body), content });
      const before = current;
      current = undefined;
      await (await before)?.stop();
      // Registries with the referrers API say so; distribution 2.8 does not have it, `serve` does.
      if (content.subject !== undefined) headers['OCI-Subject'] = content.subject.digest;
    }
    await forward(store.host, incoming, outgoing, body, headers);
  };
  const handle = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const isWrite = ['POST', 'PUT', 'PATCH'].includes(incoming.method ?? '');
    if (isWrite) await write(incoming, outgoing);
    else await forward(await served(), incoming, outgoing, await buffer(incoming), {});
  };
  const server = createServer((incoming, outgoing) => {
    handle(incoming, outgoing).catch((error: Error) => outgoing.writeHead(500).end(error.message));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    pushed() {
      const all = [...manifests.values()];
      const unique = (digests: readonly (string | undefined)[]): string[] =>
        [...new Set(digests)].filter((digest) => digest !== undefined);
      return {
        manifests: unique(all.map(({ digest }) => digest)),
        subjects: unique(all.map(({ content }) => content.subject?.digest)),
        blobs: unique(all.flatMap(({ content: { config, layers = [] } }) => [config, ...layers]).map((b) => b?.digest)),
      };
    },
    served,
    async stop() {
      server.closeAllConnections();
      server.close();
      await Promise.all([current?.then((running) => running.stop()), store.stop()]);
    },
  };
}

/** Sends a request to another server, and its answer back. */
async function forward(
  host: string,
  { method, url, headers }: IncomingMessage,
  outgoing: ServerResponse,
  body: Buffer,
  more: Readonly<Record<string, string>>,
): Promise<void> {
  // The Host header stays: locations of uploads come back through here.
  const sent = request(`http://${host}${url}`, { method, headers });
  sent.end(body);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  outgoing.writeHead(answer.statusCode ?? 502, { ...answer.headers, ...more });
  answer.pipe(outgoing);
  await once(answer, 'close');
}
