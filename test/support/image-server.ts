import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { digestOf } from './digest.ts';
import type { BuiltImage } from './images.ts';

/** What a server does instead of its normal answer: a status, the bytes of another body, a pause before it, or a broken connection. */
export type Misbehaviour =
  | { readonly status: number }
  | { readonly bytes: Buffer }
  | { readonly delay: number }
  | { readonly cutAfter: number }
  | 'reset';

export interface ImageServerOptions {
  /** Chooses what goes wrong; undefined for the normal answer. */
  readonly misbehave?: (method: string, path: string) => Misbehaviour | undefined;
  /** Descriptors of the referrers API; without it, there is no such API. */
  readonly referrers?: readonly object[];
}

/** A read-only registry in this process that a test can make misbehave. */
export interface ImageServer {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** `GET manifests 1.0`, `GET blobs sha256:…`, in order. */
  readonly requests: string[];
}

/** Starts a server with images by `REPOSITORY:TAG`; it ends with the test. */
export async function startImageServer(
  images: Readonly<Record<string, BuiltImage>>,
  { misbehave = () => undefined, referrers }: ImageServerOptions = {},
): Promise<ImageServer> {
  const content = new Map<string, { readonly type: string; readonly bytes: Buffer }>();
  for (const [name, { manifests, blobs, digest }] of Object.entries(images)) {
    const [repository = '', tag = ''] = name.split(':');
    for (const { mediaType, bytes, digest: own } of manifests) {
      content.set(`/v2/${repository}/manifests/${own}`, { type: mediaType, bytes });
      if (own === digest) content.set(`/v2/${repository}/manifests/${tag}`, { type: mediaType, bytes });
    }
    for (const [own, bytes] of blobs) {
      content.set(`/v2/${repository}/blobs/${own}`, { type: 'application/octet-stream', bytes });
    }
  }
  const requests: string[] = [];
  const server = createServer(async ({ method = '', url: target = '' }, response) => {
    const [url = ''] = target.split('?');
    requests.push(`${method} ${url.split('/').slice(-2).join(' ')}`);
    const fault = misbehave(method, url);
    if (fault === 'reset') return void response.socket?.destroy();
    if (fault !== undefined && 'status' in fault) return void response.writeHead(fault.status).end();
    if (fault !== undefined && 'delay' in fault) await sleep(fault.delay);
    if (referrers !== undefined && url.includes('/referrers/')) return sendList(response, referrers);
    const found = content.get(url) ?? (url.endsWith('/tags/list') ? tagList(url, images) : undefined);
    if (found === undefined) return void response.writeHead(404).end();
    const bytes = fault !== undefined && 'bytes' in fault ? fault.bytes : found.bytes;
    const digest = url.includes('/manifests/') ? { 'docker-content-digest': digestOf(found.bytes) } : {};
    response.writeHead(200, { 'content-type': found.type, 'content-length': bytes.length, ...digest });
    if (method === 'HEAD') response.end();
    else if (fault !== undefined && 'cutAfter' in fault) {
      response.write(bytes.subarray(0, fault.cutAfter), () => response.socket?.destroy());
    } else response.end(bytes);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

/** Returns the tags of a repository; undefined if it has none. */
function tagList(url: string, images: Readonly<Record<string, BuiltImage>>) {
  const repository = url.slice('/v2/'.length, -'/tags/list'.length);
  const tags = Object.keys(images).flatMap((name) => (name.startsWith(`${repository}:`) ? [name.split(':')[1]] : []));
  const bytes = Buffer.from(JSON.stringify({ name: repository, tags }));
  return tags.length === 0 ? undefined : { type: 'application/json', bytes };
}

function sendList(response: ServerResponse, manifests: readonly object[]): void {
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  response.writeHead(200, { 'content-type': mediaType });
  response.end(JSON.stringify({ schemaVersion: 2, mediaType, manifests }));
}
