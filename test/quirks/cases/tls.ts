import { join } from 'node:path';
import { send } from '../fake/answers.ts';
import { authority } from '../fake/authority.ts';
import { image } from '../fake/content.ts';
import { quirk } from '../quirk.ts';
import type { Run, Stage } from '../stage.ts';

/** Bundles from registry.example.com, whose certificate is of an authority that nothing but `env` names. */
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
  shownBy: 'private registries, TLS inspection',
  source: 'https://nodejs.org/api/tls.html',
  wanted: 'says so, with --ca-file',
  run: async (stage) => {
    stage.fails(await bundleUntrusted(stage), [/certificate/, /--ca-file/], { within: 20 });
  },
});
quirk({
  id: 'proxy/ssl-cert-file',
  weight: 'must',
  shownBy: 'TLS inspection: SSL_CERT_FILE',
  source: 'https://pkg.go.dev/crypto/x509#SystemCertPool',
  wanted: 'trusted',
  run: async (stage) => {
    stage.succeeds(await bundleUntrusted(stage, { SSL_CERT_FILE: stage.file('mine.pem', authority().ca) }));
  },
});
quirk({
  id: 'proxy/ssl-cert-dir',
  weight: 'must',
  shownBy: 'hosts with SSL_CERT_DIR (Go, Helm, OpenSSL)',
  source: 'https://pkg.go.dev/crypto/x509#SystemCertPool',
  wanted: 'trusted',
  run: async (stage) => {
    stage.file('certs/mine.pem', authority().ca);
    stage.succeeds(await bundleUntrusted(stage, { SSL_CERT_DIR: join(stage.folder, 'certs') }));
  },
});
quirk({
  id: 'proxy/docker-certs-d',
  weight: 'must',
  shownBy: 'docker and containerd: certs.d/HOST/ca.crt in ~/.docker or /etc',
  source: 'https://docs.docker.com/engine/security/certificates/',
  wanted: 'a hint at least (--ca-file)',
  run: async (stage) => {
    stage.file('home/.docker/certs.d/registry.example.com/ca.crt', authority().ca);
    const run = await bundleUntrusted(stage);
    stage.check(run.code === 0 || /--ca-file/.test(run.text), 'neither trusted nor explained', run);
  },
});
quirk({
  id: 'proxy/certificate-for-another-name',
  weight: 'must',
  shownBy: 'registries behind a load balancer’s default certificate',
  source: '-',
  wanted: 'says which names the certificate has',
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
  shownBy: 'private registries without TLS, named without --plain-http',
  source: 'https://docs.docker.com/engine/daemon/insecure-registries/',
  wanted: 'the hint names --plain-http',
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
  shownBy: '--plain-http for a TLS registry',
  source: '-',
  wanted: 'says that TLS is wanted there',
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
  shownBy:
    'nginx: 400 The plain HTTP request was sent to HTTPS port; Go: 400 Client sent an HTTP request to an HTTPS server.',
  source: 'https://nginx.org/en/docs/http/ngx_http_ssl_module.html#errors',
  wanted: 'says that TLS is wanted there',
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
    shownBy:
      'any registry with A and AAAA records (Docker Hub, ghcr.io, quay.io, dual-stack ECR) from an IPv4-only network: satellite, VPN, other continents',
    source: 'https://github.com/nodejs/node/issues/54359, https://github.com/nodejs/node/issues/52216',
    wanted: 'connects: 250 ms for an address are not enough around the world',
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
