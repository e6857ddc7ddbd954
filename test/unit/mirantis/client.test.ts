import { describe, expect, onTestFinished, test } from 'vitest';
import { commandLineKeychain } from '../../../src/auth/keychain.ts';
import type { AirgapError } from '../../../src/base/errors.ts';
import { createTransport } from '../../../src/http/transport.ts';
import type { MirantisClient } from '../../../src/mirantis/api.ts';
import { createMirantisClient } from '../../../src/mirantis/client.ts';
import { refusalOf } from '../../../src/mirantis/refusals.ts';
import { ADMIN, mirantisForTest } from '../../support/mirantis.ts';
import { type Answer, startScript } from '../../support/scripted-server.ts';

function clientOf(host: string, password: string = ADMIN.password): MirantisClient {
  const client = createMirantisClient({
    registry: host,
    transport: createTransport({ plainHttp: ['127.0.0.1'], retry: { attempts: 1 } }),
    keychain: commandLineKeychain({ registry: host, username: ADMIN.name, password }),
  });
  onTestFinished(() => client.close());
  return client;
}

/** Returns the error of a call. */
function failure(call: Promise<unknown>): Promise<AirgapError> {
  return call.then(
    () => Promise.reject(new Error('nothing was refused')),
    (error: AirgapError) => error,
  );
}

/** Client of a server that answers any list of accounts in this way. */
async function answered(...answers: readonly Answer[]): Promise<MirantisClient> {
  const script = await startScript(answers.map((answer) => ({ expect: /^GET \/enzi\/v0\/accounts/, answer })));
  onTestFinished(() => script.stop());
  return clientOf(script.host);
}

const accountsOf = (names: readonly string[], rest: object = {}): string =>
  JSON.stringify({ accounts: names.map((name) => ({ name, id: name })), ...rest });

describe('lists', () => {
  test('are read to their end, however many pages they have', async () => {
    const { host, state, requests } = await mirantisForTest();
    for (let i = 0; i < 250; i++) state.user(`user-${i}`).repository(`user-${i}/app`);
    const client = clientOf(host);
    expect((await client.listAccounts()).filter(({ isOrg }) => !isOrg)).toHaveLength(251);
    expect(await client.listRepositories()).toHaveLength(250);
    // Three pages each, and what comes after the last account.
    expect(requests).toHaveLength(7);
  });

  test.each([
    ['the header', { headers: { 'x-next-page-start': 'b' } }, {}],
    ['the document', {}, { nextPageStart: 'b' }],
    ['a Link header', { headers: { link: '<?start=&limit=1>; rel="first", <?start=b&limit=1>; rel="next"' } }, {}],
    ['a Link header of another host', { headers: { link: '<https://evil.example/x?start=b>; rel="next"' } }, {}],
  ])('have their next page named by %s', async (_, answer, rest) => {
    const client = await answered({ ...answer, body: accountsOf(['a'], rest) }, { body: accountsOf(['b']) });
    expect((await client.listAccounts()).map(({ name }) => name)).toEqual(['a', 'b']);
  });

  test.each([
    ['repeats a page', [1, 2].map(() => ({ headers: { 'x-next-page-start': 'a' }, body: accountsOf(['a']) }))],
    ['states more entries than it has', [{ headers: { 'x-resource-count': '3' }, body: accountsOf(['a']) }]],
    [
      'has no page where one is named',
      [{ headers: { 'x-next-page-start': 'b' }, body: accountsOf(['a']) }, { status: 500 }],
    ],
    ['is another document', [{ body: '{"accounts":[{"name":1}]}' }]],
    ['is cut in the middle of a document', [{ body: '{"accounts":[{"na' }]],
  ])('that %s is an error', async (_, answers) => {
    const client = await answered(...answers);
    expect(await failure(client.listAccounts())).toMatchObject({ code: 'registry' });
  });

  test('that end as if they were complete are an error, when they can be asked for more', async () => {
    const { host, state, cutOff } = await mirantisForTest();
    const names = Array.from({ length: 30 }, (_, i) => `user-${i}`);
    for (const name of names) state.user(name);
    state.organization('team', names).team('team', 'dev', names);
    for (const name of names) state.repository(`team/${name}`).team('team', name);
    cutOff(/^GET/, 20);
    const client = clientOf(host);
    const lists = [
      client.listAccounts(),
      client.listMembers('team'),
      client.listTeams('team'),
      client.listTeamMembers('team', 'dev'),
      client.listRepositories('team'),
    ];
    for (const error of await Promise.all(lists.map(failure))) expect(error).toMatchObject({ code: 'registry' });
  });
});

