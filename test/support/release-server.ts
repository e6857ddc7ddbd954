import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { discoveryAnswers } from './api-server.ts';

/** The parts of a Kubernetes API server that Helm reads releases from: Secrets with labels. */
export interface ReleaseServer {
  /** Text of a kubeconfig that names it. */
  readonly kubeconfig: string;
  /** `METHOD PATH` of each request so far. */
  readonly requests: readonly string[];
  /** Stores a release as Helm does. @param printed output of `helm install --dry-run=client -o json` */
  add(printed: string, changes?: Readonly<Record<string, unknown>>): void;
  /** Answers requests for Secrets with 403, as for a user without rights. */
  refuse(): void;
  stop(): Promise<void>;
}

interface Secret {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
  };
}

const status = (code: number, reason: string, message = reason): object => ({
  ...{ kind: 'Status', apiVersion: 'v1', status: 'Failure', metadata: {} },
  ...{ message, reason, code },
});

/** Starts the server, without releases. */
export async function startReleaseServer(): Promise<ReleaseServer> {
  const secrets: Secret[] = [];
  const requests: string[] = [];
  const discovery = discoveryAnswers();
  let isRefusing = false;
  const answer = (request: IncomingMessage): [number, object] => {
    const url = new URL(request.url ?? '/', 'http://x');
    requests.push(`${request.method} ${url.pathname}`);
    const known = discovery[url.pathname];
    if (known !== undefined) return [200, known];
    const path = /^\/api\/v1\/(?:namespaces\/([^/]+)\/)?secrets(?:\/([^/]+))?$/.exec(url.pathname);
    if (path === null || request.method !== 'GET') return [404, status(404, 'NotFound')];
    if (isRefusing)
      return [403, status(403, 'Forbidden', 'secrets is forbidden: User "dev" cannot list resource "secrets"')];
    const [, namespace, name] = path;
    const here = secrets.filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace);
    if (name !== undefined) {
      const found = here.find(({ metadata }) => metadata.name === name);
      return found === undefined ? [404, status(404, 'NotFound', `secrets "${name}" not found`)] : [200, found];
    }
    const wanted = (url.searchParams.get('labelSelector') ?? '').split(',').map((term) => term.split('='));
    const items = here.filter(({ metadata: { labels } }) => wanted.every(([key = '', value]) => labels[key] === value));
    return [200, { kind: 'SecretList', apiVersion: 'v1', metadata: {}, items }];
  };
  const server: Server = createServer((request, response) => {
    const [code, body] = answer(request);
    response.writeHead(code, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const cluster = { name: 'c', cluster: { server: `http://127.0.0.1:${port}` } };
  const kubeconfig = {
    ...{ apiVersion: 'v1', kind: 'Config', clusters: [cluster], users: [{ name: 'u', user: {} }] },
    ...{ contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }], 'current-context': 'x' },
  };
  return {
    kubeconfig: JSON.stringify(kubeconfig),
    requests,
    add: (printed, changes = {}) => {
      const release = { ...JSON.parse(printed), ...changes };
      release.info.status = 'deployed';
      const { name, namespace, version } = release;
      const data = gzipSync(JSON.stringify(release)).toString('base64');
      secrets.push({
        ...{ kind: 'Secret', apiVersion: 'v1', type: 'helm.sh/release.v1' },
        metadata: {
          ...{ name: `sh.helm.release.v1.${name}.v${version}`, namespace },
          labels: { name, owner: 'helm', status: 'deployed', version: String(version) },
        },
        ...{ data: { release: Buffer.from(data).toString('base64') } },
      });
    },
    refuse: () => {
      isRefusing = true;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
