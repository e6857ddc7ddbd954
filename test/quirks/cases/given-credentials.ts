import { image } from '../fake/content.ts';
import type { FakeRegistry } from '../fake/registry.ts';
import { wantPassword, wantTokens } from '../fake/tokens.ts';
import { quirk } from '../quirk.ts';
import { LOG_IN } from '../scenarios.ts';
import { login, type Stage } from '../stage.ts';

const HELM = 'https://helm.sh/docs/helm/helm_registry_login/';
const CI = 'https://docs.gitlab.com/ci/variables/';
const PODMAN = 'https://github.com/containers/image/blob/main/docs/containers-auth.json.5.md';
const DOCKER = 'https://docs.docker.com/reference/cli/docker/login/';

/** Starts a registry with team/app:1 that requires `me` with the password `right-word`. */
async function closed(stage: Stage): Promise<FakeRegistry> {
  const registry = await stage.fake();
  registry.put('team/app', '1', image());
  wantPassword(registry, 'me', 'right-word');
  return registry;
}

/** `AIRGAP_AUTH_127_0_0_1_5000` for 127.0.0.1:5000. */
const variableOf = ({ host }: FakeRegistry): string => `AIRGAP_AUTH_${host.replace(/[^0-9]/g, '_')}`;

quirk({
  id: 'auth/variables-with-user-and-password',
  weight: 'must',
  seenIn: 'CI systems, which hand secrets over in variables',
  source: CI,
  expected: 'AIRGAP_AUTH_<HOST>_USERNAME and _PASSWORD are sent to that host',
  run: async (stage) => {
    const registry = await closed(stage);
    const name = variableOf(registry);
    const env = { [`${name}_USERNAME`]: 'me', [`${name}_PASSWORD`]: 'right-word' };
    stage.succeeds(await stage.bundle(registry, `${registry.host}/team/app:1`, { env }));
  },
});
quirk({
  id: 'auth/variable-with-a-token',
  weight: 'must',
  seenIn: 'CI systems, which hand secrets over in variables',
  source: CI,
  expected: 'AIRGAP_AUTH_<HOST>_TOKEN is sent to that host as a bearer token',
  run: async (stage) => {
    const registry = await stage.fake();
    registry.put('team/app', '1', image());
    const { given } = wantTokens(registry, { anonymous: false });
    given.set('right-word', { scopes: ['repository:team/app:pull'], until: Number.POSITIVE_INFINITY });
    const env = { [`${variableOf(registry)}_TOKEN`]: 'right-word' };
    stage.succeeds(await stage.bundle(registry, `${registry.host}/team/app:1`, { env }));
  },
});
quirk({
  id: 'auth/variables-win-over-files',
  weight: 'should',
  seenIn: 'CI systems with an old config.json in their image',
  source: CI,
  expected: 'credentials of this run take precedence over stored ones',
  run: async (stage) => {
    const registry = await closed(stage);
    stage.login(registry.host, 'me', 'old-word');
    const name = variableOf(registry);
    const env = { [`${name}_USERNAME`]: 'me', [`${name}_PASSWORD`]: 'right-word' };
    stage.succeeds(await stage.bundle(registry, `${registry.host}/team/app:1`, { env }));
  },
});
quirk({
  id: 'auth/variable-without-password',
  weight: 'should',
  seenIn: 'CI systems that leave a secret empty for runs without access to it',
  source: CI,
  expected: 'exit 2 with the variable',
  run: async (stage) => {
    const registry = await closed(stage);
    const env = { [`${variableOf(registry)}_USERNAME`]: 'me' };
    const run = await stage.bundle(registry, `${registry.host}/team/app:1`, { env });
    stage.fails(run, new RegExp(variableOf(registry)), { within: 15, code: 2 });
  },
});
quirk({
  id: 'auth/password-on-standard-input',
  weight: 'must',
  seenIn: 'docker login and helm registry login: --password-stdin',
  source: HELM,
  expected: '--registry-username HOST=NAME with --registry-password-stdin, at bundle and at push',
  run: async (stage) => {
    const registry = await closed(stage);
    const args = ['--registry-username', `${registry.host}=me`, '--registry-password-stdin'];
    const given = { args, input: 'right-word\n' };
    await stage.verifies(await stage.bundle(registry, `${registry.host}/team/app:1`, given));
    stage.succeeds(await stage.push('bundle.tar', `${registry.host}/m`, registry, given), 'push');
  },
});
quirk({
  id: 'auth/user-without-password',
  weight: 'should',
  seenIn: 'incomplete flags',
  source: HELM,
  expected: 'exit 2, no password prompt',
  run: async (stage) => {
    const registry = await closed(stage);
    const args = ['--registry-username', `${registry.host}=me`];
    const run = await stage.bundle(registry, `${registry.host}/team/app:1`, { args });
    stage.fails(run, /--registry-password-stdin/, { within: 15, code: 2 });
  },
});
quirk({
  id: 'auth/user-of-a-host-named-twice',
  weight: 'should',
  seenIn: 'flags of a script and of its caller',
  source: HELM,
  expected: 'exit 2, no arbitrary choice',
  run: async (stage) => {
    const registry = await closed(stage);
    const users = ['you', 'me'].flatMap((user) => ['--registry-username', `${registry.host}=${user}`]);
    const args = [...users, '--registry-password-stdin'];
    const run = await stage.bundle(registry, `${registry.host}/team/app:1`, { args, input: 'right-word\n' });
    stage.fails(run, /--registry-username/, { within: 15, code: 2 });
  },
});
quirk({
  id: 'auth/podman-config-home',
  weight: 'must',
  seenIn: 'podman, buildah, skopeo without a runtime folder, as in containers',
  source: PODMAN,
  expected: 'found in ~/.config/containers/auth.json',
  run: async (stage) => {
    const registry = await closed(stage);
    stage.file('home/.config/containers/auth.json', { auths: { [registry.host]: login('me', 'right-word') } });
    stage.succeeds(await stage.bundle(registry, `${registry.host}/team/app:1`));
  },
});
quirk({
  id: 'auth/wrong-password-names-file-and-user',
  weight: 'should',
  seenIn: 'passwords that were changed',
  source: DOCKER,
  expected: 'the error names file and user, and not the password',
  run: async (stage) => {
    const registry = await closed(stage);
    stage.login(registry.host, 'me', 'wrong-word');
    const run = await stage.bundle(registry, `${registry.host}/team/app:1`);
    stage.fails(run, [/config\.json/, /\bme\b/], { within: 15 });
    stage.check(!/wrong-word/.test(run.text), 'it prints the password', run);
  },
});
quirk({
  id: 'auth/wrong-password-differs-from-none',
  weight: 'should',
  seenIn: 'every private registry',
  source: 'https://github.com/containers/image/blob/main/docker/errors.go (ErrUnauthorizedForCredentials)',
  expected: 'the errors of a refused and a missing login differ',
  run: async (stage) => {
    const registry = await closed(stage);
    const name = `${registry.host}/team/app:1`;
    const none = await stage.bundle(registry, name);
    stage.fails(none, LOG_IN, { within: 15 });
    stage.login(registry.host, 'me', 'wrong-word');
    const wrong = await stage.bundle(registry, name);
    stage.fails(wrong, [], { within: 15 });
    const [first, second] = [none, wrong].map(({ text }) => /^Error: .*$/m.exec(text)?.[0]);
    stage.check(first !== second, 'both errors are the same', wrong);
  },
});
quirk({
  id: 'auth/wrong-password-of-a-helper-names-it',
  weight: 'should',
  seenIn: 'credential helpers with an expired session',
  source: 'https://github.com/docker/docker-credential-helpers',
  expected: 'the error names the helper',
  run: async (stage) => {
    const registry = await closed(stage);
    stage.helper('stale', `cat >/dev/null; echo '{"ServerURL":"x","Username":"me","Secret":"wrong-word"}'`);
    stage.docker({ credHelpers: { [registry.host]: 'stale' } });
    const run = await stage.bundle(registry, `${registry.host}/team/app:1`);
    stage.fails(run, /docker-credential-stale/, { within: 15 });
    stage.check(!/wrong-word/.test(run.text), 'it prints the password', run);
  },
});
quirk({
  id: 'auth/helper-answers-nonsense',
  weight: 'should',
  seenIn: 'helpers that print a notice or a usage text',
  source: 'https://github.com/docker/docker-credential-helpers',
  expected: 'the error names helper and host',
  run: async (stage) => {
    const registry = await closed(stage);
    stage.helper('noisy', 'cat >/dev/null; echo "a new version is available"');
    stage.docker({ credHelpers: { [registry.host]: 'noisy' } });
    const run = await stage.bundle(registry, `${registry.host}/team/app:1`);
    stage.fails(run, [/docker-credential-noisy/, new RegExp(registry.host)], { within: 15 });
  },
});
quirk({
  id: 'auth/auth-file-is-not-json',
  weight: 'should',
  seenIn: 'a truncated or edited config.json',
  source: DOCKER,
  expected: 'exit 2 with the file',
  run: async (stage) => {
    const registry = await closed(stage);
    stage.file('home/.docker/config.json', '{"auths": {');
    const run = await stage.bundle(registry, `${registry.host}/team/app:1`);
    stage.fails(run, /config\.json/, { within: 15, code: 2 });
  },
});
