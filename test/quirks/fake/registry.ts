import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { digestOf } from '../../support/digest.ts';
import { bodyOf, errors, JSON_TYPE, send, sendBlob } from './answers.ts';
import { authority } from './authority.ts';
import { type Item, type Json, TYPES } from './content.ts';

/** End point of a request (distribution specification 1.1). */
export type Kind = 'v2' | 'manifest' | 'blob' | 'start' | 'upload' | 'referrers' | 'tags' | 'other';

/** One request and its response. Hooks may change fields that are not readonly. */
export interface Exchange {
  readonly registry: FakeRegistry;
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly method: string;
  /** Path, decoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Path and query as they were sent. */
  readonly raw: string;
  readonly authorization: string | undefined;
  readonly kind: Kind;
  /** Empty if the request concerns no repository. */
  readonly repository: string;
  /** Tag, digest or upload session. */
  reference: string;
  /** The request is accepted with any token. */
  isAdmitted?: boolean;
  /** Status that ends a blob upload, 201 unless given. */
  uploaded?: number;
}

/** Answers and returns true; otherwise the next hook is called. */
export type Hook = (exchange: Exchange) => unknown;

/** Request as recorded in the log. */
export interface LoggedRequest
  extends Pick<Exchange, 'method' | 'path' | 'raw' | 'authorization' | 'kind' | 'repository' | 'reference'> {
  readonly headers: IncomingHttpHeaders;
}

export interface StoredManifest {
  readonly bytes: Buffer;
  readonly type: string;
}

interface Repository {
  readonly manifests: Map<string, StoredManifest>;
  readonly tags: Map<string, string>;
  readonly blobs: Map<string, Buffer>;
}

export interface FakeOptions {
  /** TLS with a certificate of the tests' authority. */
  readonly tls?: boolean;
  /** TLS that requires client certificates of the same authority. */
  readonly wantsCertificate?: boolean;
  /** Loopback address, 127.0.0.1 unless given. */
  readonly address?: string;
  /** Referrers API, present by default. */
  readonly referrers?: boolean;
}

/** Registry in memory that follows the specification, except where hooks answer. */
export class FakeRegistry {
  readonly repositories = new Map<string, Repository>();
  /** Upload sessions. */
  readonly uploads = new Map<string, { readonly path: string; bytes: Buffer }>();
  readonly log: LoggedRequest[] = [];
  readonly open = new Set<Socket>();
  readonly tls: boolean;
  readonly #hasReferrers: boolean;
  readonly #hooks: Hook[] = [];
  readonly #server: Server;
  /** `127.0.0.1:PORT`; `origin` with its scheme. */
  host = '';
  origin = '';
  port = 0;
  /** Called for every connection. */
  onConnection: (socket: Socket) => void = () => {};

