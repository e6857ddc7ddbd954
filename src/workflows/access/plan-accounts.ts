import { randomBytes } from 'node:crypto';
import {
  ACCESS_LEVELS,
  type AccessAccount,
  type AccessLevel,
  type AccessMember,
  type AccessOrganization,
  type AccessTeam,
} from '../../inventory/access.ts';
import { teamKey } from '../../inventory/principal-map.ts';
import { SYSTEM_ORGANIZATION } from '../../mirantis/api.ts';
import {
  type AccessState,
  type AccessWriter,
  changeKey,
  type FieldChange,
  type PlanCollector,
  type PlanOptions,
} from './changes.ts';

/** Bytes of a password that nobody knows. */
const PASSWORD_BYTES = 48;

/** Returns the organizations that are applied: not the registry's own, and none whose name is an account's. */
export function applicableOrganizations(
  document: AccessState,
  state: AccessState,
  plan: PlanCollector,
): readonly AccessOrganization[] {
  const accounts = new Set(state.accounts.map(({ name }) => name));
  return document.organizations.filter(({ name }) => {
    if (name === SYSTEM_ORGANIZATION) plan.omit('organization', name, 'it belongs to the registry itself');
    else if (accounts.has(name)) plan.omit('organization', name, 'the destination has an account of this name');
    else return true;
    return false;
  });
}

/** Plans accounts. Those that exist stay as they are, but for the flag of administrators. */
export function planAccounts(
  document: AccessState,
  state: AccessState,
  { includeAdmins, searchLdap }: PlanOptions,
  plan: PlanCollector,
): void {
  const existing = new Map(state.accounts.map((account) => [account.name, account]));
  const organizations = new Set(state.organizations.map(({ name }) => name));
  for (const account of document.accounts) {
    const { name, isAdmin } = account;
    const found = existing.get(name);
    if (organizations.has(name)) {
      plan.omit('account', name, 'the destination has an organization of this name');
      plan.clashing.add(name);
      continue;
    }
    if (isAdmin && !includeAdmins && !found?.isAdmin) {
      const reason = found === undefined ? 'it is created without the rights of' : 'it does not become';
      plan.omit('account', name, `${reason} an administrator of the registry (--include-admins)`);
    }
    if (found === undefined) planNewAccount(account, isAdmin && includeAdmins, searchLdap, plan);
    else {
      if (isAdmin && includeAdmins && !found.isAdmin) planAdministrator(name, plan);
      if (found.isAdmin && !isAdmin) plan.leave('administrator flag');
      if (found.isActive !== account.isActive || (account.fullName ?? '') !== (found.fullName ?? '')) {
        plan.leave('existing account with another name or state');
      }
    }
  }
}

function planNewAccount(
  { name, fullName, isActive }: AccessAccount,
  isAdmin: boolean,
  searchLDAP: boolean,
  plan: PlanCollector,
): void {
  plan.add({
    kind: 'account',
    action: 'create',
    name,
    fields: [
      ...(fullName === undefined ? [] : [{ field: 'fullName', to: fullName }]),
      { field: 'isActive', to: isActive },
      { field: 'isAdmin', to: isAdmin },
    ],
    needs: [],
    // The API demands a password or a directory. Nobody gets to know this one, so that someone has to set another.
    write: (client) =>
      client.createAccount({
        name,
        ...(fullName !== undefined && { fullName }),
        isOrg: false,
        isAdmin,
        isActive,
        ...(searchLDAP ? { searchLDAP } : { password: randomBytes(PASSWORD_BYTES).toString('base64url') }),
      }),
  });
}

function planAdministrator(name: string, plan: PlanCollector): void {
  plan.add({
    kind: 'account',
    action: 'change',
    name,
    fields: [{ field: 'isAdmin', from: false, to: true }],
    needs: [],
    write: (client) => client.updateAccount(name, { isAdmin: true }),
  });
}

