import { count } from '../../base/count.ts';
import { collapseWhitespace } from '../../base/printable.ts';
import type { ReplacementPlan } from '../../workflows/image-streams/replacement.ts';
import type { RewriteResult } from '../../workflows/image-streams/rewriting/rewrite-files.ts';
import { shellWord } from './next.ts';
import type { Report } from './report.ts';
import { displayPath, joinLines } from './text.ts';

/** Maximum characters of a text that is shown; JSON and YAML have all. */
const MAX_TEXT = 200;

/**
 * Formats what `image-streams --rewrite` did: each changed line as `FILE:LINE OLD -> NEW`, what still refers to the source and
 * why; as notes the counts and how to take it back.
 * @param cwd folder to which paths of files are relative
 */
export function rewriteReport({ isDryRun, rewrites, left, files, undo }: RewriteResult, cwd: string): Report {
  const shown = (file: string, line: number): string => `${displayPath(file, cwd)}:${line}`;
  const changes = rewrites.map(({ file, line, before, after }) =>
    [shown(file, line), cut(before), '->', cut(after)].join(' '),
  );
  const rows = left.map(({ file, line, object, path, text, reason }) => [
    shown(file, line),
    collapseWhitespace(`${object} ${path}`),
    cut(text),
    collapseWhitespace(reason),
  ]);
  const lines = [
    rewrites.length === 0
      ? 'nothing to change'
      : `${count(rewrites.length, 'name')} in ${count(files.length, 'file')} ${isDryRun ? 'would be changed' : 'changed'}`,
    ...(left.length === 0
      ? []
      : [`${count(left.length, 'text')} still ${left.length === 1 ? 'names' : 'name'} the source`]),
    ...undoLines(undo, cwd),
  ];
  return {
    result: [
      ...(changes.length === 0 ? [] : [joinLines(changes)]),
      ...(rows.length === 0 ? [] : [{ head: ['NOT CHANGED', 'FIELD', 'TEXT', 'WHY'], rows }]),
    ],
    notes: [joinLines(lines)],
  };
}

function cut(text: string): string {
  const line = collapseWhitespace(text);
  return line.length > MAX_TEXT ? `${line.slice(0, MAX_TEXT)}...` : line;
}

function undoLines(undo: RewriteResult['undo'], cwd: string): string[] {
  if (undo === undefined) return [];
  const { folder, path } = undo;
  const elsewhere = folder === cwd ? '' : `-C ${shellWord(displayPath(folder, cwd))} `;
  return [`to undo: git ${elsewhere}apply ${shellWord(folder === cwd ? displayPath(path, cwd) : path)}`];
}

/** Returns the JSON of what was changed, and what was not. */
export function rewriteDocument({ isDryRun, rewrites, left, files, undo }: RewriteResult): object {
  return {
    dryRun: isDryRun,
    files,
    ...(undo && { undo: undo.path, folder: undo.folder }),
    changes: rewrites,
    notChanged: left,
  };
}

/** Returns the JSON of what replaces the source's registry. */
export function replacementDocument({ source, destination, namespaces, replacements }: ReplacementPlan): object {
  return { source, destination, namespaces, replacements };
}
