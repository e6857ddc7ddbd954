import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { credentialsFiles, type UserEnvironment } from '../../../src/auth/credential-files.ts';
import { fileKeychain } from '../../../src/auth/file-keychain.ts';
import { chainKeychains } from '../../../src/auth/keychain.ts';
import type { AirgapError } from '../../../src/base/errors.ts';
import type { AirgapEvent } from '../../../src/base/events.ts';
import { redact } from '../../../src/base/redact.ts';
import { scratchFolder } from '../../support/scratch.ts';

let home: string;
beforeEach(() => {
  home = scratchFolder();
});

const auth = (user: string, password: string): { auth: string } => ({
  auth: Buffer.from(`${user}:${password}`).toString('base64'),
});
const basic = (username: string, password: string): object => ({ kind: 'basic', username, password });

function put(path: string, content: unknown): string {
  const file = join(home, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

/** Writes a credential helper as a shell script, and returns a PATH that has it. */
function helper(name: string, script: string): string {
  const file = put(`bin/docker-credential-${name}`, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return `${dirname(file)}:/usr/bin:/bin`;
}

function warningsOf(events: readonly AirgapEvent[]): AirgapEvent[] {
  return events.filter(({ type }) => type === 'warning');
}

describe('the credentials files', () => {
  it('are read in order, and the first with an entry for the registry wins', async () => {
    put('docker/config.json', { auths: { 'a.example': auth('docker', '1'), 'd.example': auth('docker', '1') } });
    put('.config/containers/auth.json', { auths: { 'a.example': auth('home', '2'), 'c.example': auth('home', '2') } });
    put('run/containers/auth.json', { auths: { 'a.example': auth('run', '3') } });
    const env = {
      XDG_RUNTIME_DIR: join(home, 'run'),
      DOCKER_CONFIG: join(home, 'docker'),
      HELM_REGISTRY_CONFIG: put('helm.json', {
        auths: { 'a.example': auth('helm', '4'), 'b.example': auth('helm', '4') },
      }),
      REGISTRY_AUTH_FILE: put('own.json', { auths: { 'a.example': auth('own', '5') } }),
    };
    const keychain = fileKeychain({ env, home });
    expect(await keychain.lookup('a.example')).toMatchObject(basic('own', '5'));
    expect(await keychain.lookup('b.example')).toMatchObject(basic('helm', '4'));
    expect(await keychain.lookup('c.example')).toMatchObject(basic('home', '2'));
    expect(await keychain.lookup('d.example')).toMatchObject(basic('docker', '1'));
    expect(await keychain.lookup('e.example')).toBeUndefined();
  });

  it('may all be missing', async () => {
    expect(await fileKeychain({ env: {}, home }).lookup('quay.io', 'a/b')).toBeUndefined();
  });

  it.each(['https://index.docker.io/v1/', 'docker.io', 'index.docker.io', 'registry-1.docker.io'])(
    'may have Docker Hub as %s',
    async (key) => {
      put('.docker/config.json', { auths: { [key]: auth('hub', 'geheim') } });
      expect(await fileKeychain({ env: {}, home }).lookup('docker.io', 'library/nginx')).toMatchObject(
        basic('hub', 'geheim'),
      );
    },
  );

  it('may have entries for parts of a registry; the most specific wins', async () => {
    const auths = {
      'r.example': auth('all', '1'),
      'r.example/team': auth('team', '2'),
      'r.example/team/app': auth('app', '3'),
    };
    put('.docker/config.json', { auths });
    const keychain = fileKeychain({ env: {}, home });
    expect(await keychain.lookup('r.example', 'team/app')).toMatchObject(basic('app', '3'));
    expect(await keychain.lookup('r.example', 'team/application')).toMatchObject(basic('team', '2'));
    expect(await keychain.lookup('r.example', 'other')).toMatchObject(basic('all', '1'));
    expect(await keychain.lookup('r.example.org', 'team/app')).toBeUndefined();
  });

  it('may contain identity tokens, registry tokens, and passwords with colons', async () => {
    put('.docker/config.json', {
      auths: {
        'https://a.example/v2/': { auth: 'PHRva2VuPjo=', identitytoken: 'refresh-me' },
        'b.example': { registrytoken: 'take-me' },
        'c.example:5000': auth('user', 'with:colon'),
        'd.example': {},
      },
    });
    const keychain = fileKeychain({ env: {}, home });
    expect(await keychain.lookup('a.example')).toMatchObject({ kind: 'identity-token', token: 'refresh-me' });
    expect(await keychain.lookup('b.example')).toMatchObject({ kind: 'registry-token', token: 'take-me' });
    expect(await keychain.lookup('c.example:5000')).toMatchObject(basic('user', 'with:colon'));
    expect(await keychain.lookup('d.example')).toBeUndefined();
  });

  it.each([
    ['invalid JSON', '{"auths": {"a.example": {"auth": "c2VjcmV0LXNlY3JldA==" ', 'JSON'],
    ['a list', '[]', 'JSON object'],
    ['auths that are not an object', '{"auths": 1}', '"auths"'],
    [
      'an entry that is not base64 of a pair',
      '{"auths": {"a.example": {"auth": "c2VjcmV0LXNlY3JldA=="}}}',
      'a.example',
    ],
  ])('with %s are named in the error, without their content', async (_name, content, expected) => {
    const file = put('.docker/config.json', content);
    const lookup = fileKeychain({ env: {}, home }).lookup('a.example');
    await expect(lookup).rejects.toMatchObject({ code: 'config', message: expect.stringContaining(file) });
    await expect(lookup).rejects.toThrow(expected);
    await expect(lookup).rejects.not.toThrow(/c2VjcmV0/);
  });

  it('register their secrets for redaction', async () => {
    put('.docker/config.json', { auths: { 'a.example': auth('user', 'correct-horse') } });
    await fileKeychain({ env: {}, home }).lookup('a.example');
    expect(redact('the password is correct-horse')).toBe('the password is ***');
  });

  it('are read again after a credential was rejected', async () => {
    put('.docker/config.json', { auths: { 'a.example': auth('user', 'old') } });
    const keychain = fileKeychain({ env: {}, home });
    await keychain.lookup('a.example');
    put('.docker/config.json', { auths: { 'a.example': auth('user', 'new') } });
    expect(await keychain.lookup('a.example')).toMatchObject(basic('user', 'old'));
    keychain.forget?.('a.example');
    expect(await keychain.lookup('a.example')).toMatchObject(basic('user', 'new'));
  });
});

describe('a credential helper', () => {
  it('gets its host on stdin, once', async () => {
    const PATH = helper(
      'mine',
      `read -r host; echo "$host" >> ${home}/asked; printf '{"ServerURL":"%s","Username":"u","Secret":"s3cret-of-%s"}' "$host" "$host"`,
    );
    put('.docker/config.json', { credHelpers: { 'a.example': 'mine' }, auths: { 'a.example': auth('file', '1') } });
    const keychain = fileKeychain({ env: { PATH }, home });
    expect(await keychain.lookup('a.example', 'x/y')).toMatchObject(basic('u', 's3cret-of-a.example'));
    await keychain.lookup('a.example', 'x/z');
    expect(readFileSync(join(home, 'asked'), 'utf8')).toBe('a.example\n');
  });

  it('returns an identity token with the user name <token>', async () => {
    const PATH = helper('mine', `echo '{"Username":"<token>","Secret":"refresh-me"}'`);
    put('.docker/config.json', { credHelpers: { 'a.example': 'mine' } });
    expect(await fileKeychain({ env: { PATH }, home }).lookup('a.example')).toMatchObject({
      kind: 'identity-token',
      token: 'refresh-me',
    });
  });

  it('without a credential leaves the access anonymous', async () => {
    const PATH = helper('store', 'echo "credentials not found in native keychain"; exit 1');
    put('.docker/config.json', { credsStore: 'store' });
    expect(await fileKeychain({ env: { PATH }, home }).lookup('a.example')).toBeUndefined();
  });

  it('that is configured for the host and missing is an error', async () => {
    const file = put('.docker/config.json', { credHelpers: { 'a.example': 'gone' } });
    const keychain = fileKeychain({ env: { PATH: '/nowhere' }, home });
    await expect(keychain.lookup('a.example')).rejects.toMatchObject({
      code: 'config',
      message: expect.stringMatching(new RegExp(`a\\.example: .*docker-credential-gone .*${file}`)),
      hint: expect.stringContaining('install'),
    });
    expect(await keychain.lookup('b.example')).toBeUndefined();
  });

  it('that is the default store and missing is a warning, since public images need no login', async () => {
    put('.docker/config.json', { credsStore: 'desktop', auths: { 'a.example': auth('file', '1') } });
    const events: AirgapEvent[] = [];
    const keychain = fileKeychain({ env: { PATH: '/nowhere' }, home, emit: (event) => events.push(event) });
    expect(await keychain.lookup('a.example')).toMatchObject(basic('file', '1'));
    expect(warningsOf(events)).toMatchObject([{ message: expect.stringContaining('docker-credential-desktop') }]);
    expect(keychain.sources?.('a.example')).toContainEqual(
      expect.stringContaining('config.json (docker-credential-desktop failed)'),
    );
  });

  it('without a credential is listed in the sources', async () => {
    const PATH = helper('store', 'echo "credentials not found in native keychain"; exit 1');
    const file = put('.docker/config.json', { credsStore: 'store', credHelpers: { 'off.example': '' } });
    const keychain = fileKeychain({ env: { PATH }, home });
    expect(await keychain.lookup('a.example')).toBeUndefined();
    expect(keychain.sources?.('a.example')).toEqual([`${file} (docker-credential-store has none)`]);
    expect(keychain.sources?.('off.example')).toEqual([file]);
  });

  it('that cannot be run, or fails without output, is reported on one line', async () => {
    const PATH = helper('mine', 'exit 7');
    put('.docker/config.json', { credHelpers: { 'a.example': 'mine', 'b.example': 'locked' } });
    const locked = put('bin/docker-credential-locked', '#!/bin/sh\n');
    chmodSync(locked, 0o644);
    const keychain = fileKeychain({ env: { PATH }, home });
    await expect(keychain.lookup('a.example')).rejects.toThrow(/docker-credential-mine .*exit code 7.*$/);
    const refused = await keychain.lookup('b.example').catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'config', hint: expect.stringContaining('executable') });
    expect(String(refused)).toMatch(/docker-credential-locked .*EACCES/);
    expect(String(refused)).not.toContain('\n');
  });

  it('with invalid output is an error that does not quote it', async () => {
    const PATH = helper('mine', 'echo "Secret: hunter22"');
    put('.docker/config.json', { credHelpers: { 'a.example': 'mine' } });
    const lookup = fileKeychain({ env: { PATH }, home }).lookup('a.example');
    await expect(lookup).rejects.toMatchObject({ code: 'config' });
    await expect(lookup).rejects.not.toThrow(/hunter22/);
  });
});

/** Hangs with a child that survives the helper and keeps its output open. */
const HANG = 'sleep 20 & echo $! >> "$(dirname "$0")/children"; wait';

describe('a credential helper that misbehaves', () => {
  afterEach(() => {
    const children = join(home, 'bin/children');
    if (!existsSync(children)) return;
    for (const child of readFileSync(children, 'utf8').trim().split('\n')) process.kill(Number(child), 'SIGKILL');
  });
  const lookUp = (script: string, config: object, ...hosts: string[]) => {
    const PATH = helper('mine', script);
    const file = put('.docker/config.json', config);
    const events: AirgapEvent[] = [];
    const keychain = fileKeychain({ env: { PATH }, home, helperTimeout: 300, emit: (event) => events.push(event) });
    return { file, events, answers: Promise.allSettled(hosts.map((host) => keychain.lookup(host))) };
  };
  const named = { credHelpers: { 'a.example': 'mine' } };

  it.each([
    ['hangs', HANG],
    ['ignores signals', `trap '' TERM; ${HANG}; sleep 1`],
    ['has endless output', 'yes'],
    ['returns invalid JSON', 'echo hunter22'],
    ['returns a list', 'echo "[]"'],
    ['returns numbers', `echo '{"Username": 1, "Secret": 2}'`],
    ['fails with its secret', `echo '{"Username": "u", "Secret": "hunter22"}'; exit 1`],
    ['has no output', ''],
    ['fails without output', 'exit 3'],
  ])('because it %s is soon an error with its name, its file and the registry', async (_, script) => {
    const began = Date.now();
    const { file, answers } = lookUp(script, named, 'a.example');
    const [answer] = await answers;
    expect(Date.now() - began).toBeLessThan(5000);
    const error = (answer as PromiseRejectedResult).reason as AirgapError;
    expect(error.code).toBe('config');
    for (const part of ['docker-credential-mine', file, 'a.example']) expect(error.message).toContain(part);
    expect(`${error.message} ${error.hint}`).not.toContain('hunter22');
    expect(error.message.length).toBeLessThan(1000);
  });

  it('as the default store is reported once, and not run again when it hangs', async () => {
    const script = `echo x >> ${home}/asked; ${HANG}`;
    const { events, answers } = lookUp(script, { credsStore: 'mine' }, 'a.example');
    expect(await answers).toMatchObject([{ status: 'fulfilled', value: undefined }]);
    const keychain = fileKeychain({
      env: { PATH: `${home}/bin:/usr/bin:/bin` },
      home,
      helperTimeout: 300,
      emit: (event) => events.push(event),
    });
    events.length = 0;
    for (const host of ['a.example', 'b.example', 'c.example']) await keychain.lookup(host);
    expect(warningsOf(events)).toHaveLength(1);
    expect(readFileSync(join(home, 'asked'), 'utf8')).toBe('x\nx\n');
  });

  it('as the default store for one registry is run for others', async () => {
    const script = `read -r host; test "$host" = b.example || { echo locked; exit 1; }; echo '{"Username":"u","Secret":"secret-b"}'`;
    const { events, answers } = lookUp(script, { credsStore: 'mine' }, 'a.example', 'b.example', 'c.example');
    expect((await answers).map((answer) => answer.status === 'fulfilled' && answer.value)).toMatchObject([
      undefined,
      basic('u', 'secret-b'),
      undefined,
    ]);
    expect(warningsOf(events)).toHaveLength(1);
  });

  it('gets none of our secrets', async () => {
    const PATH = helper('mine', `env > ${home}/env; echo '{"Username":"u","Secret":"s"}'`);
    put('.docker/config.json', named);
    const env = { PATH, AWS_PROFILE: 'own', AIRGAP_AUTH_B_EXAMPLE_PASSWORD: 'geheim', DOCKER_AUTH_CONFIG: '{}' };
    await fileKeychain({ env, home }).lookup('a.example');
    const passed = readFileSync(join(home, 'env'), 'utf8');
    expect(passed).toContain('AWS_PROFILE=own');
    expect(passed).not.toMatch(/AIRGAP_|DOCKER_AUTH_CONFIG/);
  });
});

describe('the location of credentials', () => {
  const found = (user: Partial<UserEnvironment>): string[] =>
    credentialsFiles({ env: {}, home: '/h', uid: 7, ...user }).map(({ file }) => file);

  it.each([
    [{}, '/h/.config/helm/registry/config.json'],
    [{ platform: 'darwin' as const }, '/h/Library/Preferences/helm/registry/config.json'],
    [{ platform: 'darwin' as const, env: { XDG_CONFIG_HOME: '/x' } }, '/x/helm/registry/config.json'],
    [{ env: { XDG_CONFIG_HOME: '/x', HELM_CONFIG_HOME: '/c' } }, '/c/registry/config.json'],
    [{ env: { HELM_CONFIG_HOME: '/c', HELM_REGISTRY_CONFIG: '/r.json' } }, '/r.json'],
  ])('is that of Helm: %j', (user, file) => {
    expect(found(user)[0]).toBe(file);
  });

  it('is that of Podman', () => {
    const others = ['/h/.config/containers/auth.json', '/h/.docker/config.json', '/h/.dockercfg'];
    expect(found({}).slice(1)).toEqual(['/run/containers/7/auth.json', ...others]);
    expect(found({ env: { XDG_RUNTIME_DIR: '/run/user/7' } }).slice(1)).toEqual([
      '/run/user/7/containers/auth.json',
      ...others,
    ]);
    expect(found({ platform: 'darwin', env: { XDG_RUNTIME_DIR: '/run/user/7' } }).slice(1)).toEqual(others);
    expect(found({ env: { REGISTRY_AUTH_FILE: '/own.json' } })[0]).toBe('/own.json');
  });

  it('is listed for messages: the files that exist', async () => {
    const file = put('.docker/config.json', {});
    const keychain = fileKeychain({ env: { DOCKER_AUTH_CONFIG: '{}' }, home, uid: 7 });
    await keychain.lookup('a.example');
    expect(keychain.sources?.('a.example')).toEqual(['DOCKER_AUTH_CONFIG', file]);
    const lost = fileKeychain({ env: { REGISTRY_AUTH_FILE: '/nowhere.json' }, home });
    await lost.lookup('a.example');
    expect(lost.sources?.('a.example')).toEqual([expect.stringMatching(/REGISTRY_AUTH_FILE .*\/nowhere\.json/), file]);
    const none = fileKeychain({ env: {}, home: join(home, 'nobody') });
    await none.lookup('a.example');
    expect(none.sources?.('a.example')).toEqual([expect.stringMatching(/helm.*podman.*docker/)]);
  });

  it('is the remedy for a rejected login when helm registry login would not help', async () => {
    put('.docker/config.json', { auths: { 'c.example': auth('docker', '1') } });
    const env = {
      DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { 'a.example': auth('variable', '2') } }),
      REGISTRY_AUTH_FILE: put('own.json', { auths: { 'b.example': auth('own', '3') } }),
    };
    const keychain = fileKeychain({ env, home });
    const remedies = await Promise.all(['a', 'b', 'c'].map((name) => keychain.lookup(`${name}.example`)));
    expect(remedies.map((found) => found?.remedy)).toEqual([
      expect.stringContaining('DOCKER_AUTH_CONFIG'),
      expect.stringContaining('REGISTRY_AUTH_FILE'),
      undefined,
    ]);
  });

  it('is first DOCKER_AUTH_CONFIG', async () => {
    put('.docker/config.json', { auths: { 'a.example': auth('file', '1'), 'b.example': auth('file', '2') } });
    const DOCKER_AUTH_CONFIG = JSON.stringify({ auths: { 'a.example': auth('variable', '3') } });
    const keychain = fileKeychain({ env: { DOCKER_AUTH_CONFIG }, home });
    expect(await keychain.lookup('a.example')).toMatchObject({
      ...basic('variable', '3'),
      source: 'stored in DOCKER_AUTH_CONFIG',
    });
    expect(await keychain.lookup('b.example')).toMatchObject(basic('file', '2'));
  });

  it('is Helm, then Podman, then Docker, with the file as source', async () => {
    const helm = put('.config/helm/registry/config.json', { auths: { 'a.example': auth('helm', '1') } });
    const podman = put('.config/containers/auth.json', {
      auths: { 'a.example': auth('podman', '2'), 'b.example': auth('podman', '2') },
    });
    const legacy = put('.dockercfg', { 'https://c.example/v1/': auth('old', '3') });
    const keychain = fileKeychain({ env: {}, home });
    expect(await keychain.lookup('a.example')).toMatchObject({ source: `stored in ${helm}` });
    expect(await keychain.lookup('b.example')).toMatchObject({ source: `stored in ${podman}` });
    expect(await keychain.lookup('c.example')).toMatchObject({ ...basic('old', '3'), source: `stored in ${legacy}` });
  });
});

