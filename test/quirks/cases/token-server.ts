import { setTimeout as sleep } from 'node:timers/promises';
import { basicOf } from '../../support/basic.ts';
import { errors, HTML_TYPE, JSON_TYPE, send } from '../fake/answers.ts';
import { image } from '../fake/content.ts';
import type { FakeRegistry, Hook } from '../fake/registry.ts';
import { bearer, wantTokens } from '../fake/tokens.ts';
import { quirk } from '../quirk.ts';
import { bundleWithTokens, LOG_IN, MAY_BE_MISSING } from '../scenarios.ts';
import { CONTAINERD, DISTRIBUTION, GGCR, TOKENS } from '../sources.ts';

quirk({
  id: 'auth/access-token-only',
  weight: 'must',
  seenIn: 'Azure (ACR), old GitLab, Keycloak',
  source: `${GGCR}/issues/54`,
  expected: '`access_token` is used like `token`',
  run: async (stage) => {
    const { run } = await bundleWithTokens(stage, { token: (_, value) => ({ access_token: value, expires_in: 300 }) });
    stage.succeeds(run);
  },
});

for (const [name, more] of Object.entries({
  missing: {},
  zero: { expires_in: 0 },
  negative: { expires_in: -5 },
  text: { expires_in: '300' },
  null: { expires_in: null },
  float: { expires_in: 299.5 },
  tiny: { expires_in: 2 },
  'issued-long-ago': { expires_in: 300, issued_at: '2019-01-01T00:00:00Z' },
  'issued-in-future': { expires_in: 300, issued_at: '2099-01-01T00:00:00Z' },
  'issued-nonsense': { expires_in: 300, issued_at: 'yesterday' },
})) {
  quirk({
    id: `auth/expires-${name}`,
    weight: 'must',
    seenIn: 'ACR (no expires_in), GitLab, registries with a wrong clock',
    source: name.startsWith('issued')
      ? 'https://github.com/regclient/regclient (internal/auth/auth.go, validateResponse: clock skew)'
      : TOKENS,
    expected: 'the token is used for its default 60 s; no token for every request',
    run: async (stage) => {
      const { registry, tokens, run } = await bundleWithTokens(stage, {
        token: (_, value) => ({ token: value, ...more }),
      });
      stage.succeeds(run);
      stage.check(tokens.given.size <= 4, `${tokens.given.size} tokens for ${registry.log.length} requests`);
    },
  });
}
quirk({
  id: 'auth/challenge-without-scope',
  weight: 'must',
  seenIn: 'Forgejo/Gitea, Zot, Artifactory on /v2/',
  source: `${CONTAINERD} ("no scope specified for token auth challenge")`,
  expected: 'requests a token with its own scope',
  run: async (stage) => {
    const { run } = await bundleWithTokens(stage, (registry) => ({
      challenge: () => `Bearer realm="${registry.origin}/token",service="fake"`,
    }));
    stage.succeeds(run);
  },
});
quirk({
  id: 'auth/realm-relative',
  weight: 'may',
  seenIn: 'registries behind a path of their own; known to regclient',
  source: 'https://github.com/regclient/regclient/blob/main/internal/auth/auth.go ("handle relative realm values")',
  expected: 'resolved against the request',
  run: async (stage) => {
    const { run } = await bundleWithTokens(stage, {
      challenge: bearer('/token', 'x'),
    });
    stage.succeeds(run);
  },
});
quirk({
  id: 'auth/realm-on-another-host',
  weight: 'must',
  seenIn: 'Docker Hub, GitLab, nvcr.io',
  source: 'https://docs.docker.com/reference/api/registry/auth/',
  expected: 'requested there, with the credentials of the registry',
  run: async (stage) => {
    const auth = await stage.fake({ tls: true });
    const registry = await stage.fake({ tls: true });
    registry.put('library/nginx', '1', image());
    const { endpoint } = wantTokens(registry, {
      challenge: bearer('https://auth.docker.io/token', 'registry.docker.io'),
      anonymous: false,
      admits: (exchange) => exchange.authorization === basicOf('me:pw'),
    });
    auth.on(endpoint);
    await stage.hosts({ 'registry-1.docker.io': registry, 'auth.docker.io': auth });
    stage.login('https://index.docker.io/v1/', 'me', 'pw');
    stage.succeeds(await stage.bundle(registry, 'nginx:1'));
    stage.check(
      !registry.log.some((entry) => (entry.authorization ?? '').startsWith('Basic')),
      'the password went to the registry itself',
    );
  },
});
quirk({
  id: 'auth/realm-http-behind-https',
  weight: 'must',
  seenIn: 'Harbor, GitLab, Quay behind a TLS proxy with a wrong external URL',
  source: `${GGCR}/blob/main/pkg/v1/remote/transport/bearer.go (validateRealmURL)`,
  expected: 'the error names the http realm; no password in clear text',
  run: async (stage) => {
    const other = await stage.fake();
    const registry = await stage.fake({ tls: true });
    registry.put('team/app', '1', image());
    wantTokens(registry, {
      challenge: bearer(`http://auth.example.com:${other.port}/token`, 'x'),
    });
    await stage.hosts({ 'registry.example.com': registry });
    stage.login('registry.example.com', 'me', 'pw');
    const run = await stage.bundle(registry, 'registry.example.com/team/app:1');
    stage.fails(run, [/auth\.example\.com/, /TLS|http/i], { within: 30 });
    stage.check(other.log.length === 0, 'the realm was asked in plain HTTP');
  },
});
quirk({
  id: 'auth/token-expires-in-mid-run',
  weight: 'must',
  seenIn: 'registries with short tokens; clocks that differ',
  source: TOKENS,
  expected: 'renews after 401',
  run: async (stage) => {
    const { run } = await bundleWithTokens(stage, { lifetime: 1500 }, (registry) =>
      registry.on(async (exchange) => {
        if (exchange.kind === 'blob') await sleep(800);
      }),
    );
    stage.succeeds(run);
  },
});
const FIRST: Readonly<Record<string, Hook>> = {
  429: (exchange) => send(exchange.outgoing, 429, errors('TOOMANYREQUESTS'), { 'retry-after': '1' }),
  503: (exchange) => send(exchange.outgoing, 503, 'busy'),
  500: (exchange) => send(exchange.outgoing, 500, 'oops'),
  html: (exchange) => send(exchange.outgoing, 200, '<html>wait</html>', HTML_TYPE),
  empty: (exchange) => send(exchange.outgoing, 200, '{"token":""}', JSON_TYPE),
};
for (const [name, first] of Object.entries(FIRST)) {
  quirk({
    id: `auth/token-endpoint-${name}-once`,
    weight: 'must',
    seenIn: 'auth.docker.io, quay.io/v2/auth, gitlab.com/jwt/auth under load',
    source: 'https://github.com/docker/actions-toolkit/pull/1289',
    expected: 'retries',
    run: async (stage) => {
      let asked = 0;
      const { run } = await bundleWithTokens(stage, {}, (registry) =>
        registry.on((exchange) => (exchange.path === '/token' && asked++ === 0 ? first(exchange) : undefined)),
      );
      stage.succeeds(run);
    },
  });
}
quirk({
  id: 'auth/anonymous-token-denied',
  weight: 'must',
  seenIn: 'ghcr.io: 403 DENIED for a private or missing package',
  source: 'https://github.com/getwud/wud/issues/143',
  expected: 'the error names the image and advises to log in',
  run: async (stage) => {
    const { run } = await bundleWithTokens(stage, {}, (registry) =>
      registry.on((exchange) =>
        exchange.path === '/token'
          ? send(exchange.outgoing, 403, errors('DENIED', 'requested access to the resource is denied'), JSON_TYPE)
          : undefined,
      ),
    );
    stage.fails(run, [/team\/app/, LOG_IN], { within: 15 });
  },
});
quirk({
  id: 'auth/anonymous-token-denied-says-missing',
  weight: 'should',
  seenIn: 'ghcr.io, quay.io, Docker Hub: a name that does not exist looks the same as a private one',
  source: `${DISTRIBUTION}#error-codes (DENIED)`,
  expected: 'the error says that the name may not exist',
  run: async (stage) => {
    const { run } = await bundleWithTokens(stage, {}, (registry) =>
      registry.on((exchange) =>
        exchange.path === '/token' ? send(exchange.outgoing, 403, errors('DENIED'), JSON_TYPE) : undefined,
      ),
    );
    stage.fails(run, MAY_BE_MISSING, { within: 15 });
  },
});
quirk({
  id: 'auth/missing-repository-is-401',
  weight: 'must',
  seenIn: 'Docker Hub, quay.io: 401 insufficient_scope with a good token',
  source: `${CONTAINERD}/blob/main/core/remotes/docker/resolver.go ("repository does not exist or may require authorization")`,
  expected: 'no loop; the error says that it may not exist',
  run: async (stage) => {
    const registry = await stage.fake();
    registry.put('team/app', '1', image());
    registry.on((exchange) =>
      exchange.kind === 'manifest' && exchange.authorization
        ? send(exchange.outgoing, 401, errors('UNAUTHORIZED', 'authentication required'), {
            'www-authenticate': `Bearer realm="${registry.origin}/token",service="x",scope="repository:team/app:pull",error="insufficient_scope"`,
          })
        : undefined,
    );
    const tokens = wantTokens(registry);
    const run = await stage.bundle(registry, `${registry.host}/team/app:1`);
    stage.fails(run, [/team\/app/, MAY_BE_MISSING], { within: 15 });
    stage.check(tokens.given.size <= 3, `${tokens.given.size} tokens`);
  },
});
quirk({
  id: 'auth/basic-challenge-after-bad-bearer',
  weight: 'must',
  seenIn: 'Harbor: Basic challenge for a Bearer token with insufficient scope',
  source: 'https://github.com/goharbor/harbor/issues/18856',
  expected: 'anonymous: the public image is bundled, the error names the private one; with a login both are bundled',
  run: async (stage) => {
    const make = async (): Promise<FakeRegistry> => {
      const registry = await stage.fake();
      registry.put('pub/app', '1', image());
      registry.put('sec/app', '1', image());
      const { given } = wantTokens(registry, {
        challenge: (scope, exchange) =>
          exchange.repository === 'sec/app' && exchange.authorization
            ? 'Basic realm="harbor"'
            : `Bearer realm="${registry.origin}/token",service="harbor-registry",scope="${scope}"`,
        token: (exchange, value) => {
          const own = given.get(value);
          if (own && !exchange.authorization) own.scopes = own.scopes.filter((scope) => !scope.includes('sec/'));
          return { token: value };
        },
      });
      const right = basicOf('me:pw');
      registry.on((exchange) => {
        if (exchange.authorization === right && exchange.kind !== 'other') exchange.isAdmitted = true;
      });
      return registry;
    };
    const open = await make();
    stage.succeeds(await stage.bundle(open, `${open.host}/pub/app:1`), 'public alone');
    const run = await stage.bundle(open, [`${open.host}/sec/app:1`, `${open.host}/pub/app:1`], { out: 'c.tar' });
    stage.fails(run, /sec\/app/, { within: 20 });
    stage.check(!/pub\/app/.test(run.text.replace(/^.*sec\/app.*$/gm, '')), 'the public image is blamed, too', run);
    const known = await make();
    stage.login(known.host, 'me', 'pw');
    stage.succeeds(
      await stage.bundle(known, [`${known.host}/sec/app:1`, `${known.host}/pub/app:1`], { out: 'd.tar' }),
      'with a login',
    );
  },
});
quirk({
  id: 'auth/token-endpoint-redirects',
  weight: 'must',
  seenIn: 'registries that move their token service',
  source: 'https://nvd.nist.gov/vuln/detail/CVE-2020-15157',
  expected: 'followed, without the password on another host',
  run: async (stage) => {
    const other = await stage.fake({ tls: true });
    const registry = await stage.fake({ tls: true });
    registry.put('team/app', '1', image());
    let leaked = false;
    const { endpoint } = wantTokens(registry, {
      realm: '/token2',
      challenge: bearer('https://registry.example.com/token', 'x'),
    });
    registry.on((exchange) =>
      exchange.path === '/token'
        ? send(exchange.outgoing, 307, '', {
            location: `https://auth.example.com/token2${exchange.raw.slice('/token'.length)}`,
          })
        : undefined,
    );
    other.on((exchange) => {
      leaked ||= exchange.authorization !== undefined;
      return endpoint(exchange);
    });
    await stage.hosts({ 'registry.example.com': registry, 'auth.example.com': other });
    stage.login('registry.example.com', 'me', 'pw');
    stage.succeeds(await stage.bundle(registry, 'registry.example.com/team/app:1'));
    stage.check(!leaked, 'the password went to the other host');
  },
});
quirk({
  id: 'auth/scope-of-first-only',
  weight: 'must',
  seenIn: 'registries that look at the first scope only',
  source: `${GGCR}/blob/main/pkg/v1/remote/transport/bearer.go ("Some registries seem to only look at the first scope parameter")`,
  expected: 'the push succeeds',
  run: async (stage) => {
    const shared = image();
    const bundle = await stage.bundleToPush((registry) => {
      registry.put('a/x', '1', shared);
      registry.put('a/y', '1', shared);
      return ['a/x:1', 'a/y:1'];
    });
    const target = await stage.fake();
    const { given } = wantTokens(target, {
      token: (_, value) => {
        given.get(value)?.scopes.splice(1);
        return { token: value };
      },
    });
    stage.login(target.host, 'me', 'pw');
    stage.succeeds(await stage.push(bundle.file, `${target.host}/m`, target));
  },
});
quirk({
  id: 'auth/many-scopes-stay-short',
  weight: 'must',
  seenIn: 'Harbor, GitLab: tokens grow with scopes until headers are too large',
  source: `${GGCR}/issues/1744`,
  expected: 'no token has more than a few scopes',
  run: async (stage) => {
    const shared = image();
    const names = Array.from({ length: 12 }, (_, i) => `a/x${i}`);
    const bundle = await stage.bundleToPush((registry) =>
      names.map((name) => {
        registry.put(name, '1', shared);
        return `${name}:1`;
      }),
    );
    const target = await stage.fake();
    const { given } = wantTokens(target);
    stage.succeeds(await stage.push(bundle.file, `${target.host}/m`, target));
    const most = Math.max(...[...given.values()].map(({ scopes }) => scopes.length));
    stage.check(most <= 3, `a token with ${most} scopes`);
  },
});
