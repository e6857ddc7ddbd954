import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { AirgapError } from '../../../../src/base/errors.ts';
import { accessSchema, formatAccess } from '../../../../src/inventory/access.ts';
import { type AccessExport, exportAccess } from '../../../../src/workflows/access/export.ts';
import { ADMIN, type MirantisOptions, mirantisForTest, type TestMirantis } from '../../../support/mirantis.ts';

/** A registry with two organizations, teams, a synced team, and repositories of both kinds. */
async function registry(options: MirantisOptions = {}): Promise<TestMirantis> {
  const mirantis = await mirantisForTest(options);
  mirantis.state
    .user('ann', { fullName: 'Ann', password: 'secret-of-ann' })
    .user('bob', { isActive: false })
    .user('carl')
    .organization('docker-datacenter', [ADMIN.name])
    .organization('shop', ['*ann', 'bob'], 'The shop')
    .team('shop', 'dev', ['*ann', 'bob'], { description: 'writes it' })
    .team('shop', 'from directory', ['bob'], { isSynced: true })
    .organization('empty')
    .repository('shop/web', { longDescription: '# Web', immutableTags: true }, { dev: 'read-write' })
    .repository('shop/api', { visibility: 'public' }, { dev: 'admin', 'from directory': 'read-only' })
    .repository('ann/tools', {}, {}, { bob: 'read-write' });
  mirantis.state.organizations.get('shop')?.access.set('from directory', 'read-only');
  return mirantis;
}

function read(
  { host }: TestMirantis,
  organizations: readonly string[] = [],
  login = { registry: host, username: ADMIN.name as string, password: ADMIN.password as string },
): Promise<AccessExport> {
  const access = { mirrors: [], plainHttp: [host], login, isQuick: true };
  const context = { env: {}, cwd: '/', emit: () => {} };
  return exportAccess(context, { access, concurrency: 4, registry: host, organizations });
}

const failure = (call: Promise<unknown>): Promise<AirgapError> =>
  call.then(
    () => Promise.reject(new Error('nothing was refused')),
    (error: AirgapError) => error,
  );

describe('an export', () => {
  test('has all accounts, organizations, teams and rights, and no secrets', async () => {
    const mirantis = await registry({ hasUserAccess: true });
    const { access, counts, ldapTeams, unread } = await read(mirantis);
    const text = formatAccess(access);
    const document = accessSchema.parse(parse(text));
    expect(unread).toEqual([]);
    expect(ldapTeams).toEqual(['shop/from directory']);
    expect(counts).toEqual({ accounts: 4, organizations: 2, teams: 2, memberships: 5, repositories: 3, rights: 5 });
    expect(document.accounts.map(({ name }) => name)).toEqual(['admin', 'ann', 'bob', 'carl']);
    expect(document.accounts[2]).toEqual({ name: 'bob', isActive: false, isAdmin: false });
    expect(document.organizations).toEqual([
      { name: 'empty', members: [], teams: [] },
      {
        name: 'shop',
        fullName: 'The shop',
        members: [
          { name: 'ann', isAdmin: true },
          { name: 'bob', isAdmin: false },
        ],
        teams: [
          {
            name: 'dev',
            description: 'writes it',
            members: [
              { name: 'ann', isAdmin: true },
              { name: 'bob', isAdmin: false },
            ],
          },
          {
            name: 'from directory',
            namespaceAccess: 'read-only',
            ldap: true,
            members: [{ name: 'bob', isAdmin: false }],
          },
        ],
      },
    ]);
    expect(document.repositories).toEqual([
      {
        namespace: 'ann',
        name: 'tools',
        settings: { visibility: 'private', immutableTags: false, scanOnPush: false },
        teams: [],
        users: [{ account: 'bob', access: 'read-write' }],
      },
      {
        namespace: 'shop',
        name: 'api',
        settings: { visibility: 'public', immutableTags: false, scanOnPush: false },
        teams: [
          { team: 'dev', access: 'admin' },
          { team: 'from directory', access: 'read-only' },
        ],
      },
      {
        namespace: 'shop',
        name: 'web',
        settings: { visibility: 'private', immutableTags: true, scanOnPush: false, longDescription: '# Web' },
        teams: [{ team: 'dev', access: 'read-write' }],
      },
    ]);
    for (const { id, password } of mirantis.state.accounts.values()) {
      expect(text).not.toContain(id);
      if (password !== '') expect(text).not.toContain(password);
    }
    expect(mirantis.requests.every((line) => line.startsWith('GET '))).toBe(true);
  });

  test('takes over no field that it does not know, whatever a registry adds', async () => {
    const mirantis = await registry();
    const account = { name: 'dan', isOrg: false, passwordHash: 'odd-hash', token: 'odd-token', id: '7' };
    mirantis.answer(/^GET \/enzi\/v0\/accounts\?/, { status: 200, json: { accounts: [account], sessionToken: 'odd' } });
    mirantis.answer(/^GET \/api\/v0\/repositories\?/, {
      status: 200,
      json: { repositories: [{ namespace: 'dan', name: 'x', secretKey: 'odd-key', settings: { password: 'odd' } }] },
    });
    mirantis.answer(/^GET \/api\/v0\/repositories\/dan/, { status: 404 });
    expect(formatAccess((await read(mirantis)).access)).not.toContain('odd');
  });

  test('is the same with other versions, page sizes and orders of the answers', async () => {
    const [a, b] = [await registry({ namesTeams: true }), await registry()];
    for (const { state } of [a, b]) for (let i = 0; i < 12; i++) state.repository(`shop/r-${i}`, {}, { dev: 'admin' });
    const texts = await Promise.all([a, b].map(async (each) => formatAccess((await read(each)).access)));
    expect(texts[0]?.replaceAll(a.host, '')).toBe(texts[1]?.replaceAll(b.host, ''));
  });

  test('of one organization needs no list of all accounts', async () => {
    const mirantis = await registry();
    mirantis.refuse(/^GET \/enzi\/v0\/accounts\?/, 403, 'NOT_AUTHORIZED');
    const { access, unread } = await read(mirantis, ['shop', 'shop']);
    expect(unread).toEqual([]);
    expect(access.accounts.map(({ name }) => name).sort()).toEqual(['ann', 'bob']);
    expect(access.organizations.map(({ name }) => name)).toEqual(['shop']);
    expect(access.repositories.map(({ name }) => name).sort()).toEqual(['api', 'web']);
    expect(accessSchema.safeParse(parse(formatAccess(access))).success).toBe(true);
    expect(await failure(read(mirantis, ['shop', 'ann', 'other']))).toMatchObject({
      code: 'usage',
      message: expect.stringMatching(/ann, other$/),
    });
  });
});

