import { expect, test } from 'vitest';
import { AirgapError } from '../../../../src/base/errors.ts';
import type { AccessLevel } from '../../../../src/inventory/access.ts';
import { applyChanges } from '../../../../src/workflows/access/apply-changes.ts';
import type { AccessState } from '../../../../src/workflows/access/changes.ts';
import { type AccessPlan, planAccess } from '../../../../src/workflows/access/plan-access.ts';
import { stateWriter } from '../../../support/access-state.ts';
import fc from '../../../support/property.ts';

const run = { emit: () => {}, concurrency: 3 };
const DEFAULTS = { includeAdmins: false, allowPublic: false, searchLdap: false };
const ALL = { includeAdmins: true, allowPublic: true, searchLdap: false };
const EMPTY: AccessState = { accounts: [], organizations: [], repositories: [] };

/** Lines such as `create member eng: ann isAdmin=true`. */
function linesOf({ changes }: AccessPlan): string[] {
  return changes.map(({ kind, action, name, of, fields }) => {
    const values = fields.map(({ field, from, to }) => `${field}=${from === undefined ? '' : `${from}>`}${to}`);
    return [action, kind, of === undefined ? name : `${name}: ${of}`, ...values].join(' ');
  });
}

const user = (name: string, facts: object = {}) => ({ name, isActive: true, isAdmin: false, ...facts });
const member = (name: string, isAdmin = false) => ({ name, isAdmin });

const document: AccessState = {
  accounts: [user('ann', { fullName: 'Ann' }), user('bob', { isActive: false }), user('root', { isAdmin: true })],
  organizations: [
    {
      name: 'eng',
      members: [member('ann', true), member('bob')],
      teams: [
        { name: 'back', description: 'all of it', members: [member('bob')], namespaceAccess: 'read-only' },
        { name: 'ldap', ldap: true, members: [member('ann')] },
      ],
    },
    { name: 'docker-datacenter', members: [member('root', true)], teams: [] },
  ],
  repositories: [
    {
      namespace: 'eng',
      name: 'app',
      settings: { visibility: 'private', immutableTags: true, shortDescription: '' },
      teams: [{ team: 'back', access: 'read-write' }],
    },
    {
      namespace: 'ann',
      name: 'own',
      settings: {},
      teams: [],
      users: [{ account: 'bob', access: 'admin' }],
    },
  ],
};

test('an empty destination gets everything, what is needed first, and administrators only on demand', () => {
  const plan = planAccess(document, EMPTY, DEFAULTS);
  expect(linesOf(plan)).toEqual([
    'create account ann fullName=Ann isActive=true isAdmin=false',
    'create account bob isActive=false isAdmin=false',
    'create account root isActive=true isAdmin=false',
    'create organization eng',
    'create member eng: ann isAdmin=true',
    'create member eng: bob',
    'create team eng/back description=all of it',
    'create team eng/ldap',
    'create team member eng/back: bob',
    'create repository eng/app visibility=private immutableTags=true',
    // The document does not say whether it is public.
    'create repository ann/own visibility=private',
    'create namespace access eng: back access=read-only',
    'create team access eng/app: back access=read-write',
    'create account access ann/own: bob access=admin',
  ]);
  expect(plan.leftOut.map(({ kind, name }) => `${kind} ${name}`).sort()).toEqual([
    'account root',
    'organization docker-datacenter',
    'team member eng/ldap',
  ]);
  const withAdmins = linesOf(planAccess(document, EMPTY, ALL));
  expect(withAdmins).toContain('create account root isActive=true isAdmin=true');
});

test('a repository becomes public only on demand', () => {
  const repositories = [{ namespace: 'ann', name: 'own', settings: { visibility: 'public' as const }, teams: [] }];
  const wanted = { ...document, organizations: [], repositories };
  const own = (visibility: 'public' | 'private'): AccessState => ({
    ...wanted,
    repositories: [{ namespace: 'ann', name: 'own', settings: { visibility }, teams: [] }],
  });
  const planned = (state: AccessState, options = DEFAULTS): string[] => {
    const plan = planAccess(wanted, state, options);
    const isOwn = (line: string): boolean => line.includes('ann/own');
    return [...linesOf(plan), ...plan.leftOut.map(({ name }) => `left out ${name}`)].filter(isOwn);
  };
  expect(planned(EMPTY)).toEqual(['create repository ann/own visibility=private', 'left out ann/own']);
  expect(planned(EMPTY, ALL)).toEqual(['create repository ann/own visibility=public']);
  expect(planned(own('private'))).toEqual(['left out ann/own']);
  expect(planned(own('private'), ALL)).toEqual(['change repository ann/own visibility=private>public']);
  expect(planned(own('public'))).toEqual([]);
});

