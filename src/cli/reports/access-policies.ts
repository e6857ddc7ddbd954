import { count, firstOf } from '../../base/count.ts';
import type { PolicyOutcome, PolicyResult } from '../../workflows/access/apply-policies.ts';
import type { Report, Table } from './report.ts';
import { joinLines } from './text.ts';

/** Maximum number of names in a line; JSON has all. */
const MAX_SHOWN = 10;

/** Formats changes of repository policies: a table of principals, one of what is not mapped, and a summary. */
export function policiesReport(policies: PolicyResult): Report {
  const { target, isWritten, outcomes, unmapped } = policies;
  const changes = outcomes.flatMap(rowsOf);
  const tables: Table[] = [];
  if (changes.length > 0) {
    tables.push({ head: ['REPOSITORY', 'RIGHT', 'STATUS', 'PRINCIPAL'], rows: changes });
  }
  if (unmapped.length > 0) {
    const rows = unmapped.map(({ kind, name, access, repositories }) => [
      name,
      kind === 'organization' ? 'administrators of the organization' : kind,
      access,
      String(repositories),
    ]);
    tables.push({ head: ['NOT MAPPED', 'KIND', 'HIGHEST RIGHT', 'REPOSITORIES'], rows });
  }
  const number = (status: PolicyOutcome['status']): number =>
    outcomes.filter((outcome) => outcome.status === status).length;
  const done = isWritten ? `${number('changed')} changed` : `${number('planned')} to change`;
  const summary = `${target}: of ${count(outcomes.length, 'policy', 'policies')} ${done}, ${number('same')} as they should be, ${number('missing')} without a repository, ${number('failed')} failed`;
  return {
    result: tables.length === 0 ? [joinLines([summary])] : tables,
    notes: [joinLines([...(tables.length === 0 ? [] : [summary]), ...remarks(policies, number('planned'))])],
  };
}

function rowsOf({ repository, status, change, isNew }: PolicyOutcome): string[][] {
  const shown = { same: 'same', planned: 'to change', changed: 'changed', missing: 'no repository', failed: 'failed' };
  const word = status === 'planned' && isNew ? 'to create' : shown[status];
  if (status === 'same') return [];
  if (change === undefined) return [[repository, '', word]];
  const { principals, rewritten } = change;
  return [
    ...principals.map(({ principal, from = 'none', to = 'none' }) => [
      repository,
      from === 'none' ? to : `${from} -> ${to}`,
      word,
      principal,
    ]),
    ...rewritten.map((sid) => [repository, '', word, `the edited statement ${sid} is written again`]),
  ];
}

function remarks({ isWritten, administrators, inactive, public: open }: PolicyResult, planned: number): string[] {
  const named = (names: readonly string[], text: string): string[] =>
    names.length === 0 ? [] : [`${text}: ${firstOf(names, MAX_SHOWN)}`];
  return [
    ...named(open, 'public at the source, and not made public'),
    ...named(inactive, 'mapped accounts that are not active get no rights'),
    ...named(administrators, 'rights of administrators of the whole registry are not carried'),
    ...(isWritten || planned === 0 ? [] : ['nothing is changed yet: repeat the command with --write']),
  ];
}

/** Returns the JSON document. */
export function policiesDocument({ isWritten, outcomes, target, ...others }: PolicyResult): object {
  const entries = outcomes.map(({ source, repository, status, isNew, change, error }) => ({
    source,
    repository,
    status,
    ...(isNew && { isNew }),
    ...(change && {
      principals: change.principals,
      rewritten: change.rewritten,
      otherStatements: change.others,
      policy: change.text === undefined ? null : (JSON.parse(change.text) as object),
    }),
    ...(error && { reason: error.message }),
  }));
  return { target, written: isWritten, policies: entries, ...others };
}
