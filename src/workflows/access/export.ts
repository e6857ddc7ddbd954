import { count } from '../../base/count.ts';
import { AirgapError } from '../../base/errors.ts';
import { isName } from '../../base/names.ts';
import { pool } from '../../base/pool.ts';
import { printableLine } from '../../base/printable.ts';
import { runStep } from '../../base/step.ts';
import type { AccessDocument } from '../../inventory/access.ts';
import { teamKey } from '../../inventory/principal-map.ts';
import { type Account, type Repository, SYSTEM_ORGANIZATION } from '../../mirantis/api.ts';
import { connectMirantis, type RegistryUse } from '../../session/connect.ts';
import type { Context } from '../../session/context.ts';
import { type AccessReader, accountOf, type ReadOrganization, readOrganizations } from './read-organizations.ts';
import { readRepositories } from './read-repositories.ts';
import { type UnreadItem, UnreadItems } from './unread.ts';

export interface AccessExportOptions extends RegistryUse {
  /** `HOST[:PORT]`. */
  readonly registry: string;
  /** Only these, their members and repositories; all, and those of accounts, if empty. */
  readonly organizations: readonly string[];
}

/** What a registry says about accounts, teams and rights. */
export interface AccessExport {
  readonly access: Omit<AccessDocument, 'apiVersion' | 'kind'>;
  readonly counts: {
    readonly accounts: number;
    readonly organizations: number;
    readonly teams: number;
    /** Memberships in organizations and teams. */
    readonly memberships: number;
    readonly repositories: number;
    /** Rights of teams and accounts to repositories and namespaces. */
    readonly rights: number;
  };
  /** Teams whose members a directory decides, `organization/team`, sorted. */
  readonly ldapTeams: readonly string[];
  /** What could not be read: then the export is not complete. */
  readonly unread: readonly UnreadItem[];
}

/**
 * Reads accounts, organizations, teams, memberships, repositories and rights by the API of Mirantis Secure Registry. What the
 * registry refuses to this login is listed in the result.
 * @throws AirgapError `usage` for an organization that does not exist, and as {@link MirantisClient}; a list that the
 * registry cuts off is an error, so that no short export looks complete
 */
export async function exportAccess(context: Context, options: AccessExportOptions): Promise<AccessExport> {
  const { access, registry, concurrency } = options;
  const client = connectMirantis(context, access, registry);
  const unread = new UnreadItems();
  const reader: AccessReader = { client, unread, concurrency, users: new Map() };
  try {
    const accounts = await runStep(context.emit, `listing the accounts of ${registry}`, () =>
      readAccounts(reader, options.organizations),
    );
    const organizations = await runStep(
      context.emit,
      `reading ${count(accounts.length, 'organization')}`,
      (advance) => readOrganizations(reader, accounts, advance),
      accounts.length,
    );
    const listed = await runStep(context.emit, `listing the repositories of ${registry}`, () =>
      readRepositoryLists(reader, options.organizations),
    );
    const repositories = await runStep(
      context.emit,
      `reading ${count(listed.length, 'repository', 'repositories')}`,
      (advance) => readRepositories(reader, listed, organizations, advance),
      listed.length,
    );
    await checkLogin(reader, organizations, options.organizations.length === 0);
    const content = {
      registry,
      accounts: [...reader.users.values()].map(accountOf),
      organizations: organizations.map(({ organization }) => organization),
      repositories: [...repositories],
    };
    return { access: content, ...summaryOf(content), unread: unread.items };
  } finally {
    await client.close();
  }
}

/** Reads the accounts, and returns the organizations. Users are added to those of the reader. */
async function readAccounts(
  { client, unread, users, concurrency }: AccessReader,
  wanted: readonly string[],
): Promise<readonly Account[]> {
  if (wanted.length > 0) {
    const names = [...new Set(wanted)];
    const found = await pool(names, concurrency, (name) => client.getAccount(name));
    const missing = names.filter((name, i) => found[i]?.isOrg !== true || found[i]?.name !== name);
    if (missing.length === 0) return found as Account[];
    throw new AirgapError('usage', `${client.registry} has no organization ${missing.join(', ')}`, {
      hint: 'check the names given with --organization',
    });
  }
  const accounts = await client.listAccounts();
  const valid = accounts.filter(({ name }) => {
    if (isName('account', name)) return true;
    unread.add(`account ${printableLine(name)}`, 'its name is not valid');
    return false;
  });
  for (const account of valid) if (!account.isOrg) users.set(account.name, account);
  const organizations = valid.filter(({ isOrg, name }) => {
    const isOwn = isOrg && name !== SYSTEM_ORGANIZATION;
    if (isOwn && users.has(name)) unread.add(`organization ${name}`, 'an account has this name, too');
    return isOwn && !users.has(name);
  });
  return [...new Map(organizations.map((account) => [account.name, account])).values()];
}

/**
 * Records that the registry may have hidden something: it leaves repositories out that the login may not see, without a word.
 * A login that is not among the accounts, such as that of a robot, is not judged.
 */
async function checkLogin(
  { client, unread, users }: AccessReader,
  organizations: readonly ReadOrganization[],
  isWhole: boolean,
): Promise<void> {
  const own = users.get((await client.user())?.toLowerCase() ?? '');
  if (own === undefined || own.isAdmin) return;
  const reason = `the login is that of ${own.name}, who is not an administrator`;
  if (isWhole) return unread.add('what only administrators of the registry see', reason);
  for (const { organization } of organizations) {
    const isAdmin = organization.members.some((member) => member.name === own.name && member.isAdmin);
    if (!isAdmin) unread.add(`what only administrators of organization ${organization.name} see`, reason);
  }
}

/** Lists all repositories but those of the system, or those of the wanted organizations; each once. */
async function readRepositoryLists(
  { client, concurrency }: AccessReader,
  wanted: readonly string[],
): Promise<readonly Repository[]> {
  const lists =
    wanted.length === 0
      ? [await client.listRepositories()]
      : await pool([...new Set(wanted)], concurrency, (name) => client.listRepositories(name));
  const repositories = lists.flat().filter(({ namespace }) => wanted.length > 0 || namespace !== SYSTEM_ORGANIZATION);
  return [...new Map(repositories.map((each) => [`${each.namespace}/${each.name}`, each])).values()];
}

function summaryOf({
  accounts,
  organizations,
  repositories,
}: AccessExport['access']): Pick<AccessExport, 'counts' | 'ldapTeams'> {
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
  const teams = organizations.flatMap((organization) => organization.teams.map((team) => ({ organization, team })));
  return {
    counts: {
      accounts: accounts.length,
      organizations: organizations.length,
      teams: teams.length,
      memberships: sum([
        ...organizations.map(({ members }) => members.length),
        ...teams.map(({ team }) => team.members.length),
      ]),
      repositories: repositories.length,
      rights: sum([
        ...teams.map(({ team }) => (team.namespaceAccess === undefined ? 0 : 1)),
        ...repositories.map(({ teams: rights, users = [] }) => rights.length + users.length),
      ]),
    },
    ldapTeams: teams
      .filter(({ team }) => team.ldap)
      .map(({ organization, team }) => teamKey(organization.name, team.name))
      .sort(),
  };
}
