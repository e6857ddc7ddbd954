import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { AirgapEvent } from '../../../src/base/events.ts';
import { type PullSecret, parsePullSecret, readPullSecret } from '../../../src/kubernetes/pull-secret.ts';
import { fakeKubectl } from '../../support/kubectl.ts';
import { scratchFolder } from '../../support/scratch.ts';

const PASSWORD = 'hunter22-very-secret';
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const entry = (user = 'robot'): object => ({ auth: base64(`${user}:${PASSWORD}`) });
const config = (auths: object = { 'r.example': entry() }): string => JSON.stringify({ auths });
const secret = (changes: object = {}): Record<string, unknown> => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'regcred', namespace: 'apps' },
  type: 'kubernetes.io/dockerconfigjson',
  data: { '.dockerconfigjson': base64(config()) },
  ...changes,
});
const parse = (value: unknown): PullSecret => parsePullSecret(JSON.stringify(value), 'regcred.json');
const login = ({ keychain }: PullSecret, registry = 'r.example', path = 'a'): Promise<unknown> =>
  keychain.lookup(registry, path);

/** Returns the error, after a check that nothing of it is secret. */
function failure(text: string): unknown {
  try {
    parsePullSecret(text, 'FILE');
  } catch (error) {
    const { message, hint, stack } = error as Error & { hint?: string };
    const shown = `${message} ${hint} ${stack}`;
    for (const word of [PASSWORD, base64(`robot:${PASSWORD}`), base64(config()).slice(0, 40)]) {
      expect(shown).not.toContain(word);
    }
    return error;
  }
  throw new Error('accepted');
}

