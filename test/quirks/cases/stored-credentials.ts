import { basicOf } from '../../support/basic.ts';
import { errors, send } from '../fake/answers.ts';
import { image } from '../fake/content.ts';
import { bearer, wantPassword, wantTokens } from '../fake/tokens.ts';
import { quirk } from '../quirk.ts';
import { bundleWithTokens, LOG_IN } from '../scenarios.ts';
import { CONTAINERD } from '../sources.ts';
import { login } from '../stage.ts';

quirk({
  id: 'auth/basic-with-credentials',
  weight: 'must',
  seenIn: 'ECR, Nexus, distribution with htpasswd',
  source: 'https://distribution.github.io/distribution/about/configuration/#htpasswd',
  expected: 'requests have them',
  run: async (stage) => {
    const registry = await stage.fake();
    registry.put('team/app', '1', image());
    wantPassword(registry, 'org+robot', 'p:w ü$');
    stage.login(registry.host, 'org+robot', 'p:w ü$');
    stage.succeeds(await stage.bundle(registry, `${registry.host}/team/app:1`));
  },
});
quirk({
  id: 'auth/basic-without-credentials',
  weight: 'must',
  seenIn: 'Nexus, htpasswd',
  source: 'https://help.sonatype.com/en/docker-authentication.html',
  expected: 'the error advises to log in',
  run: async (stage) => {
    const registry = await stage.fake();
    registry.put('team/app', '1', image());
    wantPassword(registry, 'a', 'b');
    stage.fails(await stage.bundle(registry, `${registry.host}/team/app:1`), [LOG_IN, new RegExp(registry.host)], {
      within: 15,
    });
  },
});
for (const user of [
  'org+robot',
  'robot$proj+name',
  '$oauthtoken',
  '12345678|ci',
  '_json_key',
  'oauth2accesstoken',
  'DOMAIN\\user',
  'me@example.com',
]) {
  quirk({
    id: `auth/user-${user.replace(/[^a-z0-9]+/gi, '_')}`,
    weight: 'must',
    seenIn: 'quay robots, Harbor robots, nvcr.io, registry.redhat.io, GAR',
    source: 'https://docs.quay.io/glossary/robot-accounts.html',
    expected: 'is sent to the token endpoint unchanged',
    run: async (stage) => {
      const right = basicOf(`${user}:pw`);
      const { run } = await bundleWithTokens(
        stage,
        { anonymous: false, admits: (exchange) => exchange.authorization === right },
        (registry) => stage.login(registry.host, user, 'pw'),
      );
      stage.succeeds(run);
    },
  });
}
quirk({
  id: 'auth/identity-token-acr',
  weight: 'must',
  seenIn: 'ACR (az acr login)',
  source: 'https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md',
  expected: 'POST with grant_type=refresh_token; access_token without expires_in',
  run: async (stage) => {
    const { registry, run } = await bundleWithTokens(
      stage,
      {
        realm: '/oauth2/token',
        token: (exchange, value) =>
          exchange.form?.get('grant_type') === 'refresh_token' && exchange.form.get('refresh_token') === 'refresh-me'
            ? { access_token: value }
            : send(exchange.outgoing, 401, errors('UNAUTHORIZED')),
      },
      (registry) =>
        stage.docker({
          auths: {
            [registry.host]: { ...login('00000000-0000-0000-0000-000000000000', ''), identitytoken: 'refresh-me' },
          },
        }),
    );
    stage.succeeds(run);
    stage.check(
      registry.log.filter((entry) => entry.path === '/oauth2/token').every((entry) => entry.method === 'POST'),
      'not with POST',
    );
  },
});
for (const status of [404, 405]) {
  quirk({
    id: `auth/identity-token-post-${status}`,
    weight: 'may',
    seenIn: 'token servers without OAuth2: Gitea (404), GitLab, Harbor (405)',
    source: `${CONTAINERD}/blob/main/core/remotes/docker/authorizer.go and ${CONTAINERD}/pull/8630`,
    expected: 'GET with the user name and the token as password',
    run: async (stage) => {
      const { run } = await bundleWithTokens(
        stage,
        {
          anonymous: false,
          token: (exchange, value) =>
            exchange.method === 'GET' && exchange.authorization === basicOf('me:refresh-me')
              ? { token: value }
              : send(exchange.outgoing, exchange.method === 'POST' ? status : 401, errors('UNSUPPORTED')),
        },
        (registry) =>
          stage.docker({
            auths: { [registry.host]: { ...login('me', ''), identitytoken: 'refresh-me' } },
          }),
      );
      stage.succeeds(run);
    },
  });
}
quirk({
  id: 'auth/registrytoken',
  weight: 'must',
  seenIn: 'OpenShift, docker config with registrytoken',
  source: 'https://docs.docker.com/reference/cli/docker/login/',
  expected: 'sent as Bearer',
  run: async (stage) => {
    const registry = await stage.fake();
    registry.put('team/app', '1', image());
    registry.on((exchange) =>
      exchange.authorization === 'Bearer abc'
        ? undefined
        : send(exchange.outgoing, 401, errors('UNAUTHORIZED'), {
            'www-authenticate': `Bearer realm="${registry.origin}/token",service="x"`,
          }),
    );
    stage.docker({ auths: { [registry.host]: { registrytoken: 'abc' } } });
    stage.succeeds(await stage.bundle(registry, `${registry.host}/team/app:1`));
  },
});
const KEYS: Readonly<Record<string, (host: string) => string>> = {
  'v1-url': (host) => `https://${host}/v1/`,
  'v2-url': (host) => `https://${host}/v2/`,
  'http-url': (host) => `http://${host}`,
  slash: (host) => `${host}/`,
  plain: (host) => host,
  namespaced: (host) => `${host}/team`,
  'whole-repository': (host) => `${host}/team/app`,
};
for (const [name, key] of Object.entries(KEYS)) {
  quirk({
    id: `auth/auths-key-${name}`,
    weight: 'must',
    seenIn: 'docker, podman',
    source: 'https://github.com/containers/image/blob/main/docs/containers-auth.json.5.md',
    expected: 'found',
    run: async (stage) => {
      const registry = await stage.fake();
      registry.put('team/app', '1', image());
      wantPassword(registry, 'me', 'pw');
      stage.login(key(registry.host), 'me', 'pw');
      stage.succeeds(await stage.bundle(registry, `${registry.host}/team/app:1`));
    },
  });
}
for (const key of [
  'https://index.docker.io/v1/',
  'index.docker.io',
  'docker.io',
  'registry-1.docker.io',
  'docker.io/library',
]) {
  quirk({
    id: `auth/hub-key-${key.replace(/[^a-z0-9]+/g, '_')}`,
    weight: 'must',
    seenIn: 'Docker Hub',
    source: 'https://docs.docker.com/reference/cli/docker/login/',
    expected: 'found for nginx',
    run: async (stage) => {
      const registry = await stage.fake({ tls: true });
      registry.put('library/nginx', '1', image());
      wantTokens(registry, {
        challenge: bearer('https://auth.docker.io/token', 'registry.docker.io'),
        anonymous: false,
      });
      await stage.hosts({ 'registry-1.docker.io': registry, 'auth.docker.io': registry });
      stage.login(key, 'me', 'pw');
      stage.succeeds(await stage.bundle(registry, 'nginx:1'));
    },
  });
}
quirk({
  id: 'auth/hub-login-for-registry-1',
  weight: 'may',
  seenIn: 'Docker Hub named by its API host in a chart',
  source: 'https://github.com/oras-project/oras/issues/557 (registry-1.docker.io/… as users write it)',
  expected: 'image registry-1.docker.io/library/nginx uses the login of Docker Hub',
  run: async (stage) => {
    const registry = await stage.fake({ tls: true });
    registry.put('library/nginx', '1', image());
    wantTokens(registry, {
      challenge: bearer('https://auth.docker.io/token', 'registry.docker.io'),
      anonymous: false,
    });
    await stage.hosts({ 'registry-1.docker.io': registry, 'auth.docker.io': registry });
    stage.login('registry-1.docker.io', 'me', 'pw');
    stage.succeeds(await stage.bundle(registry, 'registry-1.docker.io/library/nginx:1'));
  },
});
quirk({
  id: 'auth/podman-runtime-auth',
  weight: 'must',
  seenIn: 'podman',
  source: 'https://github.com/containers/image/blob/main/docs/containers-auth.json.5.md',
  expected: '$XDG_RUNTIME_DIR/containers/auth.json, the most specific key',
  run: async (stage) => {
    const registry = await stage.fake();
    registry.put('team/app', '1', image());
    wantPassword(registry, 'team', 'pw');
    stage.file('run/containers/auth.json', {
      auths: { [registry.host]: login('all', 'pw'), [`${registry.host}/team`]: login('team', 'pw') },
    });
    stage.env.XDG_RUNTIME_DIR = `${stage.folder}/run`;
    stage.succeeds(await stage.bundle(registry, `${registry.host}/team/app:1`));
  },
});
quirk({
  id: 'auth/docker-auth-config-variable',
  weight: 'must',
  seenIn: 'GitLab CI, docker CLI 28.3 and newer, regclient',
  source: 'https://gitlab.com/gitlab-org/gitlab-runner/-/issues/38909',
  expected: 'credentials from DOCKER_AUTH_CONFIG',
  run: async (stage) => {
    const registry = await stage.fake();
    registry.put('team/app', '1', image());
    wantPassword(registry, 'me', 'pw');
    stage.env.DOCKER_AUTH_CONFIG = JSON.stringify({ auths: { [registry.host]: login('me', 'pw') } });
    stage.succeeds(await stage.bundle(registry, `${registry.host}/team/app:1`));
  },
});
quirk({
  id: 'auth/helm-login-without-helm',
  weight: 'must',
  seenIn: 'helm registry login, then scripts/airgap by itself',
  source: 'https://helm.sh/docs/helm/helm_env/ (HELM_REGISTRY_CONFIG, default $HELM_CONFIG_HOME/registry/config.json)',
  expected: 'found in Helm’s file',
  run: async (stage) => {
    const registry = await stage.fake();
    registry.put('team/app', '1', image());
    wantPassword(registry, 'me', 'pw');
    stage.file('home/.config/helm/registry/config.json', { auths: { [registry.host]: login('me', 'pw') } });
    stage.succeeds(await stage.bundle(registry, `${registry.host}/team/app:1`));
  },
});

