import { randomUUID } from 'node:crypto';
import { lstatSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { lstat, open, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AirgapError } from './errors.ts';
import { fileFailure, reasonOf } from './file-failure.ts';

/** New content of a file. */
interface FileReplacement {
  readonly path: string;
  /** Content on which the new one is based; undefined for a new file. */
  readonly before: Buffer | undefined;
  readonly after: Buffer;
  /** Mode of the file afterwards. Default: its own; of a new file, that of the umask. */
  readonly mode?: number;
}

/**
 * Replaces or creates files, all or none; owners stay, and modes unless another one is given. The new contents are written beside the files first. They are renamed without a pause
 * in which an interrupt could end the run, and put back if one rename fails.
 * @throws AirgapError `file`, `no-space`; `file` too if one was changed in the meantime, is read-only or no regular file
 */
export async function replaceFiles(files: readonly FileReplacement[]): Promise<void> {
  const temporary = new Map<FileReplacement, string>();
  try {
    for (const file of files) temporary.set(file, await writeBeside(file));
    renameAll(temporary);
  } finally {
    for (const path of temporary.values()) await rm(path, { force: true }).catch(() => {});
  }
}

/** Writes the new content to a file in the same folder, and returns its path. */
async function writeBeside({ path, before, after, mode: given }: FileReplacement): Promise<string> {
  const beside = join(dirname(path), `.${basename(path).slice(0, 200)}.${randomUUID()}`);
  try {
    // A rename would replace a read-only file.
    if (before !== undefined) await open(path, 'r+').then((file) => file.close());
    const existing = before === undefined ? undefined : await lstat(path);
    const mode = given ?? (existing && existing.mode & 0o7777);
    const file = await open(beside, 'wx', mode);
    try {
      // Root, as with sudo, would take the file away from its user. Some file systems have no owners.
      if (existing !== undefined && process.getuid?.() === 0)
        await file.chown(existing.uid, existing.gid).catch(() => {});
      // The umask may have removed bits.
      if (mode !== undefined) await file.chmod(mode);
      await file.writeFile(after);
      await file.sync();
    } finally {
      await file.close();
    }
    return beside;
  } catch (cause) {
    await rm(beside, { force: true }).catch(() => {});
    throw failure(path, cause);
  }
}

function renameAll(temporary: ReadonlyMap<FileReplacement, string>): void {
  for (const { path, before } of temporary.keys()) {
    if (isFileWith(path, before)) continue;
    throw new AirgapError('file', `${path} was changed in the meantime, so nothing was written`, {
      hint: 'run the same command again',
    });
  }
  const renamed: FileReplacement[] = [];
  for (const [file, beside] of temporary) {
    try {
      renameSync(beside, file.path);
      renamed.push(file);
    } catch (cause) {
      for (const done of renamed) restore(done);
      throw failure(file.path, cause);
    }
  }
}

function isFileWith(path: string, content: Buffer | undefined): boolean {
  if (content === undefined) return lstatSync(path, { throwIfNoEntry: false }) === undefined;
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() === true && readFileSync(path).equals(content);
}

function restore({ path, before }: FileReplacement): void {
  if (before === undefined) {
    rmSync(path, { force: true });
    return;
  }
  const beside = `${path}.${randomUUID()}`;
  try {
    writeFileSync(beside, before, { flag: 'wx', mode: lstatSync(path).mode & 0o7777 });
    renameSync(beside, path);
  } finally {
    rmSync(beside, { force: true });
  }
}

function failure(path: string, cause: unknown): AirgapError {
  const { code } = fileFailure(cause) ?? { code: 'file' as const };
  return new AirgapError(code, `${path} cannot be written: ${reasonOf(cause)}`, { cause });
}
