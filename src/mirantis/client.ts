import * as z from 'zod';
import { AirgapError } from '../base/errors.ts';
import { checkName } from '../base/names.ts';
import { registerSecret } from '../base/redact.ts';
import type { Account, MirantisClient, Repository } from './api.ts';
import { type ListRequest, readList } from './lists.ts';
import { notFoundError, refusalOf } from './refusals.ts';
import { type ApiOptions, type ApiRequest, createApi, parseResponse } from './requests.ts';
import {
  accountSchema,
  memberSchema,
  repositorySchema,
  syncSchema,
  teamAccessSchema,
  teamSchema,
  userAccessSchema,
} from './responses.ts';

/** Statuses and codes of a registry whose teams are not synced, or that does not know of such teams. */
const NOT_SYNCED_STATUSES: readonly number[] = [404, 405];
const NOT_SYNCED_CODE = 'LDAP_REQUIRED';

/** Creates a client. Nothing is sent before the first call; the login is looked up then. */
export function createMirantisClient(options: ApiOptions): MirantisClient {
  const api = createApi(options);
  const { registry, transport } = options;
  const list = async <S extends z.ZodType>(request: ListRequest<S>): Promise<readonly z.output<S>[]> => {
    const entries = await readList(api, request);
    if (entries !== undefined) return entries;
    throw notFoundError(registry, request.what);
  };
  const write = async (method: ApiRequest['method'], path: string, form: object, what: string): Promise<void> => {
    await api.send({ method, path, form, what });
  };
  const find = async <S extends z.ZodType>(path: string, schema: S, what: string): Promise<z.output<S> | undefined> => {
    const found = await api.find({ method: 'GET', path, what });
    return found && parseResponse(found, schema, what);
  };
  return {
    registry,
    user: () => api.user(),

    listAccounts: async () =>
      list({
        path: ACCOUNTS,
        query: { filter: 'all' },
        isRoot: true,
        field: 'accounts',
        schema: accountSchema,
        keyOf: ({ name }) => name,
        what: `accounts of ${registry}`,
      }),
    async getAccount(name): Promise<Account | undefined> {
      const what = `account ${name}`;
      const found = await api.find({ method: 'GET', path: accountPath(name), what, isFirst: true });
      return found && parseResponse(found, accountSchema, what);
    },
    async createAccount(form) {
      registerSecret(form.password ?? '');
      return write('POST', ACCOUNTS, form, `${form.isOrg ? 'organization' : 'account'} ${form.name}`);
    },
    updateAccount: async (name, changes) => write('PATCH', accountPath(name), changes, `account ${name}`),

    listMembers: async (organization) =>
      list({
        path: `${accountPath(organization)}/members`,
        field: 'members',
        schema: memberSchema,
        keyOf: ({ account }) => account.id,
        what: `members of organization ${organization}`,
      }),
    setMember: async (organization, account, isAdmin) =>
      write(
        'PUT',
        `${accountPath(organization)}/members/${accountSegment(account)}`,
        membershipForm(isAdmin),
        `member ${account} of organization ${organization}`,
      ),

    listTeams: async (organization) =>
      list({
        path: `${accountPath(organization)}/teams`,
        field: 'teams',
        schema: teamSchema,
        keyOf: ({ name }) => name,
        what: `teams of organization ${organization}`,
      }),
    createTeam: async (organization, form) =>
      write('POST', `${accountPath(organization)}/teams`, form, teamTitle(organization, form.name)),
    updateTeam: async (organization, team, changes) =>
      write('PATCH', teamPath(organization, team), changes, teamTitle(organization, team)),
    listTeamMembers: async (organization, team) =>
      list({
        path: `${teamPath(organization, team)}/members`,
        field: 'members',
        schema: memberSchema,
        keyOf: ({ account }) => account.id,
        what: `members of ${teamTitle(organization, team)}`,
      }),
    setTeamMember: async (organization, team, account, isAdmin) =>
      write(
        'PUT',
        `${teamPath(organization, team)}/members/${accountSegment(account)}`,
        membershipForm(isAdmin),
        `member ${account} of ${teamTitle(organization, team)}`,
      ),
    async isTeamSynced(organization, team) {
      const what = `synchronization of ${teamTitle(organization, team)}`;
      try {
        return (await find(`${teamPath(organization, team)}/memberSyncConfig`, syncSchema, what)) ?? false;
      } catch (error) {
        const refusal = refusalOf(error);
        if (refusal?.codes.includes(NOT_SYNCED_CODE) || NOT_SYNCED_STATUSES.includes(refusal?.status ?? 0))
          return false;
        throw error;
      }
    },

    async offersRepositories() {
      const what = `repositories of ${registry}`;
      const request: ApiRequest = { method: 'GET', path: REPOSITORIES, query: { pageSize: '1' }, isRoot: true, what };
      try {
        const found = await api.find(request);
        if (found === undefined) return false;
        parseResponse(found, z.object({ repositories: z.array(repositorySchema).nullable() }), what);
        return true;
      } catch (error) {
        const isOther = error instanceof AirgapError && refusalOf(error) === undefined && !error.isTransient;
        if (isOther && (error.code === 'unsupported' || error.code === 'registry')) return false;
        throw error;
      }
    },
    listRepositories: async (namespace) =>
      list({
        path: namespace === undefined ? REPOSITORIES : `${REPOSITORIES}/${accountSegment(namespace)}`,
        isRoot: namespace === undefined,
        field: 'repositories',
        schema: repositorySchema,
        what: `repositories of ${namespace === undefined ? registry : namespace}`,
      }),
    getRepository: async (namespace, name): Promise<Repository | undefined> =>
      find(repositoryPath(namespace, name), repositorySchema, repositoryTitle(namespace, name)),
    createRepository: async (namespace, form) =>
      write(
        'POST',
        `${REPOSITORIES}/${accountSegment(namespace)}`,
        form,
        repositoryTitle(namespace, repositorySegment(form.name)),
      ),
    updateRepository: async (namespace, name, changes) =>
      write('PATCH', repositoryPath(namespace, name), changes, repositoryTitle(namespace, name)),

    listRepositoryTeams: async (namespace, name) =>
      list({
        path: `${repositoryPath(namespace, name)}/teamAccess`,
        field: 'teamAccessList',
        schema: teamAccessSchema,
        what: `access of teams to ${repositoryTitle(namespace, name)}`,
      }),
    setRepositoryTeam: async (namespace, name, team, level) =>
      write(
        'PUT',
        `${repositoryPath(namespace, name)}/teamAccess/${teamSegment(team)}`,
        { accessLevel: level },
        `access of ${teamTitle(namespace, team)} to ${repositoryTitle(namespace, name)}`,
      ),
    listRepositoryUsers: async (namespace, name) =>
      readList(api, {
        path: `${repositoryPath(namespace, name)}/userAccess`,
        field: 'userAccessList',
        schema: userAccessSchema,
        what: `access of accounts to ${repositoryTitle(namespace, name)}`,
      }),
    setRepositoryUser: async (namespace, name, account, level) =>
      write(
        'PUT',
        `${repositoryPath(namespace, name)}/userAccess/${accountSegment(account)}`,
        { accessLevel: level },
        `access of account ${account} to ${repositoryTitle(namespace, name)}`,
      ),
    listNamespaceTeams: async (namespace) =>
      list({
        path: `${NAMESPACES}/${accountSegment(namespace)}/teamAccess`,
        field: 'teamAccessList',
        schema: teamAccessSchema,
        what: `access of teams to all repositories of ${namespace}`,
      }),
    setNamespaceTeam: async (namespace, team, level) =>
      write(
        'PUT',
        `${NAMESPACES}/${accountSegment(namespace)}/teamAccess/${teamSegment(team)}`,
        { accessLevel: level },
        `access of ${teamTitle(namespace, team)} to all repositories`,
      ),

    close: () => transport.close(),
  };
}

