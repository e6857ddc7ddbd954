import {
  type ApiAnswer,
  type ApiRequest,
  apiError,
  invalidField,
  noHandler,
  noSuchAccount,
  noSuchTeam,
  page,
} from './answers.ts';
import { MirantisState, type StoredAccount, type StoredMembership, type StoredOrganization } from './state.ts';

const PAGES = { start: 'start', limit: 'limit' } as const;
const NAME = /^[\p{Ll}\p{Lo}0-9$@._-]{1,100}$/u;

/** Answers a request below `/enzi/v0`: accounts, organizations, teams and their members. */
export function enzi(state: MirantisState, request: ApiRequest, cutOff?: number): ApiAnswer {
  const [root, name, list, team, members, member] = request.path;
  if (root !== 'accounts') return noHandler();
  if (name === undefined) return accounts(state, request, cutOff);
  const account = find(state, name);
  if (account === undefined) return noSuchAccount(name);
  if (list === undefined) return oneAccount(account, request);
  const organization = state.organizations.get(account.name);
  if (organization === undefined) return noSuchAccount(name);
  if (list === 'members') return memberList(state, request, organization.members, team, cutOff);
  if (list !== 'teams') return noHandler();
  if (team === undefined) return teams(account, organization, request, cutOff);
  const found = [...organization.teams.values()].find((each) => each.name === team || `id:${each.id}` === team);
  if (found === undefined) return noSuchTeam(team);
  if (members === 'memberSyncConfig' && request.method === 'GET') {
    return {
      status: 200,
      json: { enableSync: found.isSynced, selectGroupMembers: true, groupDN: 'cn=team,dc=example' },
    };
  }
  if (members === 'members') {
    if (request.method !== 'GET' && found.isSynced) {
      return apiError(409, 'LDAP_PRECLUDES', 'LDAP configuration prevents this action', 'the team is synced');
    }
    const answer = memberList(state, request, found.members, member, cutOff);
    // A member of a team is a member of its organization.
    if (
      member !== undefined &&
      answer.status === 200 &&
      request.method !== 'GET' &&
      !organization.members.has(member)
    ) {
      organization.members.set(member, { isAdmin: false, isPublic: false });
    }
    return answer;
  }
  if (members !== undefined) return noHandler();
  if (request.method === 'PATCH') found.description = text(request.body.description) ?? found.description;
  return request.method === 'GET' || request.method === 'PATCH'
    ? { status: 200, json: teamJson(account, found) }
    : noHandler();
}

function accounts(state: MirantisState, request: ApiRequest, cutOff?: number): ApiAnswer {
  const { method, query, body } = request;
  if (method === 'GET') {
    const filter = query.get('filter') || 'all';
    const wanted = [...state.accounts.values()].filter(
      ({ isOrg, isAdmin }) =>
        filter === 'all' ||
        (filter === 'orgs' ? isOrg : !isOrg && (filter === 'users' || (filter === 'admins') === isAdmin)),
    );
    const { entries, headers } = page(request, wanted, (account) => account.name, PAGES, cutOff);
    return { status: 200, json: { accounts: entries.map(accountJson) }, headers };
  }
  if (method !== 'POST') return noHandler();
  const name = (text(body.name) ?? '').toLowerCase();
  const password = text(body.password) ?? '';
  if (!NAME.test(name)) return invalidField('name', 'must match the pattern of account names');
  if (body.isOrg !== true && password === '') return invalidField('password', 'must be at least 1 characters');
  if (state.accounts.has(name)) return apiError(400, 'ACCOUNT_EXISTS', 'An account with the same name already exists.');
  const fullName = text(body.fullName) ?? '';
  if (body.isOrg === true) state.organization(name, [], fullName);
  else state.user(name, { fullName, isAdmin: body.isAdmin === true, isActive: body.isActive === true, password });
  return { status: 201, json: accountJson(state.accounts.get(name) as StoredAccount) };
}

