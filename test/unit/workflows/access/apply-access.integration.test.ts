import { expect, test } from 'vitest';
import { type AccessDocument, accessSchema } from '../../../../src/inventory/access.ts';
import { type AccessResult, applyAccess } from '../../../../src/workflows/access/apply-access.ts';
import { mirantisForTest, type TestMirantis } from '../../../support/mirantis.ts';

const member = (name: string, isAdmin = false) => ({ name, isAdmin });

const document: AccessDocument = accessSchema.parse({
  apiVersion: 'airgap/v1',
  kind: 'RegistryAccess',
  registry: 'old.example',
  accounts: [
    { name: 'ann', fullName: 'Ann', isActive: true, isAdmin: false },
    { name: 'bob', isActive: false, isAdmin: false },
    { name: 'root', isActive: true, isAdmin: true },
  ],
  organizations: [
    {
      name: 'eng',
      fullName: 'Engineering',
      members: [member('ann', true), member('bob')],
      teams: [
        { name: 'back end', description: 'services', members: [member('bob')], namespaceAccess: 'read-only' },
        { name: 'synced', members: [member('ann')], ldap: true },
      ],
    },
  ],
  repositories: [
    {
      namespace: 'eng',
      name: 'app',
      settings: { visibility: 'public', immutableTags: true, scanOnPush: true, longDescription: '# App' },
      teams: [{ team: 'back end', access: 'read-write' }],
    },
    { namespace: 'ann', name: 'own', settings: { visibility: 'private' }, teams: [] },
  ],
});

function apply(mirantis: TestMirantis, write: boolean, more: object = {}): Promise<AccessResult> {
  const context = { env: mirantis.env, cwd: '/', helm: '', emit: () => {} };
  return applyAccess(context as unknown as Parameters<typeof applyAccess>[0], {
    document,
    registry: mirantis.host,
    access: { mirrors: [], plainHttp: [mirantis.host] },
    write,
    concurrency: 8,
    includeAdmins: false,
    searchLdap: false,
    allowPublic: true,
    ...more,
  });
}

test('a dry run writes nothing, a run writes everything once, and a second run writes nothing', async () => {
  const mirantis = await mirantisForTest();
  const { state } = mirantis;
  const dry = await apply(mirantis, false);
  expect(dry.outcomes.map(({ status }) => status)).toEqual(dry.outcomes.map(() => 'planned'));
  expect(mirantis.requests.every((line) => line.startsWith('GET '))).toBe(true);

  const { outcomes } = await apply(mirantis, true);
  expect(outcomes.map(({ status }) => status)).toEqual(dry.outcomes.map(() => 'done'));
  expect(mirantis.writes()).toHaveLength(outcomes.length);
  const eng = state.organizations.get('eng');
  expect([...(eng?.members ?? [])].map(([name, { isAdmin }]) => [name, isAdmin])).toEqual([
    ['ann', true],
    ['bob', false],
  ]);
  expect([...(eng?.teams.get('back end')?.members.keys() ?? [])]).toEqual(['bob']);
  expect([...(eng?.access ?? [])]).toEqual([['back end', 'read-only']]);
  expect(state.repositories.get('eng/app')).toMatchObject({
    visibility: 'public',
    immutableTags: true,
    scanOnPush: true,
    longDescription: '# App',
    teams: new Map([['back end', 'read-write']]),
  });
  expect(state.accounts.get('bob')?.isActive).toBe(false);
  // Administrators of the registry are created only on demand.
  expect(state.accounts.get('root')?.isAdmin).toBe(false);
  // Passwords are long, each its own, and nowhere in the result.
  const passwords = ['ann', 'bob', 'root'].map((name) => state.accounts.get(name)?.password ?? '');
  expect(new Set(passwords).size).toBe(3);
  expect(passwords.every((text) => text.length >= 64)).toBe(true);
  for (const password of passwords) expect(JSON.stringify(outcomes)).not.toContain(password);

  mirantis.forget();
  const again = await apply(mirantis, true);
  expect([again.outcomes, mirantis.writes()]).toEqual([[], []]);
  expect(mirantis.requests.every((line) => line.startsWith('GET '))).toBe(true);
});

