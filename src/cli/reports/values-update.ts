import { count, firstOf } from '../../base/count.ts';
import type { UpdateResult } from '../../workflows/values/update-kustomizations.ts';
import type { Report } from './report.ts';
import { joinLines } from './text.ts';
import { onPurposeText } from './values.ts';

/** Maximum number of names in a line; JSON has all. */
const MAX_NAMES = 5;

/** Formats what was set in kustomizations. Notes: what the entries do not redirect. */
export function updateReport({ kustomizations, left, allowed }: Omit<UpdateResult, 'decisions'>): Report {
  const lines = kustomizations.map(({ shown, isChanged, set, kept, usedBy }) => {
    if (usedBy !== undefined) return `${shown}: left as it is, ${usedBy} builds on it and has the entries`;
    const keptText = kept.length === 0 ? '' : `; as they are on purpose: ${firstOf(kept, MAX_NAMES)}`;
    if (!isChanged) return `${shown}: nothing to change${keptText}`;
    return `${shown}: ${count(set.length, 'image')} set, ${firstOf(set, MAX_NAMES)}${keptText}`;
  });
  const notes = [...allowed.map(onPurposeText), ...left.map((reason) => `left out: ${reason}`)];
  return { result: [joinLines(lines)], notes: notes.length === 0 ? [] : [joinLines(notes)] };
}
