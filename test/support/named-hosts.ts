import { createReadStream, statSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, type RequestListener, request, type ServerResponse } from 'node:http';
import { request as requestByTls } from 'node:https';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { scratchFolder } from './scratch.ts';
import { startTlsFront } from './tls-front.ts';

/** Hosts of documents, such as quay.io, by their names and with TLS: what programs reach that read HTTPS_PROXY and SSL_CERT_FILE. */
export interface NamedHosts {
  readonly env: Readonly<Record<string, string>>;
  /** PEM certificate of the authority. */
  readonly authority: string;
  /** Sends blobs slowly from now on, or not any more. */
  slow: boolean;
  /** Waits until so many bytes were sent slowly. */
  sentSlowly(bytes: number): Promise<void>;
  stop(): Promise<void>;
}

/** What answers under a name: a registry at `127.0.0.1:PORT`, only repositories below a prefix there, or files of a folder. */
export type NamedHost =
  | { readonly registry: string; readonly prefix?: string; readonly tls?: true }
  | { readonly files: string };

/** @param hosts by name */
export async function startNamedHosts(hosts: Readonly<Record<string, NamedHost>>): Promise<NamedHosts> {
  const listener: RequestListener = (incoming, outgoing) => {
    const host = hosts[incoming.headers.host ?? ''];
    const { method, url = '', headers } = incoming;
    if (host === undefined || 'files' in host) {
      const file = join(host?.files ?? '', basename(new URL(url, 'http://x').pathname));
      if (host === undefined || statSync(file, { throwIfNoEntry: false })?.isFile() !== true)
        return void outgoing.writeHead(404).end();
      // The type by which Helm 3 knows archives.
      outgoing.writeHead(200, { 'content-type': file.endsWith('.tgz') ? 'application/gzip' : 'text/plain' });
      return void (method === 'HEAD' ? outgoing.end() : createReadStream(file).pipe(outgoing));
    }
    const path = host.prefix === undefined ? url : url.replace(/^\/v2\/(?=.)/, `/v2/${host.prefix}/`);
    const open = host.tls ? requestByTls : request;
    const onward = open(new URL(path, `${host.tls ? 'https' : 'http'}://${host.registry}`), {
      method,
      rejectUnauthorized: false,
      headers: { ...headers, 'x-forwarded-proto': 'https' },
    });
    onward.on('response', (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      if (named.slow && url.includes('/blobs/'))
        void drip(answer, outgoing, (bytes) => {
          sent += bytes;
        });
      else answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  };
  const front = await startTlsFront(listener, ...Object.keys(hosts));
  const file = join(scratchFolder(), 'authority.pem');
  writeFileSync(file, front.authority);
  let sent = 0;
  const named: NamedHosts = {
    slow: false,
    async sentSlowly(bytes) {
      while (sent < bytes) await sleep(20);
    },
    env: { HTTPS_PROXY: front.proxy, NO_PROXY: '127.0.0.1', SSL_CERT_FILE: file },
    authority: front.authority,
    stop: () => front.stop(),
  };
  return named;
}

/** Passes on some 600 kB in a second. */
async function drip(from: IncomingMessage, to: ServerResponse, count: (bytes: number) => void): Promise<void> {
  for await (const piece of from) {
    await sleep(100);
    if (to.destroyed) return;
    to.write(piece);
    count((piece as Buffer).length);
  }
  to.end();
}
