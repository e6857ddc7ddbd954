import { Document, isMap, isSeq, visit } from 'yaml';
import * as z from 'zod';
import { isName } from '../base/names.ts';
import { quoted } from '../base/printable.ts';
import { compareText } from '../base/text-order.ts';
import { documentText, YAML_1_1 } from '../base/yaml-text.ts';

/**
 * Document of `access export`: accounts, organizations, teams and rights of a registry. People review and edit it, and
 * `access apply` reads it. It has no field for a password, token, key or hash, and unknown fields are refused.
 */

const VERSION = 'airgap/v1';
const KIND = 'RegistryAccess';

/** Rights to a repository or namespace, in ascending order (Mirantis Secure Registry, "Permission levels"). */
export const ACCESS_LEVELS = ['read-only', 'read-write', 'admin'] as const;
export type AccessLevel = (typeof ACCESS_LEVELS)[number];

/** Maximum entries of one list; more are not a list that people review. */
const MAX_ENTRIES = 200_000;
/** Maximum characters of a full name or a short text, and of a page of Markdown about a repository. */
const TEXT_LIMIT = 4096;
const PAGE_LIMIT = 1024 * 1024;

const account = z.string().refine((text) => isName('account', text), 'is not the name of an account');
const teamName = z.string().refine((text) => isName('team', text), 'is not the name of a team');
const text = z.string().max(TEXT_LIMIT);
const level = z.enum(ACCESS_LEVELS);

const member = z.strictObject({ name: account, isAdmin: z.boolean() });

const user = z.strictObject({ name: account, fullName: text.optional(), isActive: z.boolean(), isAdmin: z.boolean() });

const team = z.strictObject({
  name: teamName,
  description: text.optional(),
  /** Access to all repositories of the organization. */
  namespaceAccess: level.optional(),
  /** A directory (LDAP) decides who is a member: the members are those of the day of the export. */
  ldap: z.literal(true).optional(),
  members: z.array(member).max(MAX_ENTRIES),
});

const organization = z.strictObject({
  name: account,
  fullName: text.optional(),
  members: z.array(member).max(MAX_ENTRIES),
  teams: z.array(team).max(MAX_ENTRIES),
});

/** Settings of a repository; absent ones are unknown to the registry. */
const settings = z.strictObject({
  visibility: z.enum(['public', 'private']).optional(),
  immutableTags: z.boolean().optional(),
  scanOnPush: z.boolean().optional(),
  shortDescription: text.optional(),
  longDescription: z.string().max(PAGE_LIMIT).optional(),
});

const repository = z.strictObject({
  /** Organization or account. */
  namespace: account,
  name: z.string().refine((name) => isName('repository', name) && !name.includes('/'), 'is not a repository name'),
  settings,
  /** Teams of the organization. */
  teams: z.array(z.strictObject({ team: teamName, access: level })).max(MAX_ENTRIES),
  /** Accounts with access to a repository of another account. */
  users: z
    .array(z.strictObject({ account, access: level }))
    .max(MAX_ENTRIES)
    .optional(),
});

const content = z
  .strictObject({
    apiVersion: z.literal(VERSION),
    kind: z.literal(KIND),
    /** Host that it was read from. */
    registry: z.string().refine((host) => isName('registry', host), 'is not HOST[:PORT]'),
    accounts: z.array(user).max(MAX_ENTRIES),
    organizations: z.array(organization).max(MAX_ENTRIES),
    repositories: z.array(repository).max(MAX_ENTRIES),
  })
  .superRefine(checkNames);

type Content = z.infer<typeof content>;
type Path = readonly (string | number)[];

