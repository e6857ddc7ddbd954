import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { digestOf } from '../../support/digest.ts';
import { errors, HTML_TYPE, send } from '../fake/answers.ts';
import { image, index, layerOf, TYPES } from '../fake/content.ts';
import { bearer, wantPassword, wantTokens } from '../fake/tokens.ts';
import { quirk } from '../quirk.ts';
import { bundleOne, onManifest } from '../scenarios.ts';
import { GGCR } from '../sources.ts';
import type { Run, Stage } from '../stage.ts';

quirk({
  id: 'http/chunked-without-length',
  weight: 'must',
  seenIn: 'Artifactory, Nexus, Harbor proxy cache: chunked manifests and layers',
  source: 'https://github.com/containerd/containerd/issues/5124',
  expected: 'works',
  run: async (stage) => {
    const { run } = await bundleOne(stage, ({ registry, kind, method, repository, reference, outgoing }) => {
      const manifest = kind === 'manifest' ? registry.find(repository, reference) : undefined;
      const bytes = manifest?.bytes ?? (kind === 'blob' ? registry.blob(repository, reference) : undefined);
      if (method !== 'GET' || bytes === undefined) return undefined;
      const type = manifest?.type ?? 'application/octet-stream';
      outgoing.writeHead(200, { 'content-type': type, 'transfer-encoding': 'chunked' });
      outgoing.write(bytes.subarray(0, 10));
      outgoing.end(bytes.subarray(10));
      return true;
    });
    await stage.verifies(run);
  },
});
quirk({
  id: 'http/connection-close-each-time',
  weight: 'must',
  seenIn: 'HTTP/1.0 style proxies',
  source: 'https://www.rfc-editor.org/rfc/rfc9112#section-9.6',
  expected: 'works',
  run: async (stage) => {
    const { run } = await bundleOne(stage, (exchange) => {
      exchange.outgoing.setHeader('connection', 'close');
    });
    await stage.verifies(run);
  },
});
quirk({
  id: 'http/closes-after-answer-without-saying',
  weight: 'must',
  seenIn: 'load balancers with short idle times (AWS NLB/ALB, HAProxy)',
  source: 'https://www.rfc-editor.org/rfc/rfc9112#section-9.5',
  expected: 'works',
  run: async (stage) => {
    const { run } = await bundleOne(
      stage,
      (exchange) => {
        exchange.outgoing.on('finish', () => setTimeout(() => exchange.incoming.socket.destroy(), 2));
      },
      { item: index([image(), image({ platform: 'linux/arm64' }), image({ platform: 'linux/s390x' })]) },
    );
    await stage.verifies(run);
  },
});
quirk({
  id: 'http/few-requests-per-connection',
  weight: 'must',
  seenIn: 'nginx keepalive_requests, Envoy max_requests_per_connection',
  source: 'https://nginx.org/en/docs/http/ngx_http_core_module.html#keepalive_requests',
  expected: 'works',
  run: async (stage) => {
    const requests = new Map<Socket, number>();
    const { run } = await bundleOne(
      stage,
      (exchange) => {
        const { socket } = exchange.incoming;
        const times = (requests.get(socket) ?? 0) + 1;
        requests.set(socket, times);
        if (times >= 3) exchange.outgoing.on('finish', () => socket.destroy());
      },
      { item: index([image(), image({ platform: 'linux/arm64' })]) },
    );
    await stage.verifies(run);
  },
});
quirk({
  id: 'http/few-connections-at-once',
  weight: 'must',
  seenIn: 'Nexus, small registries behind connection limits: the ninth connection is reset',
  source: 'https://nginx.org/en/docs/http/ngx_http_limit_conn_module.html',
  expected: 'works, however slowly',
  run: async (stage) => {
    const registry = await stage.fake();
    registry.onConnection = (socket) => {
      if (registry.open.size > 8) socket.resetAndDestroy();
    };
    const names = Array.from({ length: 12 }, (_, i) => {
      registry.put(`team/app${i}`, '1', image({ layers: [layerOf(), layerOf(), layerOf()] }));
      return `${registry.host}/team/app${i}:1`;
    });
    registry.on(async (exchange) => {
      if (exchange.kind === 'blob') await sleep(150);
    });
    const run = await stage.bundle(registry, names);
    await stage.verifies(run);
  },
});

