/**
 * Accounts, teams, repositories and rights as the API of Mirantis Secure Registry (formerly Docker Trusted Registry) has
 * them: accounts and teams under `/enzi/v0`, repositories and rights under `/api/v0`. Fields that this tool does not need
 * are not read, so that nothing secret gets further than the response.
 */

/** Organization of the system itself, which every registry has. */
export const SYSTEM_ORGANIZATION = 'docker-datacenter';

/** A user or an organization. */
export interface Account {
  readonly id?: string;
  readonly name: string;
  readonly fullName?: string;
  readonly isOrg: boolean;
  /** System administrator. False for organizations. */
  readonly isAdmin: boolean;
  /** May log in. True for organizations. */
  readonly isActive: boolean;
}

/** Form of a new account. */
interface NewAccount {
  readonly name: string;
  readonly fullName?: string;
  readonly isOrg: boolean;
  /** For users. */
  readonly isAdmin?: boolean;
  readonly isActive?: boolean;
  /** The API demands one for a user, unless it searches its directory. Is not logged. */
  readonly password?: string;
  /** Takes the user from the directory (LDAP) of the registry. */
  readonly searchLDAP?: boolean;
}

/** Changes of an account; absent fields stay. */
type AccountChanges = Pick<NewAccount, 'fullName' | 'isAdmin' | 'isActive'>;

/** A user in an organization or team. */
export interface Member {
  readonly account: Account;
  /** Administrator of the organization or team. */
  readonly isAdmin: boolean;
}

export interface Team {
  readonly id: string;
  readonly name: string;
  readonly description?: string;
  /** Number of members that the API states. */
  readonly memberCount?: number;
}

interface NewTeam {
  readonly name: string;
  readonly description?: string;
}

/** Settings of a repository; absent ones are unknown to this version of the registry. */
export interface RepositorySettings {
  readonly visibility?: 'public' | 'private';
  readonly immutableTags?: boolean;
  readonly scanOnPush?: boolean;
  readonly shortDescription?: string;
  /** Markdown. Lists of repositories leave it out. */
  readonly longDescription?: string;
}

export interface Repository extends RepositorySettings {
  readonly namespace: string;
  readonly name: string;
}

interface NewRepository extends RepositorySettings {
  readonly name: string;
}

/** Access of a team. Newer registries give the ID only. */
export interface TeamAccess {
  readonly teamId: string;
  readonly teamName?: string;
  /** As the registry writes it: `read-only`, `read-write` or `admin`. */
  readonly level: string;
}

/** Access of an account to a repository of another account. */
export interface UserAccess {
  readonly account: string;
  readonly level: string;
}

/**
 * Client of one registry. Lists are read to their end; a list that the registry cuts off is an error.
 *
 * Every function throws AirgapError `unauthorized`, `forbidden`, `registry`, `network`, or `unsupported` if the host does
 * not offer this API. `refusalOf` (refusals.ts) tells how the registry refused. Functions that say so return undefined for 404.
 */
export interface MirantisClient {
  readonly registry: string;
  /** Returns the name of the account that logs in; undefined for a bearer token. */
  user(): Promise<string | undefined>;

  /** Lists users and organizations. */
  listAccounts(): Promise<readonly Account[]>;
  /** Returns undefined if there is none. */
  getAccount(name: string): Promise<Account | undefined>;
  createAccount(form: NewAccount): Promise<void>;
  updateAccount(name: string, changes: AccountChanges): Promise<void>;

  listMembers(organization: string): Promise<readonly Member[]>;
  /** Adds a user, or makes a member an administrator. No administrator loses the flag. */
  setMember(organization: string, account: string, isAdmin: boolean): Promise<void>;

  listTeams(organization: string): Promise<readonly Team[]>;
  createTeam(organization: string, form: NewTeam): Promise<void>;
  updateTeam(organization: string, team: string, changes: Pick<NewTeam, 'description'>): Promise<void>;
  listTeamMembers(organization: string, team: string): Promise<readonly Member[]>;
  setTeamMember(organization: string, team: string, account: string, isAdmin: boolean): Promise<void>;
  /** Returns whether a directory (LDAP) decides who is a member of the team. */
  isTeamSynced(organization: string, team: string): Promise<boolean>;

  /** Returns whether the host offers this API, as far as repositories go. */
  offersRepositories(): Promise<boolean>;
  /** Lists the repositories of a namespace, or all. Without long descriptions. */
  listRepositories(namespace?: string): Promise<readonly Repository[]>;
  /** Returns undefined if there is none. */
  getRepository(namespace: string, name: string): Promise<Repository | undefined>;
  createRepository(namespace: string, form: NewRepository): Promise<void>;
  updateRepository(namespace: string, name: string, changes: RepositorySettings): Promise<void>;

  /** Lists the teams with access to a repository of an organization. */
  listRepositoryTeams(namespace: string, name: string): Promise<readonly TeamAccess[]>;
  setRepositoryTeam(namespace: string, name: string, team: string, level: string): Promise<void>;
  /** Lists the accounts with access to a repository of an account; undefined if the registry has no such rights. */
  listRepositoryUsers(namespace: string, name: string): Promise<readonly UserAccess[] | undefined>;
  setRepositoryUser(namespace: string, name: string, account: string, level: string): Promise<void>;
  /** Lists the teams with access to all repositories of an organization. */
  listNamespaceTeams(namespace: string): Promise<readonly TeamAccess[]>;
  setNamespaceTeam(namespace: string, team: string, level: string): Promise<void>;

  /** Closes all connections. */
  close(): Promise<void>;
}

/** How the registry refused a request. */
export interface ApiRefusal {
  readonly status: number;
  /** Error codes of the response, such as `LDAP_PRECLUDES` or `ACCOUNT_EXISTS`. */
  readonly codes: readonly string[];
}