quirk({
  id: 'auth/cred-helper',
  weight: 'must',
  seenIn: 'gcloud, ecr-login, acr-env, osxkeychain',
  source: 'https://docs.docker.com/reference/cli/docker/login/#credential-helpers',
  expected: 'called with the host on stdin',
  run: async (stage) => {
    const registry = await stage.fake();
    registry.put('team/app', '1', image());
    wantPassword(registry, 'me', 'pw');
    stage.helper(
      'fake',
      `read host; test "$host" = "${registry.host}" || exit 1; printf '{"ServerURL":"%s","Username":"me","Secret":"pw"}' "$host"`,
    );
    stage.docker({ credHelpers: { [registry.host]: 'fake' } });
    stage.succeeds(await stage.bundle(registry, `${registry.host}/team/app:1`));
  },
});
quirk({
  id: 'auth/creds-store-missing',
  weight: 'must',
  seenIn: 'Docker Desktop’s config.json in WSL or CI: credsStore desktop(.exe) and an empty entry',
  source: 'https://docs.docker.com/reference/cli/docker/login/#credential-stores',
  expected: 'a warning, then anonymous access',
  run: async (stage) => {
    const { run } = await bundleWithTokens(stage, {}, (registry) =>
      stage.docker({ auths: { [registry.host]: {}, 'https://index.docker.io/v1/': {} }, credsStore: 'desktop.exe' }),
    );
    stage.succeeds(run);
  },
});
quirk({
  id: 'auth/creds-store-empty-answer',
  weight: 'must',
  seenIn: 'wincred/pass answer with empty names',
  source: 'https://github.com/docker/docker-credential-helpers',
  expected: 'anonymous',
  run: async (stage) => {
    stage.helper('hollow', `cat >/dev/null; echo '{"ServerURL":"","Username":"","Secret":""}'`);
    const { run } = await bundleWithTokens(stage, {}, () => stage.docker({ credsStore: 'hollow' }));
    stage.succeeds(run);
  },
});
quirk({
  id: 'auth/gcloud-helper-missing-for-public-image',
  weight: 'must',
  seenIn: 'gcr.io: gcloud auth configure-docker writes credHelpers for every gcr.io host',
  source: 'https://cloud.google.com/artifact-registry/docs/docker/authentication',
  expected: 'the error names the helper and the file (docker fails too)',
  run: async (stage) => {
    const registry = await stage.fake();
    registry.put('team/app', '1', image());
    wantTokens(registry, {});
    // Developers may have a helper of the real name.
    stage.docker({ credHelpers: { [registry.host]: 'gcloud-not-here' } });
    stage.fails(
      await stage.bundle(registry, `${registry.host}/team/app:1`),
      [/docker-credential-gcloud-not-here/, /config\.json/],
      { within: 15 },
    );
  },
});
quirk({
  id: 'auth/stale-login-for-public-image',
  weight: 'must',
  seenIn: 'Docker Hub with an expired PAT in config.json',
  source: 'https://github.com/containers/image/blob/main/docker/errors.go (ErrUnauthorizedForCredentials)',
  expected: 'the error names file and user of the stored login',
  run: async (stage) => {
    const { run } = await bundleWithTokens(
      stage,
      { admits: (exchange) => exchange.authorization === undefined },
      (registry) => stage.login(registry.host, 'me', 'old'),
    );
    stage.fails(run, [/config\.json/, /\bme\b/], { within: 15 });
  },
});
