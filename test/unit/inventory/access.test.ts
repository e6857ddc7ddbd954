import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type AccessDocument, accessSchema, formatAccess } from '../../../src/inventory/access.ts';

const user = (name: string): AccessDocument['accounts'][number] => ({ name, isActive: true, isAdmin: false });
const ACCESS: AccessDocument = {
  apiVersion: 'airgap/v1',
  kind: 'RegistryAccess',
  registry: 'msr.example:4443',
  accounts: [{ ...user('ann@corp.example'), fullName: 'Ann\u202e\u0085' }, user('no'), user('øre')],
  organizations: [
    {
      name: 'team',
      fullName: 'The team',
      members: [{ name: 'no', isAdmin: true }],
      teams: [
        {
          name: 'dev & ops',
          description: 'on: "off"\n- x',
          namespaceAccess: 'read-only',
          ldap: true,
          members: [{ name: 'øre', isAdmin: false }],
        },
      ],
    },
  ],
  repositories: [
    {
      namespace: 'ann@corp.example',
      name: 'own',
      settings: {},
      teams: [],
      users: [{ account: 'no', access: 'admin' }],
    },
    {
      namespace: 'team',
      name: 'app',
      settings: { visibility: 'private', immutableTags: true, longDescription: '# App\n\n```sh\nrun\n```\n' },
      teams: [{ team: 'dev & ops', access: 'read-write' }],
    },
  ],
};

describe('the document', () => {
  test('reads as it was written, also with YAML 1.1, and does not depend on the order of lists', () => {
    const text = formatAccess(ACCESS);
    expect(accessSchema.parse(parse(text))).toEqual(ACCESS);
    expect(parse(text, { version: '1.1' })).toEqual(ACCESS);
    const [account, ...others] = ACCESS.accounts;
    const turned = { ...ACCESS, accounts: [...others, account as AccessDocument['accounts'][number]] };
    expect(formatAccess({ ...turned, repositories: ACCESS.repositories.toReversed() })).toBe(text);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal interprets them
    expect(text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/);
  });

  test('of docs/access.md is valid', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../docs/access.md'), 'utf8');
    const [, text = ''] = /```yaml\n(.*?)```/s.exec(page) ?? [];
    expect(accessSchema.parse(parse(text)).organizations).toHaveLength(1);
  });

  type Change = (access: ReturnType<typeof copy>) => void;
  // biome-ignore lint/suspicious/noExplicitAny: what a hostile file may hold
  const copy = (): any => structuredClone(ACCESS);

  test.each<[string, Change, string]>([
    ['a password', (all) => (all.accounts[0].password = 'x'), 'accounts.0'],
    ['a token in a membership', (all) => (all.organizations[0].members[0].token = 'x'), 'organizations.0.members.0'],
    ['an account named ..', (all) => (all.accounts[0].name = '..'), 'accounts.0.name'],
    ['a path as a name', (all) => (all.accounts[0].name = 'a/../b'), 'accounts.0.name'],
    [
      'an escape sequence',
      (all) => (all.organizations[0].teams[0].name = 'x\u001b[2J'),
      'organizations.0.teams.0.name',
    ],
    ['an ID as a name', (all) => (all.organizations[0].teams[0].name = 'id:7'), 'organizations.0.teams.0.name'],
    ['a long name', (all) => (all.accounts[0].name = 'a'.repeat(101)), 'accounts.0.name'],
    ['a repository with a path', (all) => (all.repositories[0].name = 'a/b'), 'repositories.0.name'],
    ['an unknown level', (all) => (all.repositories[1].teams[0].access = 'owner'), 'repositories.1.teams.0.access'],
    ['an account twice', (all) => all.accounts.push(all.accounts[0]), 'accounts.3.name'],
    [
      'an organization with the name of an account',
      (all) => (all.organizations[0].name = 'no'),
      'organizations.0.name',
    ],
    [
      'a team twice',
      (all) => all.organizations[0].teams.push(all.organizations[0].teams[0]),
      'organizations.0.teams.1.name',
    ],
    [
      'a member twice',
      (all) => all.organizations[0].members.push(all.organizations[0].members[0]),
      'organizations.0.members.1.name',
    ],
    ['an unknown member', (all) => (all.organizations[0].members[0].name = 'eve'), 'organizations.0.members.0.name'],
    [
      'an unknown member of a team',
      (all) => (all.organizations[0].teams[0].members[0].name = 'eve'),
      'organizations.0.teams.0.members.0.name',
    ],
    [
      'a repository of an unknown organization',
      (all) => (all.repositories[1].namespace = 'other'),
      'repositories.1.namespace',
    ],
    ['a repository twice', (all) => all.repositories.push(all.repositories[1]), 'repositories.2.name'],
    ['a right of an unknown team', (all) => (all.repositories[1].teams[0].team = 'qa'), 'repositories.1.teams.0.team'],
    [
      'a right twice',
      (all) => all.repositories[1].teams.push(all.repositories[1].teams[0]),
      'repositories.1.teams.1.team',
    ],
    [
      'a right of an unknown account',
      (all) => (all.repositories[0].users[0].account = 'eve'),
      'repositories.0.users.0.account',
    ],
    ['another kind', (all) => (all.kind = 'PruneList'), 'kind'],
    ['a newer version', (all) => (all.apiVersion = 'airgap/v2'), 'apiVersion'],
    ['another host form', (all) => (all.registry = 'https://x/y'), 'registry'],
  ])('with %s is refused there', (_, change, path) => {
    const access = copy();
    change(access);
    const issues = accessSchema.safeParse(access).error?.issues ?? [];
    // A name that is refused where it is declared is unknown where it is used.
    expect(issues[0]?.path.join('.')).toBe(path);
    expect(issues.length).toBeLessThanOrEqual(2);
  });

  test('names all problems', () => {
    const access = copy();
    access.accounts.push(access.accounts[0]);
    access.organizations[0].members[0].name = 'eve';
    access.repositories[1].teams[0].team = 'qa';
    expect(accessSchema.safeParse(access).error?.issues).toHaveLength(3);
  });

  test.each([[null], ['text'], [[]], [{}], [7]])('that is %j is refused', (value) => {
    expect(accessSchema.safeParse(value).success).toBe(false);
  });
});
