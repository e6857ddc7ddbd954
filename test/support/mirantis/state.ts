/** State of the stand-in for Mirantis Secure Registry. Maps keep names in the order of their creation. */

export interface StoredAccount {
  readonly id: string;
  readonly name: string;
  fullName: string;
  readonly isOrg: boolean;
  isAdmin: boolean;
  isActive: boolean;
  /** Of users. Never part of a response. */
  password: string;
}

export interface StoredMembership {
  isAdmin: boolean;
  isPublic: boolean;
}

export interface StoredTeam {
  readonly id: string;
  readonly name: string;
  description: string;
  /** Members are synced with a directory. */
  isSynced: boolean;
  readonly members: Map<string, StoredMembership>;
}

export interface StoredOrganization {
  readonly members: Map<string, StoredMembership>;
  readonly teams: Map<string, StoredTeam>;
  /** Access to all repositories, by name of the team. */
  readonly access: Map<string, string>;
}

export interface StoredRepository {
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  shortDescription: string;
  longDescription: string;
  visibility: string;
  scanOnPush: boolean;
  immutableTags: boolean;
  enableManifestLists: boolean;
  tagLimit: number;
  /** By name of the team. */
  readonly teams: Map<string, string>;
  /** By name of the account; for repositories of accounts. */
  readonly users: Map<string, string>;
}

let ids = 0;
/** Returns an ID as the API has them: a UUID. */
function nextId(): string {
  ids += 1;
  return `00000000-0000-4000-8000-${String(ids).padStart(12, '0')}`;
}

/** Accounts, organizations, teams and repositories. Functions add what tests begin with. */
export class MirantisState {
  readonly accounts = new Map<string, StoredAccount>();
  readonly organizations = new Map<string, StoredOrganization>();
  /** By `namespace/name`. */
  readonly repositories = new Map<string, StoredRepository>();

  user(name: string, { password = `password-of-${name}`, ...rest }: Partial<StoredAccount> = {}): this {
    const facts = { fullName: '', isAdmin: false, isActive: true, ...rest };
    this.accounts.set(name, { ...facts, id: nextId(), name, isOrg: false, password });
    return this;
  }

  /** @param members names; a name that begins with `*` is an administrator of the organization */
  organization(name: string, members: readonly string[] = [], fullName = ''): this {
    const account = { id: nextId(), name, fullName, isOrg: true, isAdmin: false, isActive: true, password: '' };
    this.accounts.set(name, account);
    this.organizations.set(name, { members: memberships(members), teams: new Map(), access: new Map() });
    return this;
  }

  /** @param members as of {@link organization} */
  team(organization: string, name: string, members: readonly string[] = [], facts: Partial<StoredTeam> = {}): this {
    const team = { description: '', isSynced: false, ...facts, id: nextId(), name, members: memberships(members) };
    this.organizations.get(organization)?.teams.set(name, team);
    return this;
  }

  /** @param teams access levels by name of the team */
  repository(
    fullName: string,
    facts: Partial<Omit<StoredRepository, 'teams' | 'users'>> = {},
    teams: Readonly<Record<string, string>> = {},
    users: Readonly<Record<string, string>> = {},
  ): this {
    const [namespace = '', name = ''] = fullName.split('/');
    this.repositories.set(fullName, {
      shortDescription: '',
      longDescription: '',
      visibility: 'private',
      scanOnPush: false,
      immutableTags: false,
      enableManifestLists: false,
      tagLimit: 0,
      ...facts,
      id: nextId(),
      namespace,
      name,
      teams: new Map(Object.entries(teams)),
      users: new Map(Object.entries(users)),
    });
    return this;
  }
}

function memberships(names: readonly string[]): Map<string, StoredMembership> {
  return new Map(
    names.map((name) => [name.replace(/^\*/, ''), { isAdmin: name.startsWith('*'), isPublic: false }] as const),
  );
}
