import type { AccessDocument, AccessLevel, AccessOrganization, AccessRepository } from '../../inventory/access.ts';
import { ACCESS_LEVELS } from '../../inventory/access.ts';
import { type PrincipalMap, teamKey } from '../../inventory/principal-map.ts';

/** A team, an account or the administrators of an organization. Teams are named `ORGANIZATION/TEAM`. */
interface Holder {
  readonly kind: 'team' | 'account' | 'organization';
  readonly name: string;
}

/** A holder of rights that no principal stands for. */
export interface UnmappedHolder extends Holder {
  /** Number of repositories to which it has rights. */
  readonly repositories: number;
  /** Its highest right to one of them. */
  readonly access: AccessLevel;
}

/** Rights of principals to a repository of the document. */
export interface RepositoryRights {
  readonly repository: AccessRepository;
  /** Highest right of each principal, by ARN in their order. */
  readonly principals: ReadonlyMap<string, AccessLevel>;
}

export interface MappedRights {
  readonly repositories: readonly RepositoryRights[];
  readonly unmapped: readonly UnmappedHolder[];
  /** Mapped accounts that are not active at the source. They get nothing. */
  readonly inactive: readonly string[];
}

/**
 * Returns the rights that a map gives principals to the repositories of a document. A holder gets what it has at the source,
 * and a principal the highest right of the holders that it stands for:
 * - a team: its rights to repositories, and to the namespace of its organization
 * - an account: its own repositories (admin), rights given to it alone, and those of its teams and organizations
 * - an organization: the rights of its administrators, who are admin of all its repositories
 *
 * A team whose members are all mapped counts as mapped, unless a directory decides who they are. Rights of the registry's
 * administrators are not included.
 */
export function mappedRights(document: AccessDocument, map: PrincipalMap): MappedRights {
  const organizations = new Map(document.organizations.map((each) => [each.name, each]));
  const inactive = new Set(document.accounts.filter(({ isActive }) => !isActive).map(({ name }) => name));
  const unmapped = new Map<string, UnmappedHolder>();
  const isCovered = (members: AccessOrganization['members']): boolean => {
    const active = members.filter(({ name }) => !inactive.has(name));
    return active.length > 0 && active.every(({ name }) => map.accounts.has(name));
  };
  const rightsTo = (repository: AccessRepository): RepositoryRights => {
    const principals = new Map<string, AccessLevel>();
    const missing = new Map<string, Holder & { readonly access: AccessLevel }>();
    const grant = (arns: readonly string[], access: AccessLevel): void => {
      for (const arn of arns) principals.set(arn, higher(principals.get(arn), access));
    };
    const grantAccounts = (names: readonly string[], access: AccessLevel): void => {
      for (const name of names) if (!inactive.has(name)) grant(map.accounts.get(name) ?? [], access);
    };
    const lack = (holder: Holder, access: AccessLevel): void => {
      const key = `${holder.kind} ${holder.name}`;
      missing.set(key, { ...holder, access: higher(missing.get(key)?.access, access) });
    };
    const { namespace } = repository;
    const organization = organizations.get(namespace);
    if (organization === undefined) {
      grantAccounts([namespace], 'admin');
      if (!map.accounts.has(namespace) && !inactive.has(namespace)) lack({ kind: 'account', name: namespace }, 'admin');
    } else {
      const admins = organization.members.filter(({ isAdmin }) => isAdmin);
      grant(map.organizations.get(namespace) ?? [], 'admin');
      grantAccounts(
        admins.map(({ name }) => name),
        'admin',
      );
      const hasActive = admins.some(({ name }) => !inactive.has(name));
      if (hasActive && !map.organizations.has(namespace) && !isCovered(admins)) {
        lack({ kind: 'organization', name: namespace }, 'admin');
      }
      for (const { team, access } of teamRights(repository, organization)) {
        const { members = [], ldap = false } = organization.teams.find(({ name }) => name === team) ?? {};
        const key = teamKey(namespace, team);
        grant(map.teams.get(key) ?? [], access);
        grantAccounts(
          members.map(({ name }) => name),
          access,
        );
        if (!map.teams.has(key) && (ldap || !isCovered(members))) lack({ kind: 'team', name: key }, access);
      }
    }
    for (const { account, access } of repository.users ?? []) {
      grantAccounts([account], access);
      if (!map.accounts.has(account) && !inactive.has(account)) lack({ kind: 'account', name: account }, access);
    }
    for (const [key, holder] of missing) {
      const { repositories = 0, access } = unmapped.get(key) ?? {};
      unmapped.set(key, { ...holder, repositories: repositories + 1, access: higher(access, holder.access) });
    }
    return { repository, principals: new Map([...principals].sort(([a], [b]) => (a < b ? -1 : 1))) };
  };
  return {
    repositories: document.repositories.map(rightsTo),
    unmapped: [...unmapped.values()],
    inactive: [...map.accounts.keys()].filter((name) => inactive.has(name)),
  };
}

/** Returns the rights of teams to a repository: to it alone, and to the namespace. */
function teamRights(
  { teams }: AccessRepository,
  organization: AccessOrganization,
): readonly { readonly team: string; readonly access: AccessLevel }[] {
  const ofNamespace = organization.teams.flatMap(({ name, namespaceAccess }) =>
    namespaceAccess === undefined ? [] : [{ team: name, access: namespaceAccess }],
  );
  return [...teams, ...ofNamespace];
}

function higher(a: AccessLevel | undefined, b: AccessLevel): AccessLevel {
  return a === undefined || ACCESS_LEVELS.indexOf(a) < ACCESS_LEVELS.indexOf(b) ? b : a;
}
