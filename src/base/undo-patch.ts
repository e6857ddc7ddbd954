import { existsSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { AirgapError } from './errors.ts';
import { replaceFiles } from './replace-files.ts';
import { type FileChange, undoPatch } from './unified-diff.ts';

/** Changes of files, and the folder (absolute) to which their paths are relative: patches apply there. */
export interface ChangedFiles {
  readonly folder: string;
  readonly changes: readonly FileChange[];
}

/** Returns changes with paths relative to the working folder if all files are below it, else to the deepest folder that has all. */
export function changedFiles(
  /** By absolute path, in the order of the result. */
  texts: ReadonlyMap<string, Pick<FileChange, 'before' | 'after'>>,
  cwd: string,
): ChangedFiles {
  const folder = commonFolder([...texts.keys()], cwd);
  const changes = [...texts].map(([path, { before, after }]): FileChange => {
    return { path: relative(folder, path).split(sep).join('/'), before, after };
  });
  return { folder, changes };
}

/** @throws AirgapError `output-exists` if there is a patch of an earlier run, which this one would replace */
export function refuseExistingPatch(undo: string): void {
  if (!existsSync(undo)) return;
  throw new AirgapError('output-exists', `${undo} already exists, so nothing was written`, {
    hint: 'it takes an earlier run back: move it away, or name another file with --undo FILE',
  });
}

/**
 * Writes files and the patch that takes the changes back, all or none.
 * @param undo absolute path of the patch
 * @throws AirgapError of {@link replaceFiles}
 */
export function writeWithUndo(undo: string, { folder, changes }: ChangedFiles): Promise<void> {
  return replaceFiles([
    { path: undo, before: undefined, after: Buffer.from(undoPatch(changes)) },
    ...changes.map(({ path, before, after }) => {
      return { path: join(folder, path), before: Buffer.from(before), after: Buffer.from(after) };
    }),
  ]);
}

function commonFolder(files: readonly string[], cwd: string): string {
  const isBelow = (folder: string): boolean =>
    files.every((path) => path.startsWith(folder === sep ? sep : folder + sep));
  let folder = isBelow(cwd) ? cwd : dirname(files[0] ?? cwd);
  while (!isBelow(folder)) folder = dirname(folder);
  return folder;
}