/** Response to be written by hand. */
interface Wire {
  readonly method: string;
  readonly socket: Socket;
  /** Status and reason phrase. */
  readonly status: string;
  /** Content-Type and Content-Length. */
  readonly lines: readonly [string, string];
  readonly bytes: Buffer;
}

/** Bundles from a registry with handwritten responses. */
async function byHand(stage: Stage, write: (wire: Wire) => void): Promise<Run> {
  const item = image();
  const server = await stage.raw(({ method, path, socket }) => {
    const [, folder, reference = ''] = /^\/v2\/team\/app\/(manifests|blobs)\/(.+)$/.exec(path) ?? [];
    const isManifest = folder === 'manifests' && ['1', item.digest].includes(reference);
    const found = isManifest ? item.bytes : item.blobs.get(reference);
    const bytes = found ?? Buffer.from(errors('MANIFEST_UNKNOWN'));
    const type = isManifest ? item.type : found ? 'application/octet-stream' : 'application/json';
    const lines = [`Content-Type: ${type}`, `Content-Length: ${bytes.length}`] as const;
    write({ method, socket, status: found ? '200 OK' : '404 Not Found', lines, bytes });
  });
  return stage.bundle([], `${server.host}/team/app:1`, { args: ['--plain-http', server.host] });
}