describe('what the registry does not show', () => {
  test('is listed, and the rest is read', async () => {
    const mirantis = await registry();
    mirantis.refuse(/\/teams\/dev\/members\?/, 403, 'NOT_AUTHORIZED', 'not you');
    mirantis.refuse(/\/shop\/web\/teamAccess/, 404, 'NO_SUCH_REPOSITORY');
    mirantis.refuse(/memberSyncConfig/, 403, 'NOT_AUTHORIZED');
    const odd = {
      accessLevel: 'owner',
      team: { id: [...(mirantis.state.organizations.get('shop')?.teams.values() ?? [])][0]?.id },
    };
    const gone = { accessLevel: 'admin', team: { id: 'no-such-id' } };
    mirantis.answer(/\/shop\/api\/teamAccess/, { status: 200, json: { teamAccessList: [odd, gone] } });
    mirantis.state.user('Not Valid').repository('nobody/x');
    const { access, unread } = await read(mirantis);
    expect(unread.map(({ what }) => what)).toEqual([
      'access of team dev to repository shop/api',
      'access of team no-such-id to repository shop/api',
      'access of teams to repository shop/web',
      'account Not Valid',
      'members of team shop/dev',
      'repository nobody/x',
      'synchronization of team shop/dev',
      'synchronization of team shop/from directory',
    ]);
    expect(unread.every(({ reason }) => reason !== '')).toBe(true);
    expect(accessSchema.safeParse(parse(formatAccess(access))).success).toBe(true);
  });

  test('may be more than is said, if the login is not that of an administrator', async () => {
    const mirantis = await registry();
    const as = async (name: string, organizations: readonly string[] = []): Promise<readonly string[]> => {
      const account = mirantis.state.accounts.get(name);
      if (account !== undefined) account.password = 'word-of-the-test';
      const login = { registry: mirantis.host, username: name, password: 'word-of-the-test' };
      return (await read(mirantis, organizations, login)).unread.map(({ what }) => what);
    };
    expect(await as('ann')).toEqual([expect.stringContaining('administrators of the registry')]);
    expect(await as('ann', ['shop'])).toEqual([]);
    mirantis.state.organization('half', ['ann']);
    expect(await as('ann', ['half'])).toEqual([expect.stringContaining('half')]);
  });

  test('has one meaning for each name', async () => {
    const mirantis = await registry();
    const both = [false, true].map((isOrg) => ({ name: 'twice', isOrg }));
    mirantis.answer(/^GET \/enzi\/v0\/accounts\?/, { status: 200, json: { accounts: both } });
    mirantis.answer(/^GET \/api\/v0\/repositories\?/, { status: 200, json: { repositories: [] } });
    mirantis.answer(/^GET \/enzi\/v0\/accounts\/other/, { status: 200, json: { name: 'shop', isOrg: true } });
    const { access, unread } = await read(mirantis);
    expect(unread.map(({ what }) => what)).toEqual(['organization twice']);
    expect(accessSchema.safeParse(parse(formatAccess(access))).success).toBe(true);
    expect(await failure(read(mirantis, ['other']))).toMatchObject({ code: 'usage' });
  });

  test.each([
    ['a list of accounts that is cut off', (all: TestMirantis) => all.cutOff(/\/accounts\?/, 10), 'registry'],
    ['a list of repositories that is cut off', (all: TestMirantis) => all.cutOff(/\/repositories\?/, 10), 'registry'],
    ['members of a team that are cut off', (all: TestMirantis) => all.cutOff(/\/teams\/dev\/members/, 1), 'registry'],
    ['an endless list', (all: TestMirantis) => all.answer(/\/accounts\?/, page('a')), 'registry'],
    ['another document', (all: TestMirantis) => all.answer(/\/teams\?/, { status: 200, json: '[]' }), 'registry'],
    [
      'a host without the API',
      (all: TestMirantis) => all.answer(/./, { status: 404, json: 'not found' }),
      'unsupported',
    ],
    ['a wrong password', (all: TestMirantis) => all.answer(/./, { status: 401 }), 'unauthorized'],
  ])('ends the export, if it is %s', async (_, break_, code) => {
    const mirantis = await registry();
    for (let i = 0; i < 20; i++) mirantis.state.user(`user-${i}`).repository(`shop/r-${i}`);
    break_(mirantis);
    expect(await failure(read(mirantis))).toMatchObject({ code });
  });
});

/** Page of accounts that names itself as the next one. */
function page(start: string): { status: number; json: unknown; headers: Record<string, string> } {
  return { status: 200, json: { accounts: [{ name: start, isOrg: false }] }, headers: { 'x-next-page-start': start } };
}