describe('writes', () => {
  test('make what reads then find', async () => {
    const { host, state } = await mirantisForTest({ hasUserAccess: true });
    const client = clientOf(host);
    await client.createAccount({ name: 'team', fullName: 'The Team', isOrg: true });
    await client.createAccount({ name: 'ann@corp', isOrg: false, password: 'one-time-word', isActive: false });
    await client.updateAccount('ann@corp', { isActive: true, fullName: 'Ann' });
    await client.setMember('team', 'ann@corp', true);
    await client.createTeam('team', { name: 'dev & ops', description: 'x' });
    await client.updateTeam('team', 'dev & ops', { description: 'y' });
    await client.setTeamMember('team', 'dev & ops', 'ann@corp', false);
    await client.createRepository('team', { name: 'app', visibility: 'public', immutableTags: true });
    await client.updateRepository('team', 'app', { longDescription: '# App', scanOnPush: true });
    await client.setRepositoryTeam('team', 'app', 'dev & ops', 'read-write');
    await client.setNamespaceTeam('team', 'dev & ops', 'read-only');
    await client.createRepository('ann@corp', { name: 'own' });
    await client.setRepositoryUser('ann@corp', 'own', ADMIN.name, 'admin');

    expect(await client.getAccount('ann@corp')).toMatchObject({ fullName: 'Ann', isActive: true, isAdmin: false });
    expect(await client.listMembers('team')).toMatchObject([{ account: { name: 'ann@corp' }, isAdmin: true }]);
    expect(await client.listTeams('team')).toMatchObject([{ name: 'dev & ops', description: 'y', memberCount: 1 }]);
    expect(await client.listTeamMembers('team', 'dev & ops')).toMatchObject([{ isAdmin: false }]);
    expect(await client.getRepository('team', 'app')).toEqual({
      namespace: 'team',
      name: 'app',
      visibility: 'public',
      immutableTags: true,
      scanOnPush: true,
      longDescription: '# App',
    });
    const teamId = state.organizations.get('team')?.teams.get('dev & ops')?.id;
    expect(await client.listRepositoryTeams('team', 'app')).toEqual([{ teamId, level: 'read-write' }]);
    expect(await client.listNamespaceTeams('team')).toEqual([{ teamId, level: 'read-only' }]);
    expect(await client.listRepositoryUsers('ann@corp', 'own')).toEqual([{ account: ADMIN.name, level: 'admin' }]);
  });

  test('that the registry refuses say how', async () => {
    const { host, state } = await mirantisForTest();
    state.organization('team', [ADMIN.name]).team('team', 'dev', [], { isSynced: true });
    const client = clientOf(host);
    const refused = async (request: Promise<unknown>): Promise<unknown> => refusalOf(await failure(request));
    expect(await refused(client.createAccount({ name: 'bob', isOrg: false }))).toEqual({
      status: 400,
      codes: ['INVALID_FORM_FIELD'],
    });
    expect(await refused(client.createAccount({ name: 'team', isOrg: true }))).toMatchObject({
      codes: ['ACCOUNT_EXISTS'],
    });
    expect(await refused(client.setTeamMember('team', 'dev', ADMIN.name, true))).toMatchObject({
      codes: ['LDAP_PRECLUDES'],
    });
    expect(await refused(client.setNamespaceTeam('team', 'dev', 'owner'))).toMatchObject({ status: 400 });
    expect(await refused(client.setNamespaceTeam('team', 'nobody', 'admin'))).toMatchObject({ status: 404 });
    expect(await client.isTeamSynced('team', 'dev')).toBe(true);
  });

  test('that a portal answers with a page, or another host, are no success', async () => {
    const mirantis = await mirantisForTest();
    const { host } = mirantis;
    const client = clientOf(host);
    mirantis.answer(/^POST/, { status: 200, json: '<!doctype html><title>Log in</title>' });
    expect(await failure(client.createAccount({ name: 'team', isOrg: true }))).toMatchObject({ code: 'registry' });
    const other = await startScript([{ expect: 'GET /x', answer: { body: '{"name":"ann"}' } }]);
    onTestFinished(() => other.stop());
    const location = `http://localhost:${other.host.replace(/.*:/, '')}/x`;
    mirantis.answer(/accounts\/ann/, { status: 307, headers: { location } });
    const redirected = createMirantisClient({
      registry: host,
      transport: createTransport({ plainHttp: ['127.0.0.1', 'localhost'] }),
      keychain: commandLineKeychain({ registry: host, username: ADMIN.name, password: ADMIN.password }),
    });
    onTestFinished(() => redirected.close());
    expect(await failure(redirected.getAccount('ann'))).toMatchObject({ code: 'registry' });
  });
});

test('names that would lead elsewhere are not sent', async () => {
  const { host, requests } = await mirantisForTest();
  const client = clientOf(host);
  const calls = [
    () => client.getAccount('..'),
    () => client.getAccount('a/b'),
    () => client.listTeamMembers('team', '..'),
    () => client.setTeamMember('team', 'id:0', 'ann', true),
    () => client.getRepository('team', '../..'),
    () => client.listMembers('a?b'),
  ];
  for (const call of calls) expect(await failure(call())).toMatchObject({ code: 'registry' });
  expect(requests).toEqual([]);
});

test.each([
  ['404', { status: 404, body: '404 page not found' }, 'unsupported'],
  ['a web page', { body: '<!doctype html><title>Hello</title>' }, 'unsupported'],
  ['403', { status: 403, body: '{"errors":[{"code":"NOT_AUTHORIZED","message":"no"}]}' }, 'forbidden'],
  ['401', { status: 401, body: '' }, 'unauthorized'],
  ['500', { status: 500, body: 'oops' }, 'registry'],
])('a host that answers %s is refused in these words', async (_, answer, code) => {
  const client = await answered(answer);
  const { status } = answer as Answer;
  const error = await failure(status === 404 ? client.getAccount('team') : client.listAccounts());
  expect(error).toMatchObject({ code });
  expect(error.message).not.toContain(ADMIN.password);
});

test('without a login nothing is sent, and with one it goes to its host alone', async () => {
  const { host, requests } = await mirantisForTest();
  const client = createMirantisClient({
    registry: host,
    transport: createTransport({ plainHttp: [host] }),
    keychain: { lookup: async () => undefined },
  });
  onTestFinished(() => client.close());
  expect(await failure(client.listAccounts())).toMatchObject({ code: 'unauthorized' });
  expect(requests).toEqual([]);
  const other = await startScript([{ expect: /^GET \/elsewhere/, answer: { status: 401 } }]);
  onTestFinished(() => other.stop());
  const redirecting = await answered({ status: 302, headers: { location: `http://${other.host}/elsewhere` } });
  await failure(redirecting.listAccounts());
  expect(other.seen.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  expect(await failure(clientOf(host, 'wrong-word').listAccounts())).toMatchObject({ code: 'unauthorized' });
});
