import { basicOf } from '../../support/basic.ts';
import { image } from '../fake/content.ts';
import { bearer, wantPassword, wantTokens } from '../fake/tokens.ts';
import { quirk } from '../quirk.ts';
import { login } from '../stage.ts';

quirk({
  id: 'proxy/mirror-login',
  weight: 'must',
  seenIn: 'mirrors with a login of their own',
  source: '-',
  expected: 'the login of the mirror, not of docker.io',
  run: async (stage) => {
    const registry = await stage.fake();
    registry.put('hub-proxy/library/nginx', '1', image());
    wantPassword(registry, 'm', 'pw');
    stage.docker({
      auths: { [registry.host]: login('m', 'pw'), 'https://index.docker.io/v1/': login('hub', 'secret') },
    });
    const run = await stage.bundle(registry, 'nginx:1', { args: ['--mirror', `docker.io=${registry.host}/hub-proxy`] });
    stage.succeeds(run);
    stage.check(
      !registry.log.some((entry) => entry.authorization === basicOf('hub:secret')),
      'the login of Docker Hub went to the mirror',
    );
  },
});
for (const name of [
  'index.docker.io/library/nginx:1',
  'docker.io/nginx:1',
  'nginx:1',
  'library/nginx:1',
  'registry-1.docker.io/library/nginx:1',
]) {
  quirk({
    id: `proxy/hub-name-${name.replace(/[^a-z0-9]+/g, '_')}`,
    weight: 'must',
    seenIn: 'charts name Docker Hub in many ways',
    source: 'https://github.com/distribution/reference',
    expected: 'found',
    run: async (stage) => {
      const registry = await stage.fake({ tls: true });
      registry.put('library/nginx', '1', image());
      wantTokens(registry, {
        challenge: bearer('https://auth.docker.io/token', 'registry.docker.io'),
      });
      const hosts = { 'registry-1.docker.io': registry, 'auth.docker.io': registry, 'index.docker.io': registry };
      await stage.hosts(hosts);
      stage.succeeds(await stage.bundle(registry, name));
    },
  });
}
quirk({
  id: 'proxy/name-without-address',
  weight: 'must',
  seenIn: 'misspelt hosts',
  source: '-',
  expected: 'fails at once, with the host',
  run: async (stage) => {
    const run = await stage.bundle([], 'registry.invalid/team/app:1');
    stage.fails(run, [/registry\.invalid/], { within: 60 });
  },
});
quirk({
  id: 'proxy/credential-helper-that-hangs',
  weight: 'must',
  seenIn: 'docker-credential-pass waiting for a passphrase',
  source: 'https://github.com/docker/docker-credential-helpers',
  expected: 'ends in time, and names the helper',
  seconds: 60,
  run: async (stage) => {
    const registry = await stage.fake();
    registry.put('team/app', '1', image());
    wantPassword(registry, 'a', 'b');
    stage.helper('slow', 'exec sleep 600');
    stage.docker({ credHelpers: { [registry.host]: 'slow' } });
    stage.fails(await stage.bundle(registry, `${registry.host}/team/app:1`), /docker-credential-slow/, { within: 90 });
  },
});