test('what differs is changed, what is beyond the document stays, and no administrator loses the flag', () => {
  const [app] = document.repositories;
  const state: AccessState = {
    accounts: [user('ann', { isAdmin: true }), user('bob'), user('root'), user('zoe')],
    organizations: [
      {
        name: 'eng',
        members: [member('ann'), member('bob', true), member('zoe')],
        teams: [
          { name: 'back', description: 'old', members: [], ldap: true, namespaceAccess: 'admin' },
          { name: 'ldap', members: [] },
          { name: 'theirs', members: [] },
        ],
      },
      { name: 'ann2', members: [], teams: [] },
    ],
    repositories: [
      {
        ...(app as NonNullable<typeof app>),
        settings: { visibility: 'public', shortDescription: 'theirs' },
        teams: [
          { team: 'back', access: 'admin' },
          { team: 'theirs', access: 'admin' },
        ],
        users: [{ account: 'zoe', access: 'admin' }],
      },
    ],
  };
  const plan = planAccess(document, state, ALL);
  expect(linesOf(plan)).toEqual([
    'change account root isAdmin=false>true',
    'change member eng: ann isAdmin=false>true',
    'change team eng/back description=old>all of it',
    'change repository eng/app visibility=public>private shortDescription=theirs>',
    'create repository ann/own visibility=private',
    'change namespace access eng: back access=admin>read-only',
    'change team access eng/app: back access=admin>read-write',
    'create account access ann/own: bob access=admin',
  ]);
  expect(plan.beyond).toEqual({
    'administrator flag': 2,
    'existing account with another name or state': 2,
    member: 1,
    team: 1,
    'team access': 1,
    'account access': 1,
  });
  // The destination does not know immutable tags.
  expect(plan.leftOut).toContainEqual(expect.objectContaining({ kind: 'repository', name: 'eng/app' }));
  // One name cannot be an account here and an organization there.
  const swapped = { ...EMPTY, accounts: [user('eng')], organizations: [{ name: 'ann', members: [], teams: [] }] };
  const clash = planAccess(document, swapped, DEFAULTS).leftOut.map(({ kind, name }) => [kind, name]);
  const memberships = planAccess(document, { ...EMPTY, organizations: swapped.organizations }, DEFAULTS);
  expect(linesOf(memberships).filter((line) => line.includes('ann'))).toEqual([]);
  expect(memberships.leftOut).toContainEqual(expect.objectContaining({ kind: 'member', name: 'eng', of: 'ann' }));
  expect(clash).toEqual(
    expect.arrayContaining([
      ['organization', 'eng'],
      ['account', 'ann'],
      ['repository', 'eng/app'],
      ['repository', 'ann/own'],
    ]),
  );
});

test('what is refused is reported, what needs it is skipped, and everything else is done', async () => {
  const { writer, state } = stateWriter(EMPTY);
  const plan = planAccess(document, EMPTY, DEFAULTS);
  const refusing = {
    ...writer,
    createTeam: async () => {
      throw new AirgapError('registry', 'the registry refused it', { detail: 'TEAM_LIMIT: too many' });
    },
  };
  const outcomes = await applyChanges(refusing, plan.changes, run);
  const statuses = outcomes
    .filter(({ status }) => status !== 'done')
    .map(({ change: { kind, name, of = '' }, status }) => `${status} ${kind} ${name} ${of}`.trim());
  expect(statuses).toEqual([
    'refused team eng/back',
    'refused team eng/ldap',
    'skipped team member eng/back bob',
    'skipped namespace access eng back',
    'skipped team access eng/app back',
  ]);
  expect(outcomes.find(({ status }) => status === 'refused')?.error?.message).toContain('TEAM_LIMIT');
  expect(state().repositories).toHaveLength(2);

  // Without an answer, nothing more is tried.
  let asked = 0;
  const silent = {
    ...writer,
    createAccount: async () => {
      asked += 1;
      throw new AirgapError('network', 'no answer');
    },
  };
  const none = await applyChanges(silent, plan.changes, { ...run, concurrency: 1 });
  expect([asked, none.length, none.filter(({ status }) => status === 'skipped').length]).toEqual([1, 14, 13]);
});

test('a repository that the plan did not see gets the settings', async () => {
  const { writer, state } = stateWriter(EMPTY);
  const cause = { status: 400, codes: ['REPOSITORY_EXISTS'] };
  const meanwhile: typeof writer = {
    ...writer,
    async createRepository(namespace, { name }) {
      await writer.createRepository(namespace, { name, visibility: 'public' });
      throw new AirgapError('registry', 'the registry refused it', { cause });
    },
  };
  const outcomes = await applyChanges(meanwhile, planAccess(document, EMPTY, DEFAULTS).changes, run);
  expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(['done']));
  expect(state().repositories.map(({ settings }) => settings.visibility)).toEqual(['private', 'private']);
});