/** Without the flag it stays as it is, false for a new member: the API adds who creates an organization as its administrator. */
function membershipForm(isAdmin: boolean): object {
  return isAdmin ? { isAdmin } : {};
}

const ACCOUNTS = '/enzi/v0/accounts';
const REPOSITORIES = '/api/v0/repositories';
const NAMESPACES = '/api/v0/repositoryNamespaces';

// Names become segments of a path. The grammars refuse `.` and `..`, which URLs resolve, and `id:`, which the API does.
function accountSegment(name: string): string {
  return encodeURIComponent(checkName('account', name, 'name of an account', 'registry'));
}

function teamSegment(name: string): string {
  return encodeURIComponent(checkName('team', name, 'name of a team', 'registry'));
}

function repositorySegment(name: string): string {
  return checkName('repository', name, 'name of a repository', 'registry').replaceAll('/', '%2F');
}

function accountPath(name: string): string {
  return `${ACCOUNTS}/${accountSegment(name)}`;
}

function teamPath(organization: string, team: string): string {
  return `${accountPath(organization)}/teams/${teamSegment(team)}`;
}

function repositoryPath(namespace: string, name: string): string {
  return `${REPOSITORIES}/${accountSegment(namespace)}/${repositorySegment(name)}`;
}

function teamTitle(organization: string, team: string): string {
  return `team ${organization}/${team}`;
}

function repositoryTitle(namespace: string, name: string): string {
  return `repository ${namespace}/${name}`;
}
