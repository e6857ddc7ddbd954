import { setTimeout as sleep } from 'node:timers/promises';
import type { ProxyOptions, TestProxy } from '../../support/proxy.ts';
import { send } from '../fake/answers.ts';
import { image } from '../fake/content.ts';
import type { FakeRegistry } from '../fake/registry.ts';
import { quirk } from '../quirk.ts';
import { GO_PROXY } from '../sources.ts';
import type { Stage } from '../stage.ts';

/** Sets up registry.example.com, reachable through a proxy only. */
async function behindProxy(
  stage: Stage,
  options: ProxyOptions = {},
): Promise<{ readonly registry: FakeRegistry; readonly proxy: TestProxy }> {
  const registry = await stage.fake({ tls: true });
  registry.put('team/app', '1', image());
  const proxy = await stage.proxy((name) => (name === 'registry.example.com' ? registry.port : undefined), options);
  stage.trust();
  return { registry, proxy };
}

for (const [name, user, password] of [
  ['plain', 'me', 'pw'],
  ['escaped', 'DOMAIN\\me', 'p@ss:w/rd#1'],
  ['without-password', 'token', ''],
] as const) {
  quirk({
    id: `proxy/proxy-login-${name}`,
    weight: 'must',
    seenIn: 'corporate proxies',
    source: GO_PROXY,
    expected: 'sent as Basic, decoded',
    run: async (stage) => {
      const { registry, proxy } = await behindProxy(stage, { account: `${user}:${password}` });
      stage.env.HTTPS_PROXY = `http://${encodeURIComponent(user)}${password ? `:${encodeURIComponent(password)}` : ':'}@127.0.0.1:${proxy.port}`;
      stage.succeeds(await stage.bundle(registry, 'registry.example.com/team/app:1'));
    },
  });
}
quirk({
  id: 'proxy/proxy-wants-a-login',
  weight: 'must',
  seenIn: 'corporate proxies',
  source: GO_PROXY,
  expected: 'the error says so',
  run: async (stage) => {
    const { registry, proxy } = await behindProxy(stage, { account: 'a:b' });
    stage.env.HTTPS_PROXY = proxy.url;
    stage.fails(await stage.bundle(registry, 'registry.example.com/team/app:1'), [/proxy/i, /407|credentials/], {
      within: 20,
    });
  },
});
quirk({
  id: 'proxy/proxy-in-lower-case',
  weight: 'must',
  seenIn: 'curl’s names',
  source: GO_PROXY,
  expected: 'https_proxy counts',
  run: async (stage) => {
    const { registry, proxy } = await behindProxy(stage);
    stage.env.https_proxy = `127.0.0.1:${proxy.port}`;
    stage.succeeds(await stage.bundle(registry, 'registry.example.com/team/app:1'));
  },
});
quirk({
  id: 'proxy/all-proxy',
  weight: 'must',
  seenIn: 'curl’s ALL_PROXY (Go and Helm ignore it)',
  source: GO_PROXY,
  expected: 'a hint names HTTPS_PROXY',
  run: async (stage) => {
    const { registry, proxy } = await behindProxy(stage);
    stage.env.ALL_PROXY = proxy.url;
    stage.fails(await stage.bundle(registry, 'registry.example.com/team/app:1'), /HTTPS_PROXY/, { within: 40 });
  },
});
quirk({
  id: 'proxy/proxy-blocks-a-name',
  weight: 'must',
  seenIn: 'proxies with allow lists: 403 to CONNECT',
  source: 'https://www.squid-cache.org/Doc/config/http_access/',
  expected: 'the error names proxy, host and 403',
  run: async (stage) => {
    const { registry, proxy } = await behindProxy(stage, { refuse: () => '403 Forbidden' });
    stage.env.HTTPS_PROXY = proxy.url;
    stage.fails(
      await stage.bundle(registry, 'registry.example.com/team/app:1'),
      [/proxy/, /403/, /registry\.example\.com/],
      { within: 20 },
    );
  },
});
quirk({
  id: 'proxy/proxy-blocks-storage-only',
  weight: 'must',
  seenIn:
    'allow lists with the registry and without its storage (production.cloudflare.docker.com, *.s3.amazonaws.com, cdn01.quay.io)',
  source: 'https://docs.docker.com/desktop/setup/allow-list/',
  expected: 'the error names the storage host',
  run: async (stage) => {
    const { registry, proxy } = await behindProxy(stage, {
      refuse: (host) => (host === 'cdn01.quay.io' ? '403 Forbidden' : undefined),
    });
    registry.on((exchange) =>
      exchange.kind === 'blob'
        ? send(exchange.outgoing, 302, '', { location: `https://cdn01.quay.io/${exchange.reference}` })
        : undefined,
    );
    stage.env.HTTPS_PROXY = proxy.url;
    stage.fails(await stage.bundle(registry, 'registry.example.com/team/app:1'), [/cdn01\.quay\.io/, /proxy/], {
      within: 20,
    });
  },
});
const ENTRIES: Readonly<Record<string, string>> = {
  host: 'registry.example.com',
  domain: 'example.com',
  'domain-with-dot': '.example.com',
  'domain-with-star': '*.example.com',
  port: 'registry.example.com:443',
  list: ' a.b , registry.example.com ',
  star: '*',
  capitals: 'REGISTRY.EXAMPLE.COM',
};
for (const [name, entry] of Object.entries(ENTRIES)) {
  quirk({
    id: `proxy/no-proxy-${name}`,
    weight: 'must',
    seenIn: 'NO_PROXY as Go reads it',
    source: GO_PROXY,
    expected: 'not through the proxy',
    run: async (stage) => {
      const { registry, proxy } = await behindProxy(stage);
      stage.env.HTTPS_PROXY = proxy.url;
      stage.env.NO_PROXY = entry;
      // Without the proxy the connection fails: the name does not resolve, or the port is closed.
      await stage.bundle(registry, 'registry.example.com/team/app:1', { timeout: 60_000 });
      stage.check(proxy.log.length === 0, `${proxy.log.length} requests went through the proxy`);
    },
  });
}
for (const entry of ['127.0.0.0/8', '10.0.0.0/8']) {
  quirk({
    id: `proxy/no-proxy-cidr-${entry.replace(/\W+/g, '_')}`,
    weight: 'must',
    seenIn: 'NO_PROXY with ranges',
    source: GO_PROXY,
    expected: 'addresses are matched; loopback never goes through a proxy',
    run: async (stage) => {
      const registry = await stage.fake();
      registry.put('team/app', '1', image());
      const proxy = await stage.proxy(() => registry.port);
      stage.env.HTTP_PROXY = proxy.url;
      stage.env.NO_PROXY = entry;
      stage.succeeds(await stage.bundle(registry, `${registry.host}/team/app:1`));
      stage.check(proxy.log.length === 0, 'loopback went through the proxy');
    },
  });
}
quirk({
  id: 'proxy/plain-http-through-a-proxy',
  weight: 'must',
  seenIn: 'Squid: CONNECT is for port 443 only; plain HTTP is asked with the whole URL',
  source: 'https://wiki.squid-cache.org/SquidFaq/SecurityPitfalls ("deny CONNECT !SSL_ports")',
  expected: 'GET http://… is sent to the proxy, as Go and curl do',
  run: async (stage) => {
    const registry = await stage.fake();
    registry.put('team/app', '1', image());
    const proxy = await stage.proxy(() => registry.port, {
      refuse: (_, port) => (port === 443 ? undefined : '403 Forbidden'),
    });
    stage.env.HTTP_PROXY = proxy.url;
    const run = await stage.bundle(registry, 'registry.example.com/team/app:1', {
      args: ['--plain-http', 'registry.example.com'],
    });
    stage.succeeds(run);
  },
});
quirk({
  id: 'proxy/proxy-drops-idle-tunnels',
  weight: 'must',
  seenIn: 'proxies that end tunnels after a few seconds',
  source: '-',
  expected: 'a new tunnel',
  run: async (stage) => {
    const { registry, proxy } = await behindProxy(stage);
    stage.env.HTTPS_PROXY = proxy.url;
    registry.on(async (exchange) => {
      if (exchange.kind === 'blob') {
        exchange.outgoing.on('finish', () => setTimeout(() => exchange.incoming.socket.destroy(), 1));
        await sleep(50);
      }
    });
    stage.succeeds(await stage.bundle(registry, 'registry.example.com/team/app:1'));
  },
});
quirk({
  id: 'proxy/mirror-of-harbor-proxy-cache',
  weight: 'must',
  seenIn: 'Harbor proxy cache: host/PROJECT/library/nginx',
  source: 'https://goharbor.io/docs/latest/administration/configure-proxy-cache/',
  expected: 'the mirror’s project is the prefix, library/ is kept',
  run: async (stage) => {
    const registry = await stage.fake();
    registry.put('hub-proxy/library/nginx', '1', image());
    const run = await stage.bundle(registry, 'nginx:1', { args: ['--mirror', `docker.io=${registry.host}/hub-proxy`] });
    stage.succeeds(run);
  },
});
