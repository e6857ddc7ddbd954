import { join } from 'node:path';
import { send } from '../fake/answers.ts';
import { authority } from '../fake/authority.ts';
import { image } from '../fake/content.ts';
import { quirk } from '../quirk.ts';
import type { Run, Stage } from '../stage.ts';

/** Bundles from registry.example.com, whose authority is given by `env` only. */
async function bundleUntrusted(stage: Stage, env: Readonly<Record<string, string>> = {}): Promise<Run> {
  const registry = await stage.fake({ tls: true });
  registry.put('team/app', '1', image());
  const proxy = await stage.proxy(() => registry.port);
  Object.assign(stage.env, { HTTPS_PROXY: proxy.url, ...env });
  return stage.bundle(registry, 'registry.example.com/team/app:1');
}

quirk({
  id: 'proxy/unknown-authority',
  weight: 'must',
  seenIn: 'private registries, TLS inspection',
  source: 'https://nodejs.org/api/tls.html',
  expected: 'the hint names --ca-file',
  run: async (stage) => {
    stage.fails(await bundleUntrusted(stage), [/certificate/, /--ca-file/], { within: 20 });
  },
});
quirk({
  id: 'proxy/ssl-cert-file',
  weight: 'must',
  seenIn: 'TLS inspection: SSL_CERT_FILE',
  source: 'https://pkg.go.dev/crypto/x509#SystemCertPool',
  expected: 'trusted',
  run: async (stage) => {
    stage.succeeds(await bundleUntrusted(stage, { SSL_CERT_FILE: stage.file('mine.pem', authority().ca) }));
  },
});
quirk({
  id: 'proxy/ssl-cert-dir',
  weight: 'must',
  seenIn: 'hosts with SSL_CERT_DIR (Go, Helm, OpenSSL)',
  source: 'https://pkg.go.dev/crypto/x509#SystemCertPool',
  expected: 'trusted',
  run: async (stage) => {
    stage.file('certs/mine.pem', authority().ca);
    stage.succeeds(await bundleUntrusted(stage, { SSL_CERT_DIR: join(stage.folder, 'certs') }));
  },
});
quirk({
  id: 'proxy/docker-certs-d',
  weight: 'must',
  seenIn: 'docker and containerd: certs.d/HOST/ca.crt in ~/.docker or /etc',
  source: 'https://docs.docker.com/engine/security/certificates/',
  expected: 'a hint at least (--ca-file)',
  run: async (stage) => {
    stage.file('home/.docker/certs.d/registry.example.com/ca.crt', authority().ca);
    const run = await bundleUntrusted(stage);
    stage.check(run.code === 0 || /--ca-file/.test(run.text), 'neither trusted nor an error that names --ca-file', run);
  },
});
quirk({
  id: 'proxy/certificate-for-another-name',
  weight: 'must',
  seenIn: 'registries behind a load balancer’s default certificate',
  source: '-',
  expected: 'the error names the host and the certificate',
  run: async (stage) => {
    const registry = await stage.fake({ tls: true });
    const proxy = await stage.proxy(() => registry.port);
    stage.env.HTTPS_PROXY = proxy.url;
    stage.trust();
    const run = await stage.bundle(registry, 'registry.elsewhere.test/team/app:1');
    stage.fails(run, [/registry\.elsewhere\.test/, /certificate|altnames/i], { within: 20 });
  },
});
quirk({
  id: 'proxy/tls-where-http-is-spoken',
  weight: 'must',
  seenIn: 'private registries without TLS, named without --plain-http',
  source: 'https://docs.docker.com/engine/daemon/insecure-registries/',
  expected: 'the hint names --plain-http',
  run: async (stage) => {
    const registry = await stage.fake();
    registry.put('team/app', '1', image());
    const run = await stage.bundle([], `${registry.host}/team/app:1`);
    stage.fails(run, [/TLS/, /--plain-http/], { within: 20 });
  },
});
quirk({
  id: 'proxy/http-where-tls-is-spoken',
  weight: 'should',
  seenIn: '--plain-http for a TLS registry',
  source: '-',
  expected: 'the error names TLS',
  seconds: 10,
  run: async (stage) => {
    const registry = await stage.fake({ tls: true });
    registry.put('team/app', '1', image());
    const args = ['--plain-http', registry.host];
    const run = await stage.bundle(registry, `${registry.host}/team/app:1`, { args });
    stage.fails(run, /TLS|https|--plain-http/i, { within: 20 });
  },
});
quirk({
  id: 'proxy/400-plain-http-sent-to-https-port',
  weight: 'must',
  seenIn:
    'nginx: 400 The plain HTTP request was sent to HTTPS port; Go: 400 Client sent an HTTP request to an HTTPS server.',
  source: 'https://nginx.org/en/docs/http/ngx_http_ssl_module.html#errors',
  expected: 'the error names TLS',
  run: async (stage) => {
    const registry = await stage.fake();
    registry.on(({ outgoing }) =>
      send(outgoing, 400, 'Client sent an HTTP request to an HTTPS server.\n', { 'content-type': 'text/plain' }),
    );
    stage.fails(await stage.bundle(registry, `${registry.host}/team/app:1`), /HTTPS server|TLS/, { within: 20 });
  },
});
for (const delay of [100, 400]) {
  quirk({
    id: `proxy/handshake-of-${delay}-ms-and-unreachable-ipv6`,
    weight: 'must',
    seenIn:
      'any registry with A and AAAA records (Docker Hub, ghcr.io, quay.io, dual-stack ECR) from an IPv4-only network: satellite, VPN, other continents',
    source: 'https://github.com/nodejs/node/issues/54359, https://github.com/nodejs/node/issues/52216',
    expected: 'connects: 250 ms per address are too short for distant registries',
    run: async (stage) => {
      const registry = await stage.fake();
      registry.put('team/app', '1', image());
      const host = `slow.quirks.test:${registry.port}`;
      const env = {
        NODE_OPTIONS: `--require ${join(import.meta.dirname, '../fake/far-away.cjs')}`,
        QUIRKS_FAR_AWAY: String(delay),
      };
      const run = await stage.bundle([], `${host}/team/app:1`, { args: ['--plain-http', host], env });
      stage.succeeds(run);
      stage.soon(run, 30);
    },
  });
}