describe('a pull secret', () => {
  it('has name, namespace and logins, with their origin', async () => {
    const found = parse(secret());
    expect(found).toMatchObject({ name: 'regcred', namespace: 'apps' });
    expect(await login(found)).toMatchObject({
      kind: 'basic',
      username: 'robot',
      password: PASSWORD,
      source: 'of the Secret apps/regcred',
    });
    expect(await login(found, 'other.example')).toBeUndefined();
    expect(found.keychain.sources?.('r.example')).toEqual(['the Secret apps/regcred']);
  });

  it('follows the kubelet: patterns, no identity tokens, anonymous without a user', async () => {
    const auths = {
      '*.example': entry('pattern'),
      'a.example/team': { identitytoken: PASSWORD },
      'b.example': null,
      'c.example:5000': { username: 'u', password: PASSWORD, email: 'x' },
    };
    const found = parse(secret({ data: { '.dockerconfigjson': base64(config(auths)) } }));
    expect(await login(found, 'a.example', 'team/app')).toMatchObject({ username: 'pattern' });
    expect(await login(found, 'c.example:5000')).toMatchObject({ username: 'u', password: PASSWORD });
    expect(await login(found, 'c.example')).toMatchObject({ username: 'pattern' });
  });

  it.each<[string, string]>([
    [
      'YAML',
      `# made by hand\napiVersion: v1\nkind: Secret\ntype: kubernetes.io/dockerconfigjson\nstringData: {.dockerconfigjson: '${config()}'}\n`,
    ],
    ['one of several documents', `kind: Namespace\n---\n${JSON.stringify(secret())}\n---\n`],
    [
      'a flow mapping',
      `{kind: Secret, type: kubernetes.io/dockerconfigjson, data: {.dockerconfigjson: ${base64(config())}}}`,
    ],
    [
      'the older type',
      JSON.stringify(
        secret({
          type: 'kubernetes.io/dockercfg',
          data: { '.dockercfg': base64(JSON.stringify({ 'r.example': entry() })) },
        }),
      ),
    ],
    ['a config.json', config()],
    ['a config.json of an editor of Windows', `\ufeff${config()}`],
    [
      'base64 with line breaks',
      JSON.stringify(secret({ data: { '.dockerconfigjson': base64(config()).replace(/.{20}/g, '$&\n') } })),
    ],
  ])('can be %s', async (_, text) => {
    expect(await login(parsePullSecret(text, 'FILE'))).toMatchObject({ username: 'robot', password: PASSWORD });
  });

  it.each<[string, string]>([
    ['no YAML', `{"auths": {"r.example": ${PASSWORD}\n\t: [}`],
    ['empty', ''],
    ['a list', '[1]'],
    ['another kind', JSON.stringify({ ...secret(), kind: 'SealedSecret' })],
    ['another type', JSON.stringify(secret({ type: 'Opaque' }))],
    ['no type', JSON.stringify(secret({ type: undefined }))],
    ['no data', JSON.stringify(secret({ data: { other: base64(PASSWORD) } }))],
    ['data of another type', JSON.stringify(secret({ type: 'kubernetes.io/dockercfg' }))],
    ['data that is not base64', JSON.stringify(secret({ data: { '.dockerconfigjson': PASSWORD } }))],
    ['data that is not JSON', JSON.stringify(secret({ data: { '.dockerconfigjson': base64(PASSWORD) } }))],
    [
      'an entry that is a text',
      JSON.stringify(secret({ stringData: { '.dockerconfigjson': config({ a: PASSWORD }) } })),
    ],
    ['an entry without a colon', config({ 'r.example': entry(), b: { auth: base64(PASSWORD) } })],
    ['an auth that is not base64', config({ 'r.example': { auth: `robot:${PASSWORD}` } })],
    ['logins in helpers only', JSON.stringify({ credsStore: 'pass', auths: { 'r.example': {} } })],
    ['no logins', JSON.stringify({ auths: {} })],
    ['several', `${JSON.stringify(secret())}\n---\n${JSON.stringify(secret())}`],
    ['a name with an escape', JSON.stringify(secret({ metadata: { name: 'a\u001b[2J' } }))],
    ['very deep', '['.repeat(100_000)],
    ['very deep JSON', `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
  ])('is refused with one sentence and without its secrets if it is %s', (_, text) => {
    expect(failure(text)).toMatchObject({ code: 'config', exitCode: 2, hint: expect.any(String) });
  });
});

describe('readPullSecret', () => {
  let cwd: string;
  let events: AirgapEvent[];
  beforeEach(() => {
    cwd = scratchFolder();
    events = [];
  });
  const read = (text: string, env: Record<string, string | undefined> = {}): Promise<PullSecret> =>
    readPullSecret({ env, cwd, emit: (event) => events.push(event) }, text);
  const put = (path: string, content: string): void => {
    mkdirSync(dirname(join(cwd, path)), { recursive: true });
    writeFileSync(join(cwd, path), content);
  };

  it('asks the cluster for NAMESPACE/NAME', async () => {
    const { env, calls } = fakeKubectl({ stdout: JSON.stringify(secret()) });
    expect(await read('apps/regcred', env)).toMatchObject({ name: 'regcred', namespace: 'apps' });
    expect(calls()).toEqual([
      ['--request-timeout=15s', 'get', 'secret', 'regcred', '--namespace=apps', '--output=json'],
    ]);
    expect(events).toEqual([]);
  });

  it('reads a file of that path instead, and says so', async () => {
    put('apps/regcred', config());
    expect(await read('apps/regcred')).toMatchObject({ name: undefined });
    expect(events).toEqual([
      expect.objectContaining({ type: 'note', message: expect.stringContaining('apps/regcred') }),
    ]);
  });

  it('asks the cluster if a folder has that path', async () => {
    put('apps/regcred/x', '');
    const { env } = fakeKubectl({ stdout: JSON.stringify(secret()) });
    expect(await read('apps/regcred', env)).toMatchObject({ name: 'regcred' });
  });

  it.each(['regcred', 'a/b/c', '-A/x', 'apps/--all', 'apps/', '/nowhere', 'apps/Reg'])('refuses %s', async (text) => {
    await expect(read(text)).rejects.toMatchObject({ code: 'usage', exitCode: 2 });
  });

  it('refuses a file that is too large', async () => {
    put('large', ' '.repeat(4 * 1024 ** 2 + 1));
    await expect(read('large')).rejects.toMatchObject({ code: 'config' });
  });

  it('says how to save the Secret if this user may not read it', async () => {
    const { env } = fakeKubectl({
      stderr:
        'Error from server (Forbidden): secrets "regcred" is forbidden: User "me" cannot get resource "secrets"\n',
      code: 1,
    });
    await expect(read('apps/regcred', env)).rejects.toMatchObject({
      code: 'cluster',
      message: expect.stringContaining('apps/regcred'),
      hint: expect.stringContaining('kubectl -n apps get secret regcred -o yaml'),
    });
  });
});