  private constructor({ wantsCertificate = false, tls = wantsCertificate, referrers = true }: FakeOptions) {
    this.tls = tls;
    this.#hasReferrers = referrers;
    const listener = (incoming: IncomingMessage, outgoing: ServerResponse): void =>
      void this.#answer(incoming, outgoing).catch((error: Error) => {
        // A status that is not retried; the text is part of the plugin's error.
        if (outgoing.headersSent) outgoing.destroy();
        else outgoing.writeHead(418).end(errors('FAKE_FAILED', String(error.stack)));
      });
    this.#server = tls
      ? createTlsServer(
          { ...authority(), requestCert: wantsCertificate, rejectUnauthorized: wantsCertificate },
          listener,
        )
      : createServer(listener);
    this.#server.keepAliveTimeout = 30_000;
    this.#server.on('connection', (socket: Socket) => {
      this.open.add(socket);
      socket.on('error', () => {}).on('close', () => this.open.delete(socket));
      this.onConnection(socket);
    });
    this.#server.on('tlsClientError', () => {});
    this.#server.on('clientError', (_, socket) => {
      socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n400 Bad Request');
    });
  }

  static async start(options: FakeOptions): Promise<FakeRegistry> {
    const registry = new FakeRegistry(options);
    const { address = '127.0.0.1' } = options;
    registry.#server.listen(0, address);
    await once(registry.#server, 'listening');
    registry.port = (registry.#server.address() as AddressInfo).port;
    registry.host = `${address.includes(':') ? `[${address}]` : address}:${registry.port}`;
    registry.origin = `${registry.tls ? 'https' : 'http'}://${registry.host}`;
    return registry;
  }

  stop(): void {
    this.#server.close();
    for (const socket of this.open) socket.destroy();
  }

  /** Adds a hook. The last one added is called first. */
  on(hook: Hook): this {
    this.#hooks.unshift(hook);
    return this;
  }

  repository(path: string): Repository {
    const found = this.repositories.get(path) ?? { manifests: new Map(), tags: new Map(), blobs: new Map() };
    this.repositories.set(path, found);
    return found;
  }

  /** Stores an item with its content; without a tag by its digest only. */
  put(path: string, tag: string | undefined, item: Item): void {
    const repository = this.repository(path);
    for (const child of item.children) this.put(path, undefined, child);
    for (const [digest, bytes] of item.blobs) repository.blobs.set(digest, bytes);
    repository.manifests.set(item.digest, { bytes: item.bytes, type: item.type });
    if (tag !== undefined) repository.tags.set(tag, item.digest);
  }

  /** Returns whether any repository has this manifest. */
  holds({ digest }: Item): boolean {
    return [...this.repositories.values()].some(({ manifests }) => manifests.has(digest));
  }

  find(path: string, reference: string): StoredManifest | undefined {
    const repository = this.repositories.get(path);
    const digest = reference.startsWith('sha256:') ? reference : repository?.tags.get(reference);
    return repository?.manifests.get(digest ?? '');
  }

  blob(path: string, digest: string): Buffer | undefined {
    return this.repositories.get(path)?.blobs.get(digest);
  }

  count(test: (request: LoggedRequest) => boolean): number {
    return this.log.filter(test).length;
  }

  async #answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = '', url: raw = '' } = incoming;
    const { pathname, searchParams: query } = new URL(raw, 'http://localhost');
    const path = decodeURIComponent(pathname);
    const { authorization } = incoming.headers;
    const about = { method, path, raw, authorization, ...purposeOf(path) };
    this.log.push({ ...about, headers: incoming.headers });
    const exchange: Exchange = { ...about, registry: this, incoming, outgoing, query };
    for (const hook of this.#hooks) if ((await hook(exchange)) === true) return;
    await this.serve(exchange);
  }

  /** Answers as specified. */
  async serve(exchange: Exchange): Promise<void> {
    const { kind, outgoing } = exchange;
    if (kind === 'v2') send(outgoing, 200, '{}', JSON_TYPE);
    else if (kind === 'manifest') await this.#manifest(exchange);
    else if (kind === 'blob') this.#blob(exchange);
    else if (kind === 'start') await this.#start(exchange);
    else if (kind === 'upload') await this.#upload(exchange);
    else if (kind === 'referrers' && this.#hasReferrers) this.#referrers(exchange);
    else send(outgoing, 404, '404 page not found\n', { 'content-type': 'text/plain; charset=utf-8' });
  }

  async #manifest(exchange: Exchange): Promise<void> {
    const { method, repository: path, reference, outgoing } = exchange;
    if (method === 'PUT') return this.#putManifest(exchange);
    const found = this.find(path, reference);
    if (found === undefined) {
      const code = this.repositories.has(path) ? 'MANIFEST_UNKNOWN' : 'NAME_UNKNOWN';
      send(outgoing, 404, errors(code), JSON_TYPE);
      return;
    }
    send(outgoing, 200, found.bytes, {
      'content-type': found.type,
      'docker-content-digest': digestOf(found.bytes),
    });
  }

  async #putManifest({ repository: path, reference, incoming, outgoing }: Exchange): Promise<void> {
    const bytes = await bodyOf(incoming);
    const repository = this.repository(path);
    const json = JSON.parse(bytes.toString()) as Json;
    const isMissing = ({ digest, urls }: Json): boolean => !repository.blobs.has(digest) && !(urls?.length > 0);
    const blob = [json.config, ...(json.layers ?? [])].find((one) => one && isMissing(one));
    const child = (json.manifests ?? []).find(({ digest }: Json) => !repository.manifests.has(digest));
    const missing = blob ?? child;
    if (missing !== undefined) {
      const message = `${blob === undefined ? 'manifest' : 'blob'} unknown to registry`;
      send(outgoing, 400, errors('MANIFEST_BLOB_UNKNOWN', message, missing.digest), JSON_TYPE);
      return;
    }
    const digest = digestOf(bytes);
    if (reference.startsWith('sha256:') && reference !== digest) {
      send(outgoing, 400, errors('DIGEST_INVALID'), JSON_TYPE);
      return;
    }
    repository.manifests.set(digest, { bytes, type: incoming.headers['content-type'] ?? '' });
    if (!reference.startsWith('sha256:')) repository.tags.set(reference, digest);
    const subject = json.subject && this.#hasReferrers ? { 'oci-subject': json.subject.digest } : {};
    const location = `/v2/${path}/manifests/${digest}`;
    send(outgoing, 201, '', { location, 'docker-content-digest': digest, ...subject });
  }

  #blob({ repository, reference, outgoing }: Exchange): void {
    sendBlob(outgoing, this.blob(repository, reference), { 'docker-content-digest': reference });
  }

  async #start({ repository: path, query, incoming, outgoing, method }: Exchange): Promise<void> {
    await bodyOf(incoming);
    const mount = query.get('mount') ?? '';
    const bytes = this.blob(query.get('from') ?? '', mount);
    if (method !== 'POST') send(outgoing, 405, errors('UNSUPPORTED'), JSON_TYPE);
    else if (bytes === undefined) {
      const id = this.begin(path);
      send(outgoing, 202, '', { location: `/v2/${path}/blobs/uploads/${id}`, range: '0-0', 'docker-upload-uuid': id });
    } else {
      this.repository(path).blobs.set(mount, bytes);
      send(outgoing, 201, '', { location: `/v2/${path}/blobs/${mount}`, 'docker-content-digest': mount });
    }
  }

  /** Opens an upload session. @returns its name */
  begin(path: string): string {
    const id = randomUUID();
    this.uploads.set(id, { path, bytes: Buffer.alloc(0) });
    return id;
  }

  async #upload({ incoming, outgoing, method, reference, query, uploaded = 201 }: Exchange): Promise<void> {
    const session = this.uploads.get(reference);
    const bytes = await bodyOf(incoming);
    if (session === undefined) {
      send(outgoing, 404, errors('BLOB_UPLOAD_UNKNOWN'), JSON_TYPE);
      return;
    }
    session.bytes = Buffer.concat([session.bytes, bytes]);
    const { path } = session;
    if (method !== 'PUT') {
      const range = `0-${Math.max(0, session.bytes.length - 1)}`;
      send(outgoing, 202, '', { location: `/v2/${path}/blobs/uploads/${reference}`, range });
      return;
    }
    const digest = query.get('digest') ?? '';
    if (digestOf(session.bytes) !== digest) {
      send(outgoing, 400, errors('DIGEST_INVALID', 'provided digest did not match uploaded content'), JSON_TYPE);
      return;
    }
    this.repository(path).blobs.set(digest, session.bytes);
    this.uploads.delete(reference);
    send(outgoing, uploaded, '', { location: `/v2/${path}/blobs/${digest}`, 'docker-content-digest': digest });
  }

  #referrers({ repository, reference, outgoing }: Exchange): void {
    sendReferrers(outgoing, this.referrersOf(repository, reference));
  }

  /** Descriptors of the referrers of a digest. */
  referrersOf(path: string, digest: string): Json[] {
    return [...(this.repositories.get(path)?.manifests ?? [])].flatMap(([own, { bytes, type }]) => {
      const json = JSON.parse(bytes.toString()) as Json;
      if (json.subject?.digest !== digest) return [];
      const artifactType = json.artifactType ?? json.config?.mediaType;
      return [{ mediaType: type, digest: own, size: bytes.length, artifactType }];
    });
  }
}

