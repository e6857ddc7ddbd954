import { AirgapError } from '../../base/errors.ts';
import { pool } from '../../base/pool.ts';
import {
  ACCESS_LEVELS,
  type AccessDocument,
  type AccessLevel,
  type AccessOrganization,
  type AccessRepository,
} from '../../inventory/access.ts';
import type { Account, MirantisClient, Repository, Team } from '../../mirantis/api.ts';
import type { AccessState } from './changes.ts';

/**
 * Reads all accounts of a registry, and of what a document names: organizations with their members and teams, repositories
 * with their settings and rights.
 * @param concurrency requests at the same time
 * @throws AirgapError of the client
 */
export async function readState(
  client: MirantisClient,
  document: AccessDocument,
  concurrency: number,
): Promise<AccessState> {
  const accounts = await client.listAccounts('all');
  const named = new Set(document.organizations.map(({ name }) => name));
  const organizations = accounts.filter(({ isOrg }) => isOrg);
  const teamsOf = new Map<string, readonly Team[]>();
  const read = await pool(organizations, concurrency, async ({ name, fullName }): Promise<AccessOrganization> => {
    const head = { name, ...(fullName && { fullName }) };
    if (!named.has(name)) return { ...head, members: [], teams: [] };
    const [members, teams] = [await client.listMembers(name), await client.listTeams(name)];
    teamsOf.set(name, teams);
    return { ...head, members: membersOf(members), teams: await readTeams(client, document, name, teams) };
  });
  return {
    accounts: accounts.filter(({ isOrg }) => !isOrg).map(accountOf),
    organizations: read,
    repositories: await readRepositories(client, document, teamsOf, concurrency),
  };
}

function accountOf({ name, fullName, isActive, isAdmin }: Account): AccessState['accounts'][number] {
  return { name, ...(fullName && { fullName }), isActive, isAdmin };
}

function membersOf(members: Awaited<ReturnType<MirantisClient['listMembers']>>): AccessOrganization['members'] {
  return members.map(({ account: { name }, isAdmin }) => ({ name, isAdmin }));
}

async function readTeams(
  client: MirantisClient,
  { organizations }: AccessDocument,
  organization: string,
  teams: readonly Team[],
): Promise<AccessOrganization['teams']> {
  const named = new Set(organizations.find(({ name }) => name === organization)?.teams.map(({ name }) => name));
  const access = rightsByTeam(teams, await client.listNamespaceTeams(organization), organization);
  const read: AccessOrganization['teams'] = [];
  for (const { name, description } of teams) {
    const namespaceAccess = access.get(name);
    const head = { name, ...(description && { description }), ...(namespaceAccess && { namespaceAccess }) };
    if (!named.has(name)) read.push({ ...head, members: [] });
    else {
      const members = membersOf(await client.listTeamMembers(organization, name));
      const isSynced = await client.isTeamSynced(organization, name);
      read.push({ ...head, ...(isSynced && { ldap: true as const }), members });
    }
  }
  return read;
}

async function readRepositories(
  client: MirantisClient,
  document: AccessDocument,
  teamsOf: ReadonlyMap<string, readonly Team[]>,
  concurrency: number,
): Promise<AccessRepository[]> {
  const existing = new Map((await client.listRepositories()).map((each) => [`${each.namespace}/${each.name}`, each]));
  const wanted = document.repositories.flatMap((each) => {
    const found = existing.get(`${each.namespace}/${each.name}`);
    return found === undefined ? [] : [{ found, hasPage: each.settings.longDescription !== undefined }];
  });
  return pool(wanted, concurrency, async ({ found, hasPage }) => {
    const { namespace, name } = found;
    // Lists have no long descriptions.
    const settings = settingsOf(hasPage ? ((await client.getRepository(namespace, name)) ?? found) : found);
    const teams = teamsOf.get(namespace);
    if (teams === undefined) {
      const users = (await client.listRepositoryUsers(namespace, name)) ?? [];
      const rights = users.map(({ account, level }) => ({ account, access: levelOf(level, `${namespace}/${name}`) }));
      return { namespace, name, settings, teams: [], users: rights };
    }
    const access = rightsByTeam(teams, await client.listRepositoryTeams(namespace, name), `${namespace}/${name}`);
    return { namespace, name, settings, teams: [...access].map(([team, level]) => ({ team, access: level })) };
  });
}

function settingsOf(repository: Repository): AccessRepository['settings'] {
  const { visibility, immutableTags, scanOnPush, shortDescription, longDescription } = repository;
  return { visibility, immutableTags, scanOnPush, shortDescription, longDescription };
}

/** Returns rights by name of the team: newer registries give only the IDs. */
function rightsByTeam(
  teams: readonly Team[],
  rights: Awaited<ReturnType<MirantisClient['listRepositoryTeams']>>,
  subject: string,
): ReadonlyMap<string, AccessLevel> {
  const names = new Map(teams.map(({ id, name }) => [id, name]));
  return new Map(
    rights.flatMap(({ teamId, teamName, level }) => {
      const name = names.get(teamId) ?? teamName;
      return name === undefined ? [] : [[name, levelOf(level, subject)] as const];
    }),
  );
}

/** @throws AirgapError `unsupported` for a right that this tool does not know */
function levelOf(level: string, subject: string): AccessLevel {
  const found = ACCESS_LEVELS.find((known) => known === level);
  if (found !== undefined) return found;
  throw new AirgapError('unsupported', `the registry has a right that is none of ${ACCESS_LEVELS.join(', ')}`, {
    subject,
    detail: level,
  });
}