/** Plans an organization, its members, its teams and their members. */
export function planOrganization(
  organization: AccessOrganization,
  found: AccessOrganization | undefined,
  plan: PlanCollector,
): void {
  const { name, fullName, members, teams } = organization;
  const key = changeKey('organization', name);
  if (found === undefined) {
    plan.add({
      kind: 'organization',
      action: 'create',
      name,
      fields: fullName === undefined ? [] : [{ field: 'fullName', to: fullName }],
      needs: [],
      write: (client) => client.createAccount({ name, ...(fullName !== undefined && { fullName }), isOrg: true }),
    });
  } else if ((fullName ?? '') !== (found.fullName ?? '')) plan.leave('existing organization with another full name');
  planMembers('member', name, [key], members, found?.members ?? [], plan, (client, account, isAdmin) =>
    client.setMember(name, account, isAdmin),
  );
  const existing = new Map((found?.teams ?? []).map((team) => [team.name, team]));
  for (const team of teams) planTeam(name, key, team, existing.get(team.name), plan);
  const own = new Set(teams.map((team) => team.name));
  plan.leave('team', [...existing.keys()].filter((team) => !own.has(team)).length);
}

function planTeam(
  organization: string,
  organizationKey: string,
  { name, description = '', members, ldap, namespaceAccess }: AccessTeam,
  found: AccessTeam | undefined,
  plan: PlanCollector,
): void {
  const fullName = teamKey(organization, name);
  const key = changeKey('team', fullName);
  const form = { name, ...(description !== '' && { description }) };
  if (found === undefined) {
    plan.add({
      kind: 'team',
      action: 'create',
      name: fullName,
      fields: description === '' ? [] : [{ field: 'description', to: description }],
      needs: [organizationKey],
      write: (client) => client.createTeam(organization, form),
    });
  } else if (description !== '' && description !== (found.description ?? '')) {
    plan.add({
      kind: 'team',
      action: 'change',
      name: fullName,
      fields: [{ field: 'description', from: found.description ?? '', to: description }],
      needs: [],
      write: (client) => client.updateTeam(organization, name, { description }),
    });
  }
  if (found?.ldap || ldap) {
    const where = found?.ldap ? 'the destination gets its members' : 'the source got its members';
    if (members.length > 0) plan.omit('team member', fullName, `${where} from a directory (LDAP)`);
  } else {
    planMembers('team member', fullName, [key], members, found?.members ?? [], plan, (client, account, isAdmin) =>
      client.setTeamMember(organization, name, account, isAdmin),
    );
  }
  planRight(
    { kind: 'namespace access', name: organization, of: name, needs: [key] },
    namespaceAccess,
    found?.namespaceAccess,
    plan,
    (client, level) => client.setNamespaceTeam(organization, name, level),
  );
}

function planMembers(
  kind: 'member' | 'team member',
  name: string,
  needs: readonly string[],
  members: readonly AccessMember[],
  existing: readonly AccessMember[],
  plan: PlanCollector,
  write: (client: AccessWriter, account: string, isAdmin: boolean) => Promise<void>,
): void {
  const found = new Map(existing.map((member) => [member.name, member]));
  for (const { name: account, isAdmin } of members) {
    if (plan.clashing.has(account)) {
      plan.omit(kind, name, 'the account is left out', account);
      continue;
    }
    const own = found.get(account);
    if (own?.isAdmin && !isAdmin) plan.leave('administrator flag');
    if (own !== undefined && (own.isAdmin || !isAdmin)) continue;
    plan.add({
      kind,
      action: own === undefined ? 'create' : 'change',
      name,
      of: account,
      fields: own === undefined && !isAdmin ? [] : [{ field: 'isAdmin', ...(own && { from: false }), to: isAdmin }],
      needs: [...needs, changeKey('account', account)],
      write: (client) => write(client, account, isAdmin),
    });
  }
  const own = new Set(members.map((member) => member.name));
  plan.leave(kind, existing.filter((member) => !own.has(member.name)).length);
}

/** Plans a right. One that the document does not have is left. */
export function planRight(
  change: {
    readonly kind: 'namespace access' | 'team access' | 'account access';
    readonly name: string;
    readonly of: string;
    readonly needs: readonly string[];
  },
  wanted: AccessLevel | undefined,
  found: AccessLevel | undefined,
  plan: PlanCollector,
  write: (client: AccessWriter, level: string) => Promise<void>,
): void {
  if (wanted === undefined) {
    if (found !== undefined) plan.leave(change.kind);
    return;
  }
  if (wanted === found) return;
  const isLower = found !== undefined && ACCESS_LEVELS.indexOf(wanted) < ACCESS_LEVELS.indexOf(found);
  const from = found !== undefined && { from: found };
  const field: FieldChange = { field: 'access', ...from, to: wanted, ...(isLower && { isLower }) };
  plan.add({
    ...change,
    action: found === undefined ? 'create' : 'change',
    fields: [field],
    write: (client) => write(client, wanted),
  });
}
