import { count, firstOf } from '../../base/count.ts';
import type { AccessExport } from '../../workflows/access/export.ts';
import type { Report } from './report.ts';
import { joinLines } from './text.ts';

/** Maximum number of teams, and of things that could not be read, in a report; JSON has all. */
const MAX_TEAMS = 5;
const MAX_UNREAD = 20;

/** Formats what was exported: a table of organizations, totals, and what the export does not have. */
export function accessExportReport({ access, counts, ldapTeams, unread }: AccessExport, file: string): Report {
  const { accounts, organizations, teams, memberships, repositories, rights } = counts;
  const byNamespace = Map.groupBy(access.repositories, ({ namespace }) => namespace);
  const rightsOf = (list: AccessExport['access']['repositories']): number =>
    list.reduce((sum, { teams: ofTeams, users = [] }) => sum + ofTeams.length + users.length, 0);
  const rows = access.organizations.map(({ name, members, teams: own }) => {
    const list = byNamespace.get(name) ?? [];
    byNamespace.delete(name);
    const ofNamespace = own.filter(({ namespaceAccess }) => namespaceAccess !== undefined).length;
    return [name, ...[members.length, own.length, list.length, rightsOf(list) + ofNamespace].map(String)];
  });
  const others = [...byNamespace.values()].flat();
  if (others.length > 0) rows.push(['(accounts)', '', '', ...[others.length, rightsOf(others)].map(String)]);
  rows.sort(([a = ''], [b = '']) => (a < b ? -1 : 1));
  const totals = [
    count(accounts, 'account'),
    count(organizations, 'organization'),
    count(teams, 'team'),
    count(memberships, 'membership'),
    count(repositories, 'repository', 'repositories'),
    count(rights, 'right'),
  ];
  const summary = `${file}: ${totals.join(', ')}, without passwords, tokens or keys`;
  return {
    result: [
      ...(rows.length === 0 ? [] : [{ head: ['ORGANIZATION', 'MEMBERS', 'TEAMS', 'REPOSITORIES', 'RIGHTS'], rows }]),
      joinLines([summary, ...(unread.length === 0 ? [] : unreadLines(unread))]),
    ],
    notes: ldapTeams.length === 0 ? [] : [joinLines([ldapNote(ldapTeams)])],
  };
}

function ldapNote(teams: readonly string[]): string {
  return `the members of ${count(teams.length, 'team')} come from a directory (LDAP): ${firstOf(teams, MAX_TEAMS)}`;
}

function unreadLines(unread: AccessExport['unread']): string[] {
  const more = unread.length > MAX_UNREAD ? [`and ${unread.length - MAX_UNREAD} more (-o json lists all)`] : [];
  return [
    `the export is not complete: ${count(unread.length, 'item')} could not be read`,
    ...unread.slice(0, MAX_UNREAD).map(({ what, reason }) => `${what}: ${reason}`),
    ...more,
  ];
}

/** Returns the JSON document of an export. What was exported is in the file. */
export function accessExportDocument({ access, counts, ldapTeams, unread }: AccessExport, file: string): object {
  return { file, registry: access.registry, counts, ldapTeams, unread };
}
