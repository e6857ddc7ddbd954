import { expect, test } from 'vitest';
import type { AccessDocument } from '../../../../src/inventory/access.ts';
import type { PrincipalMap } from '../../../../src/inventory/principal-map.ts';
import { mappedRights } from '../../../../src/workflows/access/mapped-rights.ts';

const member = (name: string, isAdmin = false) => ({ name, isAdmin });
const user = (name: string, isActive = true) => ({ name, isActive, isAdmin: false });

const document: AccessDocument = {
  apiVersion: 'airgap/v1',
  kind: 'RegistryAccess',
  registry: 'msr.example',
  accounts: [user('ann'), user('bob'), user('cat'), user('gone', false)],
  organizations: [
    {
      name: 'eng',
      members: [member('ann', true), member('bob')],
      teams: [
        { name: 'dev', members: [member('bob'), member('gone')], namespaceAccess: 'read-only' },
        { name: 'ops', members: [member('cat')] },
      ],
    },
  ],
  repositories: [
    {
      namespace: 'eng',
      name: 'app',
      settings: {},
      teams: [
        { team: 'dev', access: 'read-write' },
        { team: 'ops', access: 'admin' },
      ],
    },
    { namespace: 'eng', name: 'lib', settings: {}, teams: [] },
    { namespace: 'bob', name: 'own', settings: {}, teams: [], users: [{ account: 'cat', access: 'read-only' }] },
  ],
};

function rights(map: Partial<Record<keyof PrincipalMap, Readonly<Record<string, string[]>>>>) {
  const { teams = {}, accounts = {}, organizations = {} } = map;
  const maps = [teams, accounts, organizations].map((each) => new Map(Object.entries(each)));
  const [t = new Map(), a = new Map(), o = new Map()] = maps;
  const { repositories, unmapped, inactive } = mappedRights(document, { teams: t, accounts: a, organizations: o });
  const granted = repositories.map(({ repository: { namespace, name }, principals }) => [
    `${namespace}/${name}`,
    Object.fromEntries(principals),
  ]);
  return {
    granted: Object.fromEntries(granted),
    unmapped: unmapped.map(({ kind, name, repositories: n, access }) => `${kind} ${name} ${n} ${access}`).sort(),
    inactive,
  };
}

test('nothing is mapped: nobody gets anything, and every holder is listed with what it would lose', () => {
  expect(rights({})).toEqual({
    granted: { 'eng/app': {}, 'eng/lib': {}, 'bob/own': {} },
    unmapped: [
      'account bob 1 admin',
      'account cat 1 read-only',
      'organization eng 2 admin',
      'team eng/dev 2 read-write',
      'team eng/ops 1 admin',
    ],
    inactive: [],
  });
});

test('a team has its rights, an organization those of its administrators, a principal the highest of all', () => {
  const { granted, unmapped } = rights({
    teams: { 'eng/dev': ['r/dev', 'r/all'], 'eng/ops': ['r/all'] },
    organizations: { eng: ['r/eng'] },
  });
  expect(granted).toEqual({
    'eng/app': { 'r/dev': 'read-write', 'r/all': 'admin', 'r/eng': 'admin' },
    'eng/lib': { 'r/dev': 'read-only', 'r/all': 'read-only', 'r/eng': 'admin' },
    'bob/own': {},
  });
  expect(unmapped).toEqual(['account bob 1 admin', 'account cat 1 read-only']);
});

test('a mapped account has the rights of its teams and organizations; an account that is not active has none', () => {
  const { granted, unmapped, inactive } = rights({ accounts: { bob: ['u/bob'], ann: ['u/ann'], gone: ['u/gone'] } });
  expect(granted).toEqual({
    'eng/app': { 'u/bob': 'read-write', 'u/ann': 'admin' },
    'eng/lib': { 'u/bob': 'read-only', 'u/ann': 'admin' },
    'bob/own': { 'u/bob': 'admin' },
  });
  // All active members of eng/dev are mapped, and the administrator of eng.
  expect(unmapped).toEqual(['account cat 1 read-only', 'team eng/ops 1 admin']);
  expect(inactive).toEqual(['gone']);
});
