import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { fileKeychain } from '../../../src/auth/file-keychain.ts';
import { type NewLogin, type StoredLogin, storeLogin } from '../../../src/auth/store-login.ts';
import { scratchFolder } from '../../support/scratch.ts';

let home: string;
let docker: string;
let helm: string;
beforeEach(() => {
  home = scratchFolder();
  docker = join(home, '.docker/config.json');
  helm = join(home, '.config/helm/registry/config.json');
});

const LOGIN: NewLogin = { registry: 'r.example:5000', username: 'robot', password: 'geh:eim "ü"' };
const auth = (user: string, password: string): string => Buffer.from(`${user}:${password}`).toString('base64');
const OWN = { auth: auth(LOGIN.username, LOGIN.password) };
const read = (file: string) => JSON.parse(readFileSync(file, 'utf8'));
const mode = (file: string): string => (statSync(file).mode & 0o7777).toString(8);

function put(file: string, content: unknown): string {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

/** Only these programs are found, so that those of this machine do not matter. */
const store = (files: readonly string[], login: Partial<NewLogin> = {}): Promise<readonly StoredLogin[]> =>
  storeLogin({ env: { PATH: join(home, 'bin') }, home }, files, { ...LOGIN, ...login });

/** Writes a credential helper that notes its argument and what it reads. */
function helper(name: string, then = ''): { readonly read: () => string } {
  const [file, log] = [join(home, `bin/docker-credential-${name}`), join(home, `${name}.log`)];
  put(file, `#!/bin/sh\necho "$1" >>${log}\n/bin/cat >>${log}\n${then}\n`);
  chmodSync(file, 0o755);
  return { read: () => (existsSync(log) ? readFileSync(log, 'utf8') : '') };
}

describe('a stored login', () => {
  it('is in new files for this user only, as Docker and Helm write them, and is found by what reads them', async () => {
    expect(await store([helm, docker])).toEqual([{ file: helm }, { file: docker }]);
    for (const file of [helm, docker]) {
      expect(read(file)).toEqual({ auths: { 'r.example:5000': OWN } });
      expect([mode(file), mode(dirname(file))]).toEqual(['600', '700']);
      expect(readdirSync(dirname(file))).toEqual(['config.json']);
    }
    const found = await fileKeychain({ env: {}, home }).lookup(LOGIN.registry);
    expect(found).toMatchObject({ kind: 'basic', username: LOGIN.username, password: LOGIN.password });
  });

  it('leaves everything else as it is, and makes the file private', async () => {
    const others = { auths: { 'a.example': { auth: 'eDp5' }, 'r.example:5000/team': {} }, psFormat: '{{.ID}}', x: [1] };
    put(docker, others);
    chmodSync(docker, 0o644);
    await store([docker]);
    expect(read(docker)).toEqual({ ...others, auths: { ...others.auths, 'r.example:5000': OWN } });
    expect(mode(docker)).toBe('600');
  });

  it.each(['', '\n', '{}', '{"auths":null}', '\ufeff{"auths":{}}'])(
    'may be the first in a file with %j',
    async (text) => {
      put(docker, text);
      await store([docker]);
      expect(read(docker)).toEqual({ auths: { 'r.example:5000': OWN } });
    },
  );

  it('replaces the one under other spellings of the host', async () => {
    put(docker, {
      auths: { 'https://r.example:5000/v1/': { auth: 'eDp5' }, 'R.example:5000': { identitytoken: 'old' } },
    });
    await store([docker]);
    expect(Object.values(read(docker).auths)).toEqual([OWN, OWN, OWN]);
  });

  it('for Docker Hub has the key of Docker Hub', async () => {
    await store([docker], { registry: 'docker.io' });
    expect(Object.keys(read(docker).auths)).toEqual(['https://index.docker.io/v1/']);
  });

  it('follows links, to a file that does not exist, too', async () => {
    const real = put(join(home, 'dotfiles/docker.json'), {});
    mkdirSync(dirname(docker));
    symlinkSync('../dotfiles/docker.json', docker);
    mkdirSync(dirname(helm), { recursive: true });
    symlinkSync(join(home, 'dotfiles/helm.json'), helm);
    expect((await store([docker, helm])).map(({ file }) => file)).toEqual([real, join(home, 'dotfiles/helm.json')]);
    expect([docker, helm].map((file) => [lstatSync(file).isSymbolicLink(), read(file).auths])).toEqual([
      [true, { 'r.example:5000': OWN }],
      [true, { 'r.example:5000': OWN }],
    ]);
  });

  it('is stored once if both programs have one file', async () => {
    put(docker, {});
    symlinkSync(docker, join(home, 'helm.json'));
    expect(await store([join(home, 'helm.json'), docker])).toEqual([{ file: docker }]);
  });

  it('does not get lost when others are stored at the same time', async () => {
    const hosts = Array.from({ length: 12 }, (_, i) => `r${i}.example`);
    await Promise.all(hosts.map((registry, i) => store(i % 2 === 0 ? [helm, docker] : [docker, helm], { registry })));
    for (const file of [helm, docker]) expect(Object.keys(read(file).auths).sort()).toEqual([...hosts].sort());
  });
});

describe('a credential helper', () => {
  const key = 'r.example:5000';
  const input = `store\n${JSON.stringify({ ServerURL: key, Username: LOGIN.username, Secret: LOGIN.password })}`;

  it.each([
    ['for all registries', { credsStore: 'one' }],
    ['for this one', { credsStore: 'none', credHelpers: { [key]: 'one' } }],
  ])('%s gets the login, and the file has no password afterwards', async (_, config) => {
    const one = helper('one');
    put(docker, { ...config, auths: { [key]: { auth: 'eDp5' } } });
    expect(await store([docker])).toEqual([{ file: docker, helper: 'one' }]);
    expect(one.read()).toBe(input);
    expect(read(docker)).toEqual({ ...config, auths: { [key]: {} } });
  });

  it('with an empty name for this registry is none, as in Docker', async () => {
    const one = helper('one');
    put(docker, { credsStore: 'one', credHelpers: { [key]: '' } });
    expect(await store([docker])).toEqual([{ file: docker }]);
    expect([one.read(), read(docker).auths]).toEqual(['', { [key]: OWN }]);
  });

  it('of the platform gets the first login of a file, and is named there', async () => {
    const own = helper('secretservice');
    put(helm, { auths: { 'a.example': { auth: 'eDp5' } } });
    expect(await store([helm, docker])).toEqual([{ file: helm }, { file: docker, helper: 'secretservice' }]);
    expect(own.read()).toBe(input);
    expect(read(docker)).toEqual({ auths: { [key]: {} }, credsStore: 'secretservice' });
    expect(read(helm).credsStore).toBeUndefined();
  });

  it.each([
    ['fails', 'echo no keychain; exit 1', /docker-credential-one.*no keychain/],
    ['fails and writes the password', 'echo \'geh:eim "ü"\'; exit 1', /docker-credential-one/],
    ['is a path', undefined, /name/],
    ['is not installed', undefined, /docker-credential-two.*not installed/],
  ])('that %s is an error, and nothing is written', async (what, script, message) => {
    if (script !== undefined) helper('one', script);
    const name = { 'is a path': '../bin/one', 'is not installed': 'two' }[what] ?? 'one';
    const before = { credsStore: name, auths: { 'a.example': {} } };
    put(docker, before);
    const stored = store([docker, helm]);
    await expect(stored).rejects.toMatchObject({ code: 'config', message: expect.stringMatching(message) });
    await expect(stored).rejects.not.toThrow(/geh:eim/);
    expect([read(docker), existsSync(helm)]).toEqual([before, false]);
  });
});

describe('nothing is written', () => {
  it.each([
    ['is not JSON', '{"auths": {"r.example": {"auth": "c2VjcmV0"', 'config'],
    ['is a list', '[]', 'config'],
    ['has auths that are none', '{"auths": ["x"]}', 'config'],
    ['is not UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), 'file'],
    ['is huge', Buffer.alloc(6 * 1024 ** 2, 0x20), 'file'],
  ])('if a file %s', async (_, content, code) => {
    put(docker, '');
    writeFileSync(docker, content);
    const stored = store([helm, docker]);
    await expect(stored).rejects.toMatchObject({ code, message: expect.stringContaining(docker) });
    await expect(stored).rejects.not.toThrow(/c2VjcmV0/);
    expect([readFileSync(docker).equals(Buffer.from(content)), existsSync(helm)]).toEqual([true, false]);
  });

  it('if a folder has the name of a file, or a file that of a folder', async () => {
    mkdirSync(docker, { recursive: true });
    await expect(store([helm, docker])).rejects.toMatchObject({ code: 'file' });
    expect(existsSync(helm)).toBe(false);
    put(join(home, 'file'), '');
    await expect(store([join(home, 'file/config.json')])).rejects.toMatchObject({ code: 'output-exists' });
  });
});
