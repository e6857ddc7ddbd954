import {
  type ApiAnswer,
  type ApiRequest,
  apiError,
  invalidField,
  noHandler,
  noSuchAccount,
  noSuchRepository,
  noSuchTeam,
  page,
} from './answers.ts';
import type { MirantisState, StoredRepository } from './state.ts';

const PAGES = { start: 'pageStart', limit: 'pageSize' } as const;
const NAME = /^[a-z0-9]+(?:[._-]+[a-z0-9]+)*$/;
const LEVELS = ['read-only', 'read-write', 'admin'];

/** What differs between versions of the registry. */
export interface Version {
  /** Rights of accounts to repositories of accounts. */
  readonly hasUserAccess: boolean;
  /** Lists of rights name the team, not only its ID. */
  readonly namesTeams: boolean;
}

/** Answers a request below `/api/v0`: repositories and rights. */
export function repositories(state: MirantisState, request: ApiRequest, version: Version, cutOff?: number): ApiAnswer {
  const [root, namespace, name, access, subject] = request.path;
  if (root === 'repositoryNamespaces') return namespaceAccess(state, request, version, cutOff);
  if (root !== 'repositories') return noHandler();
  if (name === undefined) return list(state, request, namespace, cutOff);
  const repository = state.repositories.get(`${namespace}/${name}`);
  if (repository === undefined) return noSuchRepository(`${namespace}/${name}`);
  if (access === undefined) return one(state, repository, request);
  const organization = state.organizations.get(repository.namespace);
  if (access === 'teamAccess' && organization !== undefined) {
    return rights(request, repository.teams, subject, {
      known: (team) => organization.teams.has(team),
      unknown: noSuchTeam,
      listed: (entries) => ({ repository: json(state, repository), teamAccessList: entries }),
      subject: (team) => ({ team: teamJson(state, repository.namespace, team, version) }),
      cutOff,
    });
  }
  if (access === 'userAccess' && organization === undefined && version.hasUserAccess) {
    return rights(request, repository.users, subject, {
      known: (account) => state.accounts.get(account)?.isOrg === false,
      unknown: noSuchAccount,
      listed: (entries) => ({ repository: json(state, repository), userAccessList: entries }),
      subject: (account) => ({ user: { name: account, id: state.accounts.get(account)?.id, isOrg: false } }),
      cutOff,
    });
  }
  return noHandler();
}

function namespaceAccess(state: MirantisState, request: ApiRequest, version: Version, cutOff?: number): ApiAnswer {
  const [, namespace = '', access, subject] = request.path;
  const organization = state.organizations.get(namespace);
  if (organization === undefined) return noSuchAccount(namespace);
  if (access !== 'teamAccess') return noHandler();
  return rights(request, organization.access, subject, {
    known: (team) => organization.teams.has(team),
    unknown: noSuchTeam,
    listed: (entries) => ({ namespace, teamAccessList: entries }),
    subject: (team) => ({ team: teamJson(state, namespace, team, version) }),
    cutOff,
  });
}

interface Rights {
  readonly known: (subject: string) => boolean;
  readonly unknown: (subject: string) => ApiAnswer;
  /** Document of the list. */
  readonly listed: (entries: readonly unknown[]) => unknown;
  readonly subject: (name: string) => object;
  readonly cutOff: number | undefined;
}

function rights(
  request: ApiRequest,
  levels: Map<string, string>,
  name: string | undefined,
  { known, unknown, listed, subject, cutOff }: Rights,
): ApiAnswer {
  const { method, body } = request;
  if (name === undefined) {
    if (method !== 'GET') return noHandler();
    const { entries, headers } = page(request, [...levels], ([key]) => key, PAGES, cutOff);
    const list = entries.map(([key, accessLevel]) => ({ accessLevel, ...subject(key) }));
    return { status: 200, json: listed(list), headers };
  }
  if (!known(name)) return unknown(name);
  if (method === 'DELETE') {
    levels.delete(name);
    return { status: 204 };
  }
  if (method !== 'PUT') return noHandler();
  if (!LEVELS.includes(String(body.accessLevel))) return invalidField('accessLevel', `must be ${LEVELS.join(', ')}`);
  levels.set(name, String(body.accessLevel));
  return { status: 200, json: { accessLevel: body.accessLevel, ...subject(name) } };
}

function list(state: MirantisState, request: ApiRequest, namespace: string | undefined, cutOff?: number): ApiAnswer {
  if (namespace !== undefined && !state.accounts.has(namespace)) return noSuchAccount(namespace);
  if (request.method === 'POST' && namespace !== undefined) return create(state, request, namespace);
  if (request.method !== 'GET') return noHandler();
  const wanted = [...state.repositories.values()].filter(
    (repository) => namespace === undefined || repository.namespace === namespace,
  );
  const { entries, headers } = page(request, wanted, ({ id }) => id, PAGES, cutOff);
  return { status: 200, json: { repositories: entries.map((repository) => json(state, repository)) }, headers };
}

function create(state: MirantisState, { body }: ApiRequest, namespace: string): ApiAnswer {
  const name = String(body.name ?? '');
  if (!NAME.test(name)) return invalidField('name', 'must match the pattern of repository names');
  if (state.repositories.has(`${namespace}/${name}`)) {
    return apiError(400, 'REPOSITORY_EXISTS', 'A repository with the same name already exists.');
  }
  const refused = checkVisibility(body);
  if (refused !== undefined) return refused;
  state.repository(`${namespace}/${name}`);
  const created = state.repositories.get(`${namespace}/${name}`) as StoredRepository;
  change(created, body);
  return { status: 201, json: json(state, created, true) };
}

function one(state: MirantisState, repository: StoredRepository, { method, body }: ApiRequest): ApiAnswer {
  if (method !== 'GET' && method !== 'PATCH') return noHandler();
  if (method === 'PATCH') {
    const refused = checkVisibility(body);
    if (refused !== undefined) return refused;
    change(repository, body);
  }
  return { status: 200, json: json(state, repository, true) };
}

function checkVisibility({ visibility = 'private' }: ApiRequest['body']): ApiAnswer | undefined {
  return visibility === 'public' || visibility === 'private'
    ? undefined
    : invalidField('visibility', 'must be public or private');
}

/** Applies the fields of a form; absent ones stay. */
function change(repository: StoredRepository, body: ApiRequest['body']): void {
  for (const key of ['shortDescription', 'longDescription', 'visibility'] as const) {
    const value = body[key];
    if (typeof value === 'string') repository[key] = value;
  }
  for (const key of ['scanOnPush', 'immutableTags', 'enableManifestLists'] as const) {
    const value = body[key];
    if (typeof value === 'boolean') repository[key] = value;
  }
  if (typeof body.tagLimit === 'number') repository.tagLimit = body.tagLimit;
}

/** A repository as the API writes it. Lists have no long description. */
function json(state: MirantisState, repository: StoredRepository, isLong = false): unknown {
  const { teams: _, users: __, longDescription, ...rest } = repository;
  const namespaceType = state.organizations.has(repository.namespace) ? 'organization' : 'user';
  return { ...rest, namespaceType, ...(isLong && { longDescription }) };
}

function teamJson(state: MirantisState, namespace: string, name: string, { namesTeams }: Version): object {
  const team = state.organizations.get(namespace)?.teams.get(name);
  return { id: team?.id ?? 'unknown', clientUserIsMember: false, ...(namesTeams && { name }) };
}