/** Reports names that are listed twice, and names that nothing declares. */
function checkNames({ accounts, organizations, repositories }: Content, context: z.RefinementCtx): void {
  const refuse = (path: Path, message: string): void => context.addIssue({ code: 'custom', path: [...path], message });
  const unique = (path: Path, key: string, names: readonly string[], known = new Set<string>()): Set<string> => {
    for (const [i, name] of names.entries()) {
      if (known.has(name)) refuse([...path, i, key], `${quoted(name)} is listed twice`);
      known.add(name);
    }
    return known;
  };
  const named = (path: Path, entries: readonly { readonly name: string }[], known?: Set<string>): Set<string> =>
    unique(
      path,
      'name',
      entries.map(({ name }) => name),
      known,
    );
  const users = named(['accounts'], accounts);
  // Accounts and organizations share one space of names.
  named(['organizations'], organizations, new Set(users));
  const known = (path: Path, key: string, names: readonly string[]): void => {
    for (const [i, name] of names.entries()) {
      if (!users.has(name)) refuse([...path, i, key], `${quoted(name)} is not an account of this file`);
    }
  };
  const checkMembers = (path: Path, members: readonly { readonly name: string }[]): void => {
    named(path, members);
    known(
      path,
      'name',
      members.map(({ name }) => name),
    );
  };
  const teamsOf = new Map<string, ReadonlySet<string>>();
  for (const [i, { name, members, teams }] of organizations.entries()) {
    const path = ['organizations', i];
    checkMembers([...path, 'members'], members);
    teamsOf.set(name, named([...path, 'teams'], teams));
    for (const [j, each] of teams.entries()) checkMembers([...path, 'teams', j, 'members'], each.members);
  }
  const seen = new Set<string>();
  for (const [i, { namespace, name, teams, users: accessOfUsers = [] }] of repositories.entries()) {
    const path = ['repositories', i];
    const fullName = `${namespace}/${name}`;
    if (seen.has(fullName)) refuse([...path, 'name'], `${quoted(fullName)} is listed twice`);
    seen.add(fullName);
    const ownTeams = teamsOf.get(namespace);
    if (ownTeams === undefined && !users.has(namespace)) {
      refuse([...path, 'namespace'], `${quoted(namespace)} is neither an organization nor an account of this file`);
      continue;
    }
    const teamNames = teams.map((each) => each.team);
    unique([...path, 'teams'], 'team', teamNames);
    for (const [j, each] of teamNames.entries()) {
      if (ownTeams?.has(each)) continue;
      refuse([...path, 'teams', j, 'team'], `${quoted(each)} is not a team of ${quoted(namespace)} in this file`);
    }
    const accountNames = accessOfUsers.map((each) => each.account);
    unique([...path, 'users'], 'account', accountNames);
    known([...path, 'users'], 'account', accountNames);
  }
}

/** Schema of the file's YAML. Other kinds and newer versions give a single error. */
export const accessSchema = z.preprocess((value, context) => {
  const { apiVersion, kind } = Object(value) as { apiVersion?: unknown; kind?: unknown };
  const refuse = (key: string, message: string): unknown => {
    context.addIssue({ code: 'custom', path: [key], message });
    return z.NEVER;
  };
  if (kind !== KIND) return refuse('kind', `is not ${KIND}: this is not a file of access export`);
  if (Number(/^airgap\/v(\d+)$/.exec(String(apiVersion))?.[1]) > 1) {
    return refuse('apiVersion', `${String(apiVersion)} is newer than ${VERSION}, which this helm airgap reads`);
  }
  return value;
}, content);

export type AccessDocument = Readonly<Content>;
export type AccessAccount = AccessDocument['accounts'][number];
export type AccessOrganization = AccessDocument['organizations'][number];
export type AccessTeam = AccessOrganization['teams'][number];
export type AccessMember = AccessTeam['members'][number];
export type AccessRepository = AccessDocument['repositories'][number];

/** Formats the document with sorted lists and one line for each account, member and right: equal rights give equal text. */
export function formatAccess(access: Omit<AccessDocument, 'apiVersion' | 'kind'>): string {
  const { registry, accounts, organizations, repositories } = access;
  const byName = <T extends { readonly name: string }>(entries: readonly T[]): T[] =>
    [...entries].sort((a, b) => compareText(a.name, b.name));
  const sorted = {
    apiVersion: VERSION,
    kind: KIND,
    registry,
    accounts: byName(accounts),
    organizations: byName(organizations).map(({ members, teams, ...rest }) => ({
      ...rest,
      members: byName(members),
      teams: byName(teams).map((each) => ({ ...each, members: byName(each.members) })),
    })),
    repositories: [...repositories]
      .sort((a, b) => compareText(a.namespace, b.namespace) || compareText(a.name, b.name))
      .map(({ teams, users, ...rest }) => ({
        ...rest,
        teams: [...teams].sort((a, b) => compareText(a.team, b.team)),
        ...(users && { users: [...users].sort((a, b) => compareText(a.account, b.account)) }),
      })),
  };
  const document = new Document(sorted, { ...YAML_1_1, aliasDuplicateObjects: false });
  visit(document, {
    Map(_, map, path) {
      const isLeaf = map.items.every(({ value }) => !isSeq(value) && !isMap(value));
      if (isSeq(path.at(-1)) && isLeaf) map.flow = true;
    },
  });
  return `${HEADER}${documentText(document, { flowCollectionPadding: false })}`;
}

const HEADER = `# Accounts, organizations, teams and rights of a registry, as helm airgap access export read them.
# It names people, and has no passwords, tokens or keys. Review it before helm airgap access apply.

`;
