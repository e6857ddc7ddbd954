import { count, firstOf } from '../../base/count.ts';
import { quoted } from '../../base/printable.ts';
import type { AccessResult } from '../../workflows/access/apply-access.ts';
import type { ChangeOutcome } from '../../workflows/access/apply-changes.ts';
import type { AccessChange, FieldChange, LeftOut } from '../../workflows/access/changes.ts';
import type { Report, Table } from './report.ts';
import { joinLines } from './text.ts';

/** Maximum characters of a text in the table; JSON has all. */
const MAX_TEXT = 40;
/** Maximum number of names in a line. */
const MAX_SHOWN = 10;

/** Formats changes at a registry with the same API: a table by kind, one of what is left out, and a summary. */
export function accessReport(result: AccessResult): Report {
  const { target, isWritten, outcomes, leftOut, beyond } = result;
  const tables: Table[] = [];
  if (outcomes.length > 0) {
    const rows = outcomes.map((outcome) => [
      outcome.change.kind,
      nameOf(outcome.change),
      changeText(outcome.change),
      statusText(outcome),
    ]);
    tables.push({ head: ['KIND', 'NAME', 'CHANGE', 'STATUS'], rows });
  }
  if (leftOut.length > 0) {
    const rows = leftOut.map((each) => [nameOf(each), each.kind, each.reason]);
    tables.push({ head: ['NOT APPLIED', 'KIND', 'WHY'], rows });
  }
  const number = (status: ChangeOutcome['status']): number =>
    outcomes.filter((outcome) => outcome.status === status).length;
  const summary =
    outcomes.length === 0
      ? `${target}: nothing to change`
      : isWritten
        ? `${target}: of ${count(outcomes.length, 'change')} ${number('done')} done, ${number('refused')} refused, ${number('skipped')} skipped`
        : `${target}: ${count(outcomes.length, 'change')}`;
  const kept = Object.entries(beyond).map(([what, n]) => count(n, what, pluralOf(what)));
  const created = outcomes.filter(
    ({ change, status }) => change.kind === 'account' && change.action === 'create' && status === 'done',
  ).length;
  const having = (isSuch: (field: FieldChange) => boolean): string[] =>
    outcomes.flatMap(({ change }) => (change.fields.some(isSuch) ? [nameOf(change)] : []));
  const named = (names: readonly string[], text: string): string[] =>
    names.length === 0 ? [] : [`${text}: ${firstOf(names, MAX_SHOWN)}`];
  const notes = [
    ...(tables.length === 0 ? [] : [summary]),
    ...named(having(isMadePublic), 'public, so that everybody may pull'),
    ...named(
      having(({ isLower }) => isLower === true),
      'lower than before',
    ),
    ...(kept.length === 0 ? [] : [`left as it is at the destination: ${kept.join(', ')}`]),
    ...(created === 0
      ? []
      : [`${count(created, 'new account')} with a random password that nobody knows: an administrator sets others`]),
    ...(isWritten || outcomes.length === 0 ? [] : ['nothing is changed yet: repeat the command with --write']),
  ];
  return {
    result: tables.length === 0 ? [joinLines([summary])] : tables,
    notes: notes.length === 0 ? [] : [joinLines(notes)],
  };
}

function nameOf({ name, of }: Pick<LeftOut, 'name' | 'of'>): string {
  return of === undefined ? name : `${name}: ${of}`;
}

function pluralOf(what: string): string {
  if (what.endsWith('access')) return `${what} rights`;
  return what
    .replace(/^(administrator flag|member|team member|team)$/, '$1s')
    .replace(/^existing (\w+) /, 'existing $1s ');
}

function changeText({ action, fields }: AccessChange): string {
  return [...(action === 'create' ? ['new'] : []), ...fields.filter(isShown).map(fieldText)].join(', ');
}

/** Leaves out what is usual for something new: an active account, flags that are not set. */
function isShown({ field, from, to }: FieldChange): boolean {
  return from !== undefined || (field === 'isActive' ? to === false : to !== false);
}

function isMadePublic({ field, to }: FieldChange): boolean {
  return field === 'visibility' && to === 'public';
}

function fieldText({ field, from, to }: FieldChange): string {
  const shown = (value: string | boolean): string => {
    if (typeof value === 'boolean') return String(value);
    if (/^[\w-]{1,40}$/.test(value)) return value;
    return quoted(value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}...` : value);
  };
  if (field === 'access') return from === undefined ? shown(to) : `${shown(from)} -> ${shown(to)}`;
  return from === undefined ? `${field} ${shown(to)}` : `${field} ${shown(from)} -> ${shown(to)}`;
}

function statusText({ status, error, reason }: ChangeOutcome): string {
  const why =
    reason !== undefined || error === undefined
      ? reason
      : [error.reason, error.parts.detail].filter(Boolean).join(': ');
  return why === undefined ? status : `${status}: ${why}`;
}

/** Returns the JSON document. */
export function accessDocument({ target, isWritten, outcomes, leftOut, beyond }: AccessResult): object {
  const changes = outcomes.map(({ change: { kind, action, name, of, fields }, status, error, reason }) => ({
    kind,
    action,
    name,
    ...(of !== undefined && { of }),
    fields,
    status,
    ...(error && { reason: error.message }),
    ...(reason !== undefined && { reason }),
  }));
  return { target, written: isWritten, changes, notApplied: leftOut, left: beyond };
}