/** Answers with a list of referrers. @returns true: answered */
export function sendReferrers(outgoing: ServerResponse, manifests: readonly Json[], headers: Json = {}): true {
  const list = JSON.stringify({ schemaVersion: 2, mediaType: TYPES.ociIndex, manifests });
  return send(outgoing, 200, list, { 'content-type': TYPES.ociIndex, ...headers });
}

const ENDPOINTS: readonly (readonly [Kind, RegExp])[] = [
  ['start', /^\/v2\/(.+)\/blobs\/uploads\/?$/],
  ['upload', /^\/v2\/(.+)\/blobs\/uploads\/([^/]+)$/],
  ['manifest', /^\/v2\/(.+)\/manifests\/([^/]+)$/],
  ['blob', /^\/v2\/(.+)\/blobs\/([^/]+)$/],
  ['referrers', /^\/v2\/(.+)\/referrers\/([^/]+)$/],
  ['tags', /^\/v2\/(.+)\/tags\/list$/],
  ['v2', /^\/v2\/?$/],
];

function purposeOf(path: string): Pick<Exchange, 'kind' | 'repository' | 'reference'> {
  for (const [kind, form] of ENDPOINTS) {
    const [whole, repository = '', reference = ''] = form.exec(path) ?? [];
    if (whole !== undefined) return { kind, repository, reference };
  }
  return { kind: 'other', repository: '', reference: '' };
}
