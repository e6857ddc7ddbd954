import type { FakeRegistry } from '../fake/registry.ts';
import { quirk, textFor } from '../quirk.ts';
import { bundleWithTokens } from '../scenarios.ts';
import { CONTAINERD, GGCR } from '../sources.ts';

quirk({
  id: 'auth/challenge-without-service',
  weight: 'must',
  seenIn: 'Gitea, hand-made token servers',
  source: `${CONTAINERD} (core/remotes/docker/auth/fetch.go)`,
  expected: 'requests a token without service',
  run: async (stage) => {
    const { registry, run } = await bundleWithTokens(stage, (registry) => ({
      challenge: (scope) => `Bearer realm="${registry.origin}/token",scope="${scope}"`,
    }));
    stage.succeeds(run);
    stage.check(
      registry.log.some((entry) => entry.path === '/token' && !entry.raw.includes('service=')),
      'a service was made up',
    );
  },
});
const CHALLENGES: Readonly<Record<string, (registry: FakeRegistry, scope: string) => string | string[]>> = {
  'lower-case': (registry, scope) => `bearer realm="${registry.origin}/token",service="x",scope="${scope}"`,
  'upper-case': (registry, scope) => `BEARER REALM="${registry.origin}/token",SERVICE="x",SCOPE="${scope}"`,
  unquoted: (registry, scope) => `Bearer service=x, realm="${registry.origin}/token" , scope="${scope}"`,
  'blank-after-comma': (registry, scope) =>
    `Bearer realm="${registry.origin}/token", service="x", scope="${scope}", error="invalid_token"`,
  'scope-first': (registry, scope) => `Bearer scope="${scope}",realm="${registry.origin}/token",service="x"`,
  'comma-in-service': (registry, scope) => `Bearer realm="${registry.origin}/token",service="a, b",scope="${scope}"`,
  'realm-with-query': (registry, scope) =>
    `Bearer realm="${registry.origin}/token?audience=a%2Fb&x=1",service="x",scope="${scope}"`,
  'basic-then-bearer-in-one': (registry, scope) =>
    `Basic realm="R",Bearer realm="${registry.origin}/token",service="x",scope="${scope}"`,
  'negotiate-ntlm-then-bearer': (registry, scope) => [
    'Negotiate',
    'NTLM TlRMTVNTUAAB',
    'Basic realm="front"',
    `Bearer realm="${registry.origin}/token",service="x",scope="${scope}"`,
  ],
  'bearer-then-basic': (registry, scope) => [
    `Bearer realm="${registry.origin}/token",service="x",scope="${scope}"`,
    'Basic realm="front"',
  ],
  'empty-then-bearer': (registry, scope) => [
    '',
    `Bearer realm="${registry.origin}/token",service="x",scope="${scope}"`,
  ],
};
for (const [name, make] of Object.entries(CHALLENGES)) {
  quirk({
    id: `auth/challenge-${name}`,
    weight: 'must',
    seenIn: textFor(
      name,
      {
        'lower-case': 'Gitea, Pulp, Zot behind proxies',
        'negotiate-ntlm-then-bearer': 'registries behind IIS or Windows proxies',
      },
      'several',
    ),
    source: name.includes('negotiate')
      ? `${GGCR}/blob/main/pkg/v1/remote/transport/ping.go (pickFromMultipleChallenges)`
      : 'https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1',
    expected: 'the Bearer challenge is understood',
    run: async (stage) => {
      const { registry, run } = await bundleWithTokens(stage, (registry) => ({
        challenge: (scope) => make(registry, scope),
      }));
      stage.succeeds(run);
      if (name === 'realm-with-query')
        stage.check(
          registry.log.some((entry) => entry.raw.startsWith('/token?audience=a%2Fb&x=1&')),
          'the query of the realm is gone',
        );
    },
  });
}
quirk({
  id: 'auth/401-without-challenge',
  weight: 'may',
  seenIn: 'gcr.io (2017), some Artifactory and nginx setups: only /v2/ has the challenge',
  source:
    'https://github.com/containers/image/blob/main/docker/docker_client.go ("gcr.io is sending 401 without a WWW-Authenticate header in the real request")',
  expected: 'gets the challenge from /v2/',
  run: async (stage) => {
    const { run } = await bundleWithTokens(stage, (registry) => ({
      challenge: (_, exchange) =>
        exchange.kind === 'v2' ? `Bearer realm="${registry.origin}/token",service="x"` : undefined,
    }));
    stage.succeeds(run);
  },
});
quirk({
  id: 'auth/401-without-challenge-at-all',
  weight: 'must',
  seenIn: 'custom front ends',
  source: `${GGCR}/blob/main/pkg/v1/remote/transport/ping.go`,
  expected: 'fails at once, with image and reason',
  run: async (stage) => {
    const { run } = await bundleWithTokens(stage, { challenge: () => undefined });
    stage.fails(run, [/team\/app/, /401|credential|log ?in/i], { within: 15 });
  },
});
quirk({
  id: 'auth/401-with-unknown-scheme',
  weight: 'should',
  seenIn: 'IIS/Kerberos front ends',
  source:
    'https://github.com/containers/image (docker_client.go: "None of the challenges sent by server are supported")',
  expected: 'the error names the required scheme',
  run: async (stage) => {
    const { run } = await bundleWithTokens(stage, { challenge: () => 'Negotiate' });
    stage.fails(run, /negotiate/i, { within: 15 });
  },
});