/** Head of a response. */
function head(status: string, ...lines: readonly string[]): string {
  return `HTTP/1.1 ${status}\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;
}

quirk({
  id: 'http/head-answered-with-a-body',
  weight: 'must',
  seenIn: 'hand-made registries and old proxies that send the body of an error to HEAD',
  source:
    'https://github.com/distribution/distribution/pull/4286 and https://github.com/GoogleContainerTools/jib/issues/21',
  expected: 'the connection is closed, the response counts',
  run: async (stage) => {
    const run = await byHand(stage, ({ socket, status, lines, bytes }) => {
      socket.write(head(status, ...lines));
      socket.write(bytes);
    });
    await stage.verifies(run);
  },
});
quirk({
  id: 'http/length-and-chunked',
  weight: 'may',
  seenIn: 'Jetty and proxies that send Content-Length and Transfer-Encoding both',
  source: 'https://www.rfc-editor.org/rfc/rfc9112#section-6.3 (Transfer-Encoding overrides)',
  // Go and curl take it. It is also how answers are smuggled past a proxy (RFC 9112, 11.2), and undici's parser refuses it.
  expected: 'refused at once; the error names the header',
  run: async (stage) => {
    const run = await byHand(stage, ({ method, socket, status, lines, bytes }) => {
      socket.write(head(status, ...lines, 'Transfer-Encoding: chunked'));
      const chunk = [Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n0\r\n\r\n')];
      if (method !== 'HEAD') socket.write(Buffer.concat(chunk));
    });
    stage.fails(run, /Content-Length/, { within: 15 });
  },
});
quirk({
  id: 'http/length-twice',
  weight: 'may',
  seenIn: 'proxies that add a second, equal Content-Length',
  source: 'https://www.rfc-editor.org/rfc/rfc9110#section-8.6',
  // Go and curl take it. It is also how answers are smuggled past a proxy (RFC 9112, 11.2), and undici's parser refuses it.
  expected: 'refused at once; the error names the header',
  run: async (stage) => {
    const run = await byHand(stage, ({ method, socket, status, lines, bytes }) => {
      socket.write(head(status, ...lines, lines[1]));
      if (method !== 'HEAD') socket.write(bytes);
    });
    stage.fails(run, /Content-Length/, { within: 15 });
  },
});
quirk({
  id: 'http/http-1.0',
  weight: 'must',
  seenIn: 'python -m http.server, busybox httpd as static registries',
  source: `${GGCR} (fetcher: "static registries")`,
  expected: 'works',
  run: async (stage) => {
    const run = await byHand(stage, ({ method, socket, status, lines, bytes }) => {
      socket.write(`HTTP/1.0 ${status}\r\n${lines[0]}\r\n\r\n`);
      socket.end(method === 'HEAD' ? '' : bytes);
    });
    await stage.verifies(run);
  },
});
quirk({
  id: 'http/no-reason-phrase',
  weight: 'must',
  seenIn: 'nginx/HTTP/2 gateways: "HTTP/1.1 200 " or without the blank',
  source: 'https://www.rfc-editor.org/rfc/rfc9112#section-4',
  expected: 'works',
  run: async (stage) => {
    const run = await byHand(stage, ({ method, socket, status, lines, bytes }) => {
      socket.write(head(status.startsWith('200') ? '200' : '404 ', ...lines));
      if (method !== 'HEAD') socket.write(bytes);
    });
    await stage.verifies(run);
  },
});
quirk({
  id: 'http/early-hints',
  weight: 'must',
  seenIn: 'Cloudflare (103 Early Hints)',
  source: 'https://developers.cloudflare.com/cache/advanced-configuration/early-hints/',
  expected: 'skipped',
  run: async (stage) => {
    const run = await byHand(stage, ({ method, socket, status, lines, bytes }) => {
      socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n');
      socket.write(head(status, ...lines));
      if (method !== 'HEAD') socket.write(bytes);
    });
    await stage.verifies(run);
  },
});
quirk({
  id: 'http/large-headers',
  weight: 'may',
  seenIn: 'SSO front ends with cookies, S3 with security tokens: 24 KB of headers',
  source: 'https://pkg.go.dev/net/http#Transport (MaxResponseHeaderBytes)',
  expected: 'works (Go takes 10 MB)',
  run: async (stage) => {
    const { run } = await bundleOne(stage, (exchange) => {
      exchange.outgoing.setHeader(
        'set-cookie',
        ['a', 'b', 'c'].map((n) => `${n}=${'x'.repeat(8000)}`),
      );
    });
    await stage.verifies(run);
  },
});
quirk({
  id: 'http/utf8-in-headers',
  weight: 'must',
  seenIn: 'proxies with names of their own in Via or Server',
  source: 'https://www.rfc-editor.org/rfc/rfc9110#section-5.5',
  expected: 'works',
  run: async (stage) => {
    const run = await byHand(stage, ({ method, socket, status, lines, bytes }) => {
      socket.write(head(status, 'Via: 1.1 Zürich-πроxy', ...lines));
      if (method !== 'HEAD') socket.write(bytes);
    });
    await stage.verifies(run);
  },
});
quirk({
  id: 'http/gzip-where-nothing-was-said',
  weight: 'may',
  seenIn: 'registry.access.redhat.com compresses unless told identity; CDNs',
  source:
    'https://github.com/quay/quay/pull/1310, https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3 (no Accept-Encoding: any coding is acceptable)',
  expected: 'manifests, lists and tokens are read unchanged',
  run: async (stage) => {
    const { run } = await bundleOne(stage, (exchange) => {
      const { kind, registry, repository, reference, incoming, outgoing } = exchange;
      const found = kind === 'manifest' ? registry.find(repository, reference) : undefined;
      const list = JSON.stringify({ schemaVersion: 2, mediaType: TYPES.ociIndex, manifests: [] });
      const bytes = kind === 'referrers' ? Buffer.from(list) : found?.bytes;
      if (bytes === undefined) return undefined;
      const type = { 'content-type': found?.type ?? TYPES.ociIndex };
      return /identity/.test(incoming.headers['accept-encoding'] ?? '')
        ? send(outgoing, 200, bytes, type)
        : send(outgoing, 200, gzipSync(bytes), { ...type, 'content-encoding': 'gzip' });
    });
    await stage.verifies(run);
  },
});
quirk({
  id: 'http/gzip-in-any-case',
  weight: 'may',
  seenIn: 'proxies that compress whatever Accept-Encoding says',
  source:
    'https://github.com/containerd/containerd/blob/main/core/remotes/docker/fetcher.go (decodes Content-Encoding gzip, deflate, zstd)',
  expected: 'decoded',
  run: async (stage) => {
    const { run } = await bundleOne(
      stage,
      onManifest((found, exchange) =>
        send(exchange.outgoing, 200, gzipSync(found.bytes), {
          'content-type': found.type,
          'content-encoding': 'gzip',
          'docker-content-digest': digestOf(found.bytes),
        }),
      ),
    );
    await stage.verifies(run);
  },
});
quirk({
  id: 'http/content-encoding-on-raw-layer',
  weight: 'must',
  seenIn: 'Pulp behind httpd: Content-Encoding: x-gzip on layers; S3/GCS metadata',
  source: 'https://github.com/moby/moby/issues/17595',
  expected: 'the bytes count, not the header',
  run: async (stage) => {
    const { run } = await bundleOne(stage, ({ kind, outgoing }) => {
      if (kind === 'blob') outgoing.setHeader('content-encoding', 'gzip');
    });
    await stage.verifies(run);
  },
});
quirk({
  id: 'http/login-page-with-200',
  weight: 'should',
  seenIn: 'Artifactory, captive portals, SSO proxies: HTML for a manifest',
  source:
    'https://github.com/containers/image/blob/main/docker/docker_image_dest.go ("A HTTP server may not be a registry at all, and just return 200 OK to everything")',
  expected: 'the error says that the response is HTML',
  run: async (stage) => {
    const { run } = await bundleOne(stage, (exchange) =>
      send(exchange.outgoing, 200, '<!DOCTYPE html><html><title>Log in</title></html>', {
        'content-type': 'text/html;charset=UTF-8',
      }),
    );
    stage.fails(run, /HTML|web page|login page/i, { within: 20 });
  },
});
quirk({
  id: 'http/html-for-a-layer',
  weight: 'should',
  seenIn: 'captive portals and filters that block downloads: 200 text/html for a layer',
  source: 'https://github.com/distribution/distribution/issues/4845',
  expected: 'the error names HTML and the host',
  run: async (stage) => {
    const { run } = await bundleOne(stage, (exchange) =>
      exchange.kind === 'blob' && exchange.method === 'GET'
        ? send(exchange.outgoing, 200, '<html>blocked by policy</html>', HTML_TYPE)
        : undefined,
    );
    stage.fails(run, [/team\/app/, /127\.0\.0\.1/, /\d bytes of text\/html/], { within: 60 });
  },
});
quirk({
  id: 'http/uppercase-host',
  weight: 'must',
  seenIn: 'charts with a host in capitals',
  source: 'https://www.rfc-editor.org/rfc/rfc3986#section-3.2.2',
  expected: 'same registry, same credentials',
  run: async (stage) => {
    const registry = await stage.fake({ tls: true });
    registry.put('team/app', '1', image());
    wantPassword(registry, 'me', 'pw');
    await stage.hosts({ 'registry.example.com': registry });
    stage.login('registry.example.com', 'me', 'pw');
    await stage.verifies(await stage.bundle(registry, 'Registry.Example.COM/team/app:1'));
  },
});
quirk({
  id: 'http/ipv6-host',
  weight: 'must',
  seenIn: 'registries named by an IPv6 address',
  source: 'https://github.com/distribution/reference',
  expected: 'works',
  run: async (stage) => {
    // Nothing to try on a machine without IPv6.
    const registry = await stage.fake({ address: '::1' }).catch(() => undefined);
    if (registry === undefined) return;
    registry.put('team/app', '1', image());
    stage.login(registry.host, 'me', 'pw');
    wantPassword(registry, 'me', 'pw');
    await stage.verifies(await stage.bundle(registry, `${registry.host}/team/app:1`));
    const target = await stage.fake({ address: '::1' });
    stage.succeeds(await stage.push('bundle.tar', `${target.host}/m`, target));
  },
});
quirk({
  id: 'http/port-443-written',
  weight: 'must',
  seenIn: 'charts with registry.example.com:443',
  source:
    'https://github.com/google/go-containerregistry/blob/main/pkg/v1/remote/transport/bearer.go (canonicalAddress)',
  expected: 'tokens are sent',
  run: async (stage) => {
    const registry = await stage.fake({ tls: true });
    registry.put('team/app', '1', image());
    wantTokens(registry, {
      challenge: bearer('https://registry.example.com/token', 'x'),
    });
    await stage.hosts({ 'registry.example.com': registry });
    await stage.verifies(await stage.bundle(registry, 'registry.example.com:443/team/app:1'));
  },
});