test('what the API refuses is listed with its code, what needs it is skipped, and others go on', async () => {
  const mirantis = await mirantisForTest();
  mirantis.refuse(/^POST \/enzi\/v0\/accounts\/eng\/teams$/, 400, 'TEAM_LIMIT', 'no more teams');
  mirantis.refuse(/^PUT .*\/members\/bob$/, 409, 'LDAP_PRECLUDES');
  // Another run creates it at the same time.
  mirantis.refuse(/^POST \/api\/v0\/repositories\/ann$/, 400, 'REPOSITORY_EXISTS');
  mirantis.answer(/^PATCH \/api\/v0\/repositories\/ann\/own$/, { status: 200, json: {} });
  const { outcomes } = await apply(mirantis, true);
  const failed = outcomes.filter(({ status }) => status !== 'done');
  expect(failed.map(({ change: { kind, of }, status }) => [status, kind, of])).toEqual([
    ['refused', 'member', 'bob'],
    ['refused', 'team', undefined],
    ['refused', 'team', undefined],
    ['skipped', 'team member', 'bob'],
    ['skipped', 'namespace access', 'back end'],
    ['skipped', 'team access', 'back end'],
  ]);
  expect(failed.map(({ error }) => error?.message ?? '').join('\n')).toMatch(/LDAP_PRECLUDES[\s\S]*TEAM_LIMIT/);
  expect(mirantis.state.repositories.has('eng/app')).toBe(true);
});

test('what exists is compared: rights change, memberships of a directory and what is beyond the document stay', async () => {
  const mirantis = await mirantisForTest({ hasUserAccess: true });
  mirantis.state
    .user('ann')
    .user('zoe')
    .organization('eng', ['ann', '*zoe'])
    .organization('docker-datacenter', ['*ann'])
    .team('eng', 'back end', ['zoe'], { isSynced: true, description: 'services' })
    .repository('eng/app', { visibility: 'private', shortDescription: 'kept' }, { 'back end': 'admin' })
    .repository('ann/own', {}, {}, { zoe: 'read-only' });
  mirantis.state.organizations.get('eng')?.access.set('back end', 'admin');
  const { outcomes, leftOut, beyond } = await apply(mirantis, true, { includeAdmins: true });
  const changed = outcomes.flatMap(({ change: { action, kind, name, fields } }) =>
    action === 'change' ? fields.map(({ field, from, to }) => [kind, name, field, from, to]) : [],
  );
  expect(changed).toEqual([
    ['member', 'eng', 'isAdmin', false, true],
    ['repository', 'eng/app', 'visibility', 'private', 'public'],
    ['repository', 'eng/app', 'immutableTags', false, true],
    ['repository', 'eng/app', 'scanOnPush', false, true],
    ['repository', 'eng/app', 'longDescription', '', '# App'],
    ['namespace access', 'eng', 'access', 'admin', 'read-only'],
    ['team access', 'eng/app', 'access', 'admin', 'read-write'],
  ]);
  expect(leftOut.map(({ kind, name }) => [kind, name])).toContainEqual(['team member', 'eng/back end']);
  expect(beyond).toMatchObject({ member: 1, 'account access': 1 });
  expect(mirantis.state.repositories.get('eng/app')?.shortDescription).toBe('kept');
  expect(mirantis.state.accounts.get('root')?.isAdmin).toBe(true);
  expect((await apply(mirantis, false, { includeAdmins: true })).outcomes).toEqual([]);
});

test('a right that the destination has and nobody knows is not overwritten', async () => {
  const mirantis = await mirantisForTest();
  await apply(mirantis, true);
  mirantis.state.repositories.get('eng/app')?.teams.set('back end', 'owner');
  mirantis.forget();
  await expect(apply(mirantis, true)).rejects.toMatchObject({ code: 'unsupported' });
  expect(mirantis.writes()).toEqual([]);
});
