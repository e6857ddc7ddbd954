import type { AccessLevel } from '../../src/inventory/access.ts';
import type { AccessState, AccessWriter } from '../../src/workflows/access/changes.ts';

type Mutable<T> = T extends readonly (infer E)[]
  ? Mutable<E>[]
  : T extends object
    ? { -readonly [K in keyof T]: Mutable<T[K]> }
    : T;

/** A registry's accounts and rights in memory, and the requests that change them. An unknown name is an error. */
export function stateWriter(before: AccessState): { readonly writer: AccessWriter; state(): AccessState } {
  const state = structuredClone(before) as Mutable<AccessState>;
  const required = <T>(found: T | undefined, name: string): T => {
    if (found === undefined) throw new Error(`there is no ${name}`);
    return found;
  };
  const organizationOf = (name: string) =>
    required(
      state.organizations.find((each) => each.name === name),
      name,
    );
  const teamOf = (organization: string, name: string) =>
    required(
      organizationOf(organization).teams.find((each) => each.name === name),
      name,
    );
  const repositoryOf = (namespace: string, name: string) =>
    required(
      state.repositories.find((each) => each.namespace === namespace && each.name === name),
      name,
    );
  const setMember = (list: { name: string; isAdmin: boolean }[], name: string, isAdmin: boolean): void => {
    required(
      state.accounts.find((each) => each.name === name),
      name,
    );
    const found = list.find((each) => each.name === name);
    if (found === undefined) list.push({ name, isAdmin });
    else found.isAdmin = isAdmin;
  };
  const writer: AccessWriter = {
    async createAccount({ name, isOrg, isAdmin = false, isActive = true, fullName, password }) {
      if (isOrg) state.organizations.push({ name, members: [], teams: [] });
      else if (password === undefined || password.length < 40) throw new Error('no long password');
      else state.accounts.push({ name, isAdmin, isActive, ...(fullName !== undefined && { fullName }) });
    },
    async updateAccount(name, changes) {
      Object.assign(
        required(
          state.accounts.find((each) => each.name === name),
          name,
        ),
        changes,
      );
    },
    async setMember(organization, account, isAdmin) {
      setMember(organizationOf(organization).members, account, isAdmin);
    },
    async createTeam(organization, form) {
      organizationOf(organization).teams.push({ ...form, members: [] });
    },
    async updateTeam(organization, team, changes) {
      Object.assign(teamOf(organization, team), changes);
    },
    async setTeamMember(organization, team, account, isAdmin) {
      setMember(teamOf(organization, team).members, account, isAdmin);
    },
    async createRepository(namespace, { name, ...settings }) {
      state.repositories.push({ namespace, name, settings, teams: [] });
    },
    async updateRepository(namespace, name, changes) {
      Object.assign(repositoryOf(namespace, name).settings, changes);
    },
    async setRepositoryTeam(namespace, name, team, level) {
      const repository = repositoryOf(namespace, name);
      const others = repository.teams.filter((right) => right.team !== teamOf(namespace, team).name);
      repository.teams = [...others, { team, access: level as AccessLevel }];
    },
    async setRepositoryUser(namespace, name, account, level) {
      const repository = repositoryOf(namespace, name);
      const others = (repository.users ?? []).filter((right) => right.account !== account);
      repository.users = [...others, { account, access: level as AccessLevel }];
    },
    async setNamespaceTeam(namespace, team, level) {
      teamOf(namespace, team).namespaceAccess = level as AccessLevel;
    },
  };
  return { writer, state: () => state };
}