function oneAccount(account: StoredAccount, { method, body }: ApiRequest): ApiAnswer {
  if (method !== 'GET' && method !== 'PATCH') return noHandler();
  if (method === 'PATCH') {
    account.fullName = text(body.fullName) ?? account.fullName;
    if (typeof body.isAdmin === 'boolean' && !account.isOrg) account.isAdmin = body.isAdmin;
    if (typeof body.isActive === 'boolean' && !account.isOrg) account.isActive = body.isActive;
  }
  return { status: 200, json: accountJson(account) };
}

function teams(
  account: StoredAccount,
  organization: StoredOrganization,
  request: ApiRequest,
  cutOff?: number,
): ApiAnswer {
  const { method, body } = request;
  if (method === 'GET') {
    const { entries, headers } = page(request, [...organization.teams.values()], (team) => team.name, PAGES, cutOff);
    return { status: 200, json: { teams: entries.map((team) => teamJson(account, team)) }, headers };
  }
  if (method !== 'POST') return noHandler();
  const name = (text(body.name) ?? '').trim();
  const description = text(body.description) ?? '';
  if (name === '' || name.length > 100) return invalidField('name', 'must be no longer than 100 characters');
  if (description.length > 140) return invalidField('description', 'must be no longer than 140 characters');
  if (organization.teams.has(name)) {
    return apiError(400, 'TEAM_EXISTS', 'A team with the same name already exists in the organization.');
  }
  // A state of its own creates the team, with an ID.
  const created = new MirantisState().organization(account.name).team(account.name, name, [], { description });
  const team = created.organizations.get(account.name)?.teams.get(name);
  if (team === undefined) return noHandler();
  organization.teams.set(name, team);
  return { status: 201, json: teamJson(account, team) };
}

/** Lists members by ID of the account, or answers for one of them. */
function memberList(
  state: MirantisState,
  request: ApiRequest,
  members: Map<string, StoredMembership>,
  name: string | undefined,
  cutOff?: number,
): ApiAnswer {
  const { method, query, body } = request;
  const json = (member: string): unknown => {
    const account = state.accounts.get(member);
    return { member: account && accountJson(account), ...members.get(member) };
  };
  if (name === undefined) {
    if (method !== 'GET') return noHandler();
    const filter = query.get('filter') || 'all';
    const wanted = [...members].filter(([, { isAdmin }]) => filter === 'all' || (filter === 'admins') === isAdmin);
    const names = wanted.map(([member]) => member);
    const idOf = (member: string): string => state.accounts.get(member)?.id ?? '';
    const { entries, headers } = page(request, names, idOf, PAGES, cutOff);
    return { status: 200, json: { members: entries.map(json) }, headers };
  }
  const account = find(state, name);
  if (account === undefined || account.isOrg) return noSuchAccount(name);
  if (method === 'GET') {
    if (members.has(account.name)) return { status: 200, json: json(account.name) };
    return apiError(404, 'NO_SUCH_MEMBER', 'An user with the given name or ID is not a member.');
  }
  if (method !== 'PUT' && method !== 'PATCH') return noHandler();
  const { isAdmin = false, isPublic = false } = members.get(account.name) ?? {};
  members.set(account.name, {
    isAdmin: typeof body.isAdmin === 'boolean' ? body.isAdmin : isAdmin,
    isPublic: typeof body.isPublic === 'boolean' ? body.isPublic : isPublic,
  });
  return { status: 200, json: json(account.name) };
}

function find({ accounts }: MirantisState, nameOrId: string): StoredAccount | undefined {
  return accounts.get(nameOrId) ?? [...accounts.values()].find(({ id }) => `id:${id}` === nameOrId);
}

function accountJson({ id, name, fullName, isOrg, isAdmin, isActive }: StoredAccount): unknown {
  return { id, name, fullName, isOrg, ...(!isOrg && { isAdmin, isActive }) };
}

function teamJson(
  { id: orgID }: StoredAccount,
  team: { id: string; name: string; description: string; members: { size: number } },
): unknown {
  const { id, name, description, members } = team;
  return { orgID, id, name, description, membersCount: members.size };
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
