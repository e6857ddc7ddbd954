import { AirgapError } from '../../base/errors.ts';
import { isName } from '../../base/names.ts';
import { pool } from '../../base/pool.ts';
import { printableLine } from '../../base/printable.ts';
import {
  ACCESS_LEVELS,
  type AccessAccount,
  type AccessLevel,
  type AccessMember,
  type AccessOrganization,
  type AccessTeam,
} from '../../inventory/access.ts';
import type { Account, Member, MirantisClient, Team, TeamAccess } from '../../mirantis/api.ts';
import type { UnreadItems } from './unread.ts';

/** What reads a registry. */
export interface AccessReader {
  readonly client: MirantisClient;
  readonly unread: UnreadItems;
  /** Requests at the same time. */
  readonly concurrency: number;
  /** Users by name. Members that no list has are added. */
  readonly users: Map<string, Account>;
}

/** An organization as the document has it, and the names of its teams by ID. */
export interface ReadOrganization {
  readonly organization: AccessOrganization;
  readonly teamNames: ReadonlyMap<string, string>;
}

/** Returns an account as the document has it. */
export function accountOf({ name, fullName, isActive, isAdmin }: Account): AccessAccount {
  return { name, ...(fullName !== undefined && { fullName }), isActive, isAdmin };
}

/** Reads members, teams with their members, and the rights to whole namespaces. */
export async function readOrganizations(
  reader: AccessReader,
  accounts: readonly Account[],
  advance: () => void,
): Promise<readonly ReadOrganization[]> {
  const { client, unread, concurrency } = reader;
  const begun = await pool(accounts, concurrency, async (account) => {
    const { name } = account;
    const title = `organization ${name}`;
    const members = await unread.read(`members of ${title}`, () => client.listMembers(name));
    const teams = await unread.read(`teams of ${title}`, () => client.listTeams(name));
    const access = await unread.read(`access of teams to all repositories of ${name}`, () =>
      client.listNamespaceTeams(name),
    );
    return { account, members: members ?? [], teams: validTeams(unread, name, teams ?? []), access: access ?? [] };
  });
  // All teams in one pool: an organization with a thousand teams is not read one by one.
  const teams = begun.flatMap(({ account, teams: list }) => list.map((team) => ({ organization: account.name, team })));
  const read = await pool(teams, concurrency, ({ organization, team }) => readTeam(reader, organization, team));
  const byTeam = new Map(teams.map(({ team }, i) => [team, read[i] as AccessTeam]));
  return begun.map(({ account: { name, fullName }, members, teams: list, access }) => {
    advance();
    const teamNames = new Map(list.map((team) => [team.id, team.name]));
    const levels = rightsOf(unread, `all repositories of ${name}`, access, teamNames);
    return {
      teamNames,
      organization: {
        name,
        ...(fullName !== undefined && { fullName }),
        members: membersOf(reader, `organization ${name}`, members),
        teams: list.map((team): AccessTeam => withAccess(byTeam.get(team) as AccessTeam, levels.get(team.name))),
      },
    };
  });
}

function withAccess({ members, ...team }: AccessTeam, namespaceAccess: AccessLevel | undefined): AccessTeam {
  return { ...team, ...(namespaceAccess !== undefined && { namespaceAccess }), members };
}

/** Leaves out teams whose names the document cannot have. */
function validTeams(unread: UnreadItems, organization: string, teams: readonly Team[]): readonly Team[] {
  return teams.filter(({ name }) => {
    if (isName('team', name)) return true;
    unread.add(`team ${printableLine(`${organization}/${name}`)}`, 'its name is not valid');
    return false;
  });
}

async function readTeam(reader: AccessReader, organization: string, team: Team): Promise<AccessTeam> {
  const { client, unread } = reader;
  const { name, description, memberCount = 0 } = team;
  const title = `team ${organization}/${name}`;
  const members = await unread.read(`members of ${title}`, () => client.listTeamMembers(organization, name));
  if (members !== undefined && members.length < memberCount) {
    throw new AirgapError(
      'registry',
      `${client.registry} cut the list off: it has ${memberCount} entries, and sent ${members.length}`,
      {
        subject: `members of ${title}`,
        hint: 'look for a limit of the registry or of a proxy in front of it, and run it again',
      },
    );
  }
  const isSynced = await unread.read(`synchronization of ${title}`, () => client.isTeamSynced(organization, name));
  return {
    name,
    ...(description !== undefined && { description }),
    ...(isSynced === true && { ldap: true as const }),
    members: membersOf(reader, title, members ?? []),
  };
}

function membersOf({ unread, users }: AccessReader, title: string, members: readonly Member[]): AccessMember[] {
  const names = new Map<string, AccessMember>();
  for (const { account, isAdmin } of members) {
    const { name } = account;
    if (isName('account', name)) {
      names.set(name, { name, isAdmin });
      if (!users.has(name)) users.set(name, account);
    } else unread.add(`member ${printableLine(name)} of ${title}`, 'the name is not valid');
  }
  return [...names.values()];
}

/** Returns access levels by name of the team. Unknown teams and levels are recorded. */
export function rightsOf(
  unread: UnreadItems,
  title: string,
  access: readonly TeamAccess[],
  teamNames: ReadonlyMap<string, string>,
): ReadonlyMap<string, AccessLevel> {
  const known = new Set(teamNames.values());
  const levels = new Map<string, AccessLevel>();
  for (const { teamId, teamName, level } of access) {
    const name = teamNames.get(teamId) ?? teamName ?? '';
    const what = `access of team ${printableLine(name || teamId)} to ${title}`;
    if (!known.has(name)) unread.add(what, 'no team of the organization has this ID');
    else if (!isLevel(level)) unread.addLevel(what, level);
    else levels.set(name, level);
  }
  return levels;
}

export function isLevel(level: string): level is AccessLevel {
  return (ACCESS_LEVELS as readonly string[]).includes(level);
}
