import { count } from '../../base/count.ts';
import { printableLine } from '../../base/printable.ts';
import type { NotKnown } from '../../inventory/state.ts';

/** Maximum number of names in a line, and of groups; JSON has all. */
const MAX_NAMES = 5;
const MAX_GROUPS = 20;

/** Formats what is not known, grouped by reason, with what would settle it. No lines without any. */
export function notKnownLines(entries: readonly NotKnown[] = []): string[] {
  if (entries.length === 0) return [];
  const groups = [
    ...Map.groupBy(entries, ({ chart = '', why, settle = '' }) => [chart, why, settle].join('\n')).values(),
  ];
  const more = groups.length - MAX_GROUPS;
  return [
    `not known, ${count(entries.length, 'entry', 'entries')} that may hide images:`,
    ...groups.slice(0, MAX_GROUPS).flatMap((group) => {
      const [{ chart = '', why, settle } = { why: '' }] = group;
      const all = [...new Set(group.map(({ name }) => name))];
      const others = all.length - MAX_NAMES;
      const names = [...all.slice(0, MAX_NAMES), ...(others > 0 ? [`${others} more`] : [])].join(', ');
      return [
        `  ${printableLine(`${chart === '' ? '' : `${chart}: `}${names}: ${why}`)}`,
        ...(settle === undefined ? [] : [`    ${settle}`]),
      ];
    }),
    ...(more > 0 ? [`  and ${more} more reasons (-o json lists all)`] : []),
  ];
}