describe('a credentials file', () => {
  it.each(['docker.io', 'registry-1.docker.io', 'index.docker.io'])(
    'is used for Docker Hub as %s',
    async (registry) => {
      put('.docker/config.json', { auths: { 'https://index.docker.io/v1/': auth('hub', 'geheim') } });
      expect(await fileKeychain({ env: {}, home }).lookup(registry, 'library/nginx')).toMatchObject(
        basic('hub', 'geheim'),
      );
    },
  );

  it('with two entries for a registry prefers its bare host name', async () => {
    const auths = { 'https://a.example/v1/': auth('url', '1'), 'a.example': auth('host', '2'), 'http://a.example': {} };
    put('.docker/config.json', { auths });
    expect(await fileKeychain({ env: {}, home }).lookup('a.example')).toMatchObject(basic('host', '2'));
  });

  it('may be invalid after a file with an entry for the registry', async () => {
    put('.config/helm/registry/config.json', { auths: { 'a.example': auth('helm', '1') } });
    put('.docker/config.json', '{');
    const keychain = fileKeychain({ env: {}, home });
    expect(await keychain.lookup('a.example')).toMatchObject(basic('helm', '1'));
    await expect(keychain.lookup('b.example')).rejects.toMatchObject({
      code: 'config',
      exitCode: 2,
      message: expect.stringMatching(/b\.example.*config\.json.*JSON/),
    });
  });

  it('with an invalid entry is used for other registries', async () => {
    put('.docker/config.json', { auths: { 'a.example': { auth: '!' }, 'b.example': auth('b', '2') } });
    const keychain = fileKeychain({ env: {}, home });
    expect(await keychain.lookup('b.example')).toMatchObject(basic('b', '2'));
    await expect(keychain.lookup('a.example')).rejects.toMatchObject({ code: 'config' });
  });

  it.each(['dTpw cHc=', 'not base64: at all', 'dTpw%'])('with %s for base64 is an error', async (text) => {
    put('.docker/config.json', { auths: { 'a.example': { auth: text } } });
    await expect(fileKeychain({ env: {}, home }).lookup('a.example')).rejects.toMatchObject({ code: 'config' });
  });

  it('may begin with a byte order mark, and have base64 in lines', async () => {
    const encoded = auth('user', 'pw').auth.replace(/^(....)/, '$1\n');
    put('.docker/config.json', `\ufeff${JSON.stringify({ auths: { 'a.example': { auth: encoded } } })}`);
    expect(await fileKeychain({ env: {}, home }).lookup('a.example')).toMatchObject(basic('user', 'pw'));
  });

  it('that is a directory is an error with its path and the registry', async () => {
    mkdirSync(join(home, '.docker/config.json'), { recursive: true });
    await expect(fileKeychain({ env: {}, home }).lookup('a.example')).rejects.toMatchObject({
      code: 'config',
      message: expect.stringMatching(/a\.example.*\.docker\/config\.json.*EISDIR/),
    });
  });

  it('disables the default store for a registry with an empty helper', async () => {
    const PATH = helper('store', `echo '{"Username":"store","Secret":"1"}'`);
    const auths = { 'a.example': auth('file', '2'), 'b.example': {} };
    put('.docker/config.json', { credsStore: 'store', credHelpers: { 'a.example': '' }, auths });
    const keychain = fileKeychain({ env: { PATH }, home });
    expect(await keychain.lookup('a.example')).toMatchObject(basic('file', '2'));
    expect(await keychain.lookup('b.example')).toMatchObject(basic('store', '1'));
  });

  it('keeps the user of an identity token', async () => {
    put('.docker/config.json', { auths: { 'a.example': { ...auth('me', ''), identitytoken: 'refresh-me' } } });
    expect(await fileKeychain({ env: {}, home }).lookup('a.example')).toMatchObject({
      kind: 'identity-token',
      username: 'me',
    });
  });

  it.each(['/some/path', '[]', '{"auths": 1}'])('in DOCKER_AUTH_CONFIG with %s is named in the error', async (text) => {
    const lookup = fileKeychain({ env: { DOCKER_AUTH_CONFIG: text }, home }).lookup('a.example');
    await expect(lookup).rejects.toMatchObject({
      code: 'config',
      message: expect.stringMatching(/a\.example.*DOCKER_AUTH_CONFIG/),
    });
  });
});

describe('a chain of keychains', () => {
  it('searches one after the other', async () => {
    const one = {
      lookup: async (host: string) => (host === 'a' ? ({ kind: 'registry-token', token: '1' } as const) : undefined),
    };
    const two = { lookup: async () => ({ kind: 'registry-token', token: '2' }) as const };
    const chain = chainKeychains(one, two);
    expect([await chain.lookup('a'), await chain.lookup('b')]).toEqual([
      { kind: 'registry-token', token: '1' },
      { kind: 'registry-token', token: '2' },
    ]);
  });
});
