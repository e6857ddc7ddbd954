import { count } from '../../base/count.ts';
import { collapseWhitespace } from '../../base/printable.ts';
import type { PublicEcrWriting } from '../../workflows/public-ecr/writing/write.ts';
import { shellWord } from './next.ts';
import type { Report } from './report.ts';
import { displayPath, joinLines } from './text.ts';

/**
 * Formats what `public-ecr --write` did, without the diff: what was left and why; as notes the counts, versions and parents.
 * @param cwd folder to which paths of files are relative
 */
export function publicEcrWriteReport(writing: PublicEcrWriting, cwd: string): Report {
  const { isDryRun, files, images, notWritten, versions, parents, unproved } = writing;
  const shown = (path: string): string => displayPath(path, cwd);
  const done = isDryRun ? 'would be changed' : 'changed';
  const rows = notWritten.map(({ reference = '', file, line, reason }) => [
    line === 0 ? shown(file) : `${shown(file)}:${line}`,
    reference,
    collapseWhitespace(reason),
  ]);
  const lines = [
    files.length === 0
      ? 'nothing to change'
      : `${count(images.length, 'image')} from Public ECR now: ${count(files.length, 'file')} ${done}`,
    ...unproved.map((file) => `${shown(file)}: no chart belongs to it, so no renders were compared`),
    ...versions.map(({ name, file, line, version, bumped }) =>
      bumped === undefined
        ? `${shown(file)}:${line}: chart ${name} ${version} needs a new version (--bump patch)`
        : `${shown(file)}:${line}: chart ${name} ${version} becomes ${bumped}`,
    ),
    ...parents.map(({ name, folder, on, through, outdated }) => {
      const follow = outdated.length === 0 ? '' : `; to be updated: ${outdated.join(', ')}`;
      return `${shown(folder) || '.'}: chart ${name} has ${on} by ${through}${follow}`;
    }),
    ...undoLines(writing, cwd),
  ];
  return {
    result: rows.length === 0 ? [] : [{ head: ['NOT CHANGED', 'IMAGE', 'WHY'], rows }],
    notes: [joinLines(lines)],
  };
}

function undoLines({ undo, folder }: PublicEcrWriting, cwd: string): string[] {
  if (undo === undefined) return [];
  const elsewhere = folder === cwd ? '' : `-C ${shellWord(displayPath(folder, cwd))} `;
  const patch = folder === cwd ? displayPath(undo, cwd) : undo;
  return [`to undo: git ${elsewhere}apply ${shellWord(patch)}`];
}

/** Returns the JSON of what was changed; paths in the diff are relative to `folder`. */
export function publicEcrWriteDocument({ isDryRun, ...writing }: PublicEcrWriting): object {
  return { dryRun: isDryRun, ...writing };
}