test('an interrupted run tries nothing more, and says so', async () => {
  const { writer } = stateWriter(EMPTY);
  const stop = new AbortController();
  const interrupting = {
    ...writer,
    createAccount: async (form: Parameters<typeof writer.createAccount>[0]) => {
      await writer.createAccount(form);
      stop.abort();
    },
  };
  const { changes } = planAccess(document, EMPTY, DEFAULTS);
  const outcomes = await applyChanges(interrupting, changes, { ...run, concurrency: 1, signal: stop.signal });
  expect(outcomes.map(({ status }) => status)).toEqual(['done', ...changes.slice(1).map(() => 'skipped')]);
  expect(outcomes.flatMap(({ error }) => error?.code ?? [])).toEqual(['interrupted']);
});

test('accounts of a directory are searched there, and get no password', async () => {
  const forms: object[] = [];
  const writer = { ...stateWriter(EMPTY).writer, createAccount: async (form: object) => void forms.push(form) };
  const users = { ...EMPTY, accounts: document.accounts };
  const { changes } = planAccess(users, EMPTY, { ...DEFAULTS, searchLdap: true });
  await applyChanges(writer, changes, run);
  expect(forms).toHaveLength(3);
  expect(forms.every((form) => 'searchLDAP' in form && !('password' in form))).toBe(true);
});

const level = fc.constantFrom<AccessLevel>('read-only', 'read-write', 'admin');
const USERS = ['ann', 'bob', 'cat'];
const members = fc.uniqueArray(fc.record({ name: fc.constantFrom(...USERS), isAdmin: fc.boolean() }), {
  selector: ({ name }) => name,
});
const team = (name: string) =>
  fc.record(
    { name: fc.constant(name), members, description: fc.constantFrom('one', 'two'), namespaceAccess: level },
    { requiredKeys: ['name', 'members'] },
  );
const organization = (name: string) =>
  fc.record({ name: fc.constant(name), members, teams: fc.tuple(team('t1'), team('t2')).map((teams) => teams) });
const settings = fc.record({
  visibility: fc.constantFrom<'public' | 'private'>('public', 'private'),
  immutableTags: fc.boolean(),
  shortDescription: fc.constantFrom('', 'text'),
});
const repository = fc.record({
  namespace: fc.constantFrom('o1', 'o2'),
  name: fc.constantFrom('r1', 'r2'),
  settings,
  teams: fc.uniqueArray(fc.record({ team: fc.constantFrom('t1', 't2'), access: level }), {
    selector: (right) => right.team,
  }),
});
const content = fc
  .record({
    accounts: fc.tuple(
      ...USERS.map((name) => fc.record({ name: fc.constant(name), isActive: fc.boolean(), isAdmin: fc.boolean() })),
    ),
    organizations: fc.tuple(organization('o1'), organization('o2')),
    repositories: fc.uniqueArray(repository, {
      selector: ({ namespace, name }) => `${namespace}/${name}`,
      maxLength: 3,
    }),
  })
  .map((parts): AccessState => parts);
/** A part of it, as the destination may have it. */
const partial = fc
  .record({ from: content, accounts: fc.nat(3), organizations: fc.nat(2) })
  .map(({ from, accounts, organizations }) => {
    const kept = from.organizations.slice(0, organizations);
    const isKept = (name: string): boolean => kept.some((each) => each.name === name);
    return {
      accounts: accounts === 0 && kept.length === 0 ? [] : from.accounts,
      organizations: kept,
      repositories: from.repositories.filter(({ namespace }) => isKept(namespace)),
    };
  });

test('property: applying a plan gives what the document says, and planning again finds nothing', async () => {
  await fc.assert(
    fc.asyncProperty(content, partial, async (wanted, before) => {
      const { writer, state } = stateWriter(before);
      const plan = planAccess(wanted, before, ALL);
      const outcomes = await applyChanges(writer, plan.changes, run);
      expect(outcomes.every(({ status }) => status === 'done')).toBe(true);
      const after = state();
      expect(planAccess(wanted, after, ALL).changes).toEqual([]);
      const found = new Map(after.organizations.map((each) => [each.name, each]));
      for (const { name, members: own, teams } of wanted.organizations) {
        const there = found.get(name);
        expect(there?.members.map((each) => each.name)).toEqual(expect.arrayContaining(own.map((each) => each.name)));
        for (const { name: teamName, namespaceAccess } of teams) {
          const one = there?.teams.find((each) => each.name === teamName);
          if (namespaceAccess !== undefined) expect(one?.namespaceAccess).toBe(namespaceAccess);
        }
      }
      for (const { namespace, name, settings: own, teams } of wanted.repositories) {
        const there = after.repositories.find((each) => each.namespace === namespace && each.name === name);
        expect(there?.settings).toMatchObject(own);
        expect(there?.teams).toEqual(expect.arrayContaining([...teams]));
      }
      // No administrator of before lost the flag.
      for (const { name, isAdmin } of before.accounts) {
        if (isAdmin) expect(after.accounts.find((each) => each.name === name)?.isAdmin).toBe(true);
      }
    }),
    { numRuns: 60 },
  );
});
