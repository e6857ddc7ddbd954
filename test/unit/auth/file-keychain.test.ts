import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { fileKeychain } from '../../../src/auth/file-keychain.ts';
import { chainKeychains } from '../../../src/auth/keychain.ts';
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

/** A credential helper as a shell script; `asked` is what it wrote down of its input. */
function helper(name: string, script: string): string {
  const file = put(`bin/docker-credential-${name}`, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return `${dirname(file)}:/usr/bin:/bin`;
}

describe('the credentials files', () => {
  it('are read in their order, and the first that knows a registry wins', async () => {
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
    expect(await keychain.lookup('a.example')).toEqual(basic('own', '5'));
    expect(await keychain.lookup('b.example')).toEqual(basic('helm', '4'));
    expect(await keychain.lookup('c.example')).toEqual(basic('home', '2'));
    expect(await keychain.lookup('d.example')).toEqual(basic('docker', '1'));
    expect(await keychain.lookup('e.example')).toBeUndefined();
  });

  it('may be missing, every one', async () => {
    expect(await fileKeychain({ env: {}, home }).lookup('quay.io', 'a/b')).toBeUndefined();
  });

  it.each(['https://index.docker.io/v1/', 'docker.io', 'index.docker.io', 'registry-1.docker.io'])(
    'may call Docker Hub %s',
    async (key) => {
      put('.docker/config.json', { auths: { [key]: auth('hub', 'geheim') } });
      expect(await fileKeychain({ env: {}, home }).lookup('docker.io', 'library/nginx')).toEqual(
        basic('hub', 'geheim'),
      );
    },
  );

  it('know parts of a registry, the most specific first', async () => {
    const auths = {
      'r.example': auth('all', '1'),
      'r.example/team': auth('team', '2'),
      'r.example/team/app': auth('app', '3'),
    };
    put('.docker/config.json', { auths });
    const keychain = fileKeychain({ env: {}, home });
    expect(await keychain.lookup('r.example', 'team/app')).toEqual(basic('app', '3'));
    expect(await keychain.lookup('r.example', 'team/application')).toEqual(basic('team', '2'));
    expect(await keychain.lookup('r.example', 'other')).toEqual(basic('all', '1'));
    expect(await keychain.lookup('r.example.org', 'team/app')).toBeUndefined();
  });

  it('hold identity tokens, registry tokens, and passwords with colons', async () => {
    put('.docker/config.json', {
      auths: {
        'https://a.example/v2/': { auth: 'PHRva2VuPjo=', identitytoken: 'refresh-me' },
        'b.example': { registrytoken: 'take-me' },
        'c.example:5000': auth('user', 'with:colon'),
        'd.example': {},
      },
    });
    const keychain = fileKeychain({ env: {}, home });
    expect(await keychain.lookup('a.example')).toEqual({ kind: 'identity-token', token: 'refresh-me' });
    expect(await keychain.lookup('b.example')).toEqual({ kind: 'registry-token', token: 'take-me' });
    expect(await keychain.lookup('c.example:5000')).toEqual(basic('user', 'with:colon'));
    expect(await keychain.lookup('d.example')).toBeUndefined();
  });

  it.each([
    ['no JSON', '{"auths": {"a.example": {"auth": "c2VjcmV0LXNlY3JldA==" ', 'is not JSON'],
    ['a list', '[]', 'is not a JSON object'],
    ['auths that are no object', '{"auths": 1}', '"auths" that is no object'],
    ['an entry that is no base64 of a pair', '{"auths": {"a.example": {"auth": "c2VjcmV0LXNlY3JldA=="}}}', 'a.example'],
  ])('that hold %s are named in the error, without what is in them', async (_name, content, says) => {
    const file = put('.docker/config.json', content);
    const lookup = fileKeychain({ env: {}, home }).lookup('a.example');
    await expect(lookup).rejects.toMatchObject({ code: 'config', message: expect.stringContaining(file) });
    await expect(lookup).rejects.toThrow(says);
    await expect(lookup).rejects.not.toThrow(/c2VjcmV0/);
  });

  it('teach the redaction their secrets', async () => {
    put('.docker/config.json', { auths: { 'a.example': auth('user', 'correct-horse') } });
    await fileKeychain({ env: {}, home }).lookup('a.example');
    expect(redact('the password is correct-horse')).toBe('the password is ***');
  });

  it('are read again after a credential was refused', async () => {
    put('.docker/config.json', { auths: { 'a.example': auth('user', 'old') } });
    const keychain = fileKeychain({ env: {}, home });
    await keychain.lookup('a.example');
    put('.docker/config.json', { auths: { 'a.example': auth('user', 'new') } });
    expect(await keychain.lookup('a.example')).toEqual(basic('user', 'old'));
    keychain.forget?.('a.example');
    expect(await keychain.lookup('a.example')).toEqual(basic('user', 'new'));
  });
});

describe('a credential helper', () => {
  it('is asked for its host on stdin, once', async () => {
    const PATH = helper(
      'mine',
      `read -r host; echo "$host" >> ${home}/asked; printf '{"ServerURL":"%s","Username":"u","Secret":"s3cret-of-%s"}' "$host" "$host"`,
    );
    put('.docker/config.json', { credHelpers: { 'a.example': 'mine' }, auths: { 'a.example': auth('file', '1') } });
    const keychain = fileKeychain({ env: { PATH }, home });
    expect(await keychain.lookup('a.example', 'x/y')).toEqual(basic('u', 's3cret-of-a.example'));
    await keychain.lookup('a.example', 'x/z');
    const { readFileSync } = await import('node:fs');
    expect(readFileSync(join(home, 'asked'), 'utf8')).toBe('a.example\n');
  });

  it('gives an identity token under the user name <token>', async () => {
    const PATH = helper('mine', `echo '{"Username":"<token>","Secret":"refresh-me"}'`);
    put('.docker/config.json', { credHelpers: { 'a.example': 'mine' } });
    expect(await fileKeychain({ env: { PATH }, home }).lookup('a.example')).toEqual({
      kind: 'identity-token',
      token: 'refresh-me',
    });
  });

  it('that finds nothing leaves the access anonymous', async () => {
    const PATH = helper('store', 'echo "credentials not found in native keychain"; exit 1');
    put('.docker/config.json', { credsStore: 'store' });
    expect(await fileKeychain({ env: { PATH }, home }).lookup('a.example')).toBeUndefined();
  });

  it('that is named for the host and missing is an error', async () => {
    const file = put('.docker/config.json', { credHelpers: { 'a.example': 'gone' } });
    const keychain = fileKeychain({ env: { PATH: '/nowhere' }, home });
    await expect(keychain.lookup('a.example')).rejects.toThrow(
      `the credential helper docker-credential-gone, which ${file} names for a.example, is not installed`,
    );
    expect(await keychain.lookup('b.example')).toBeUndefined();
  });

  it('that serves all hosts and is missing is a warning, since public images need no login', async () => {
    put('.docker/config.json', { credsStore: 'desktop', auths: { 'a.example': auth('file', '1') } });
    const events: AirgapEvent[] = [];
    const keychain = fileKeychain({ env: { PATH: '/nowhere' }, home, emit: (event) => events.push(event) });
    expect(await keychain.lookup('a.example')).toEqual(basic('file', '1'));
    expect(events).toMatchObject([{ type: 'warning', message: expect.stringContaining('docker-credential-desktop') }]);
  });

  it('that answers nonsense is an error which does not repeat it', async () => {
    const PATH = helper('mine', 'echo "Secret: hunter22"');
    put('.docker/config.json', { credHelpers: { 'a.example': 'mine' } });
    const lookup = fileKeychain({ env: { PATH }, home }).lookup('a.example');
    await expect(lookup).rejects.toMatchObject({ code: 'config' });
    await expect(lookup).rejects.not.toThrow(/hunter22/);
  });
});

describe('a chain of keychains', () => {
  it('asks one after the other', async () => {
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
