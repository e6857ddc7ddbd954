import { randomUUID } from 'node:crypto';
import { type FileHandle, lstat, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AirgapError } from './errors.ts';
import { fileFailure, reasonOf } from './file-failure.ts';

/**
 * Writes a file atomically: to a temporary file in the same folder, then renames it over an existing one.
 * @param content may be made while it is written, piece by piece
 * @param mode of the file; a stricter mode of an existing file is kept
 * @throws AirgapError `no-space`, `file`
 */
export async function writeOutput(
  path: string,
  content: string | Uint8Array | Iterable<string>,
  mode = 0o644,
): Promise<void> {
  const existing = await lstat(path).catch(() => undefined);
  const stricter = existing?.isFile() ? mode & existing.mode : mode;
  await withTemporaryFile(path, stricter | 0o600, async (file, temporaryPath) => {
    await file.writeFile(content);
    await file.sync();
    await rename(temporaryPath, path);
  });
}

/**
 * Runs `work` with a new temporary file in the folder of `path`, and removes it unless `work` renamed it.
 * @param what subject of the error message
 * @throws AirgapError `no-space`, `file`
 */
async function withTemporaryFile(
  path: string,
  mode: number,
  work: (file: FileHandle, temporaryPath: string) => Promise<void>,
  what = path,
): Promise<void> {
  const temporaryPath = join(dirname(path), `.${basename(path).slice(0, 200)}.${randomUUID()}`);
  try {
    const file = await open(temporaryPath, 'wx', mode);
    try {
      await work(file, temporaryPath);
    } finally {
      await file.close();
    }
  } catch (cause) {
    await rm(temporaryPath, { force: true }).catch(() => {});
    const { code } = fileFailure(cause) ?? { code: 'file' };
    throw new AirgapError(code, `${what} cannot be written: ${reasonOf(cause)}`, { cause });
  }
}

/** Kind of file that a command may replace. */
export interface Replaceable {
  /** Returns true if this command wrote the existing content. */
  readonly isOurs: (existing: Buffer) => boolean | Promise<boolean>;
  /** Kind of file, for the message: `already exists and is not a …`. */
  readonly what: string;
}

/** Bytes of a file that is read to recognize it. What is larger, such as a bundle, was not written as a report or a receipt. */
const MAX_REPLACEABLE = 512 * 1024 ** 2;

/**
 * Refuses to overwrite a file that this command did not write. An empty file may be overwritten.
 * @throws AirgapError `output-exists`; `file` if it cannot be read
 */
export async function checkReplaceable(path: string, { isOurs, what }: Replaceable): Promise<void> {
  const found = await stat(path).catch((error) => {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw fileFailure(error) ?? error;
  });
  if (found === undefined || (found.isFile() && found.size === 0)) return;
  if (found.isFile() && found.size <= MAX_REPLACEABLE) {
    const existing = await readFile(path).catch((error) => {
      throw fileFailure(error) ?? error;
    });
    if (await isOurs(existing)) return;
  }
  throw new AirgapError('output-exists', `${path} already exists and is not a ${what}`, {
    hint: 'choose another path, or delete that file',
  });
}

/**
 * Checks an output path before the work begins.
 * @param flag that names the file, for messages
 * @throws AirgapError `usage` if it is a folder, `file` if its folder does not exist
 */
export async function checkOutput(path: string, flag: string): Promise<void> {
  if ((await stat(path).catch(() => undefined))?.isDirectory()) {
    throw new AirgapError('usage', `${flag} ${path} is a folder`, { hint: `name a file in it with ${flag}` });
  }
  if (!(await stat(dirname(path)).catch(() => undefined))?.isDirectory()) {
    throw new AirgapError('file', `${flag} ${path}: the folder ${dirname(path)} does not exist`, {
      hint: `create it, or choose another path with ${flag}`,
    });
  }
}

/**
 * Checks the path of a file that people may edit: it is replaced only on request.
 * @param isForced undefined for a command that replaces none
 * @throws AirgapError `output-exists`, and as {@link checkOutput}
 */
export async function checkNewOutput(path: string, flag: string, isForced?: boolean): Promise<void> {
  await checkOutput(path, flag);
  // A link that leads nowhere exists too.
  const existing = await lstat(path).catch(() => undefined);
  if (existing === undefined || isForced) return;
  throw new AirgapError('output-exists', `${flag} ${path} already exists`, {
    hint: `it may have been edited: choose another path, or ${isForced === undefined ? 'move it away' : 'replace it with --force'}`,
  });
}

/** Larger than most receipts. */
const PROBE_CONTENT = Buffer.alloc(64 * 1024);

/**
 * Checks an output path like {@link checkOutput}, and writes a probe file: only that detects read-only file systems, quotas
 * and full disks.
 * @throws AirgapError as {@link checkOutput}; `no-space`, `file`
 */
export async function checkWritable(path: string, flag: string): Promise<void> {
  await checkOutput(path, flag);
  await tryToWrite(path, path);
}

async function tryToWrite(path: string, what: string): Promise<void> {
  const write = async (file: FileHandle, temporaryPath: string): Promise<void> => {
    await file.writeFile(PROBE_CONTENT);
    await rm(temporaryPath);
  };
  await withTemporaryFile(path, 0o600, write, what);
}

/**
 * Creates a folder and its missing parents. Node's recursive mkdir never returns in /proc.
 * @param mode of the folders that are created
 * @throws AirgapError `output-exists` if a file is in the way; `file`, `no-space`
 */
export async function makeFolder(path: string, mode = 0o755): Promise<void> {
  if (await isFolder(path)) return;
  const parent = dirname(path);
  if (parent !== path) await makeFolder(parent, mode);
  await mkdir(path, mode).catch(async (error: NodeJS.ErrnoException) => {
    // Another run may have created it in the meantime.
    if (error.code === 'EEXIST' && (await isFolder(path))) return;
    throw fileFailure(error) ?? error;
  });
}

/**
 * Writes a probe file to a folder, or to its nearest existing parent.
 * @param path absolute
 * @throws AirgapError `output-exists` if a file is in the way; `file`, `no-space`
 */
export async function checkFolder(path: string, flag: string): Promise<void> {
  let existing = path;
  while (!(await isFolder(existing, flag)) && existing !== dirname(existing)) existing = dirname(existing);
  await tryToWrite(join(existing, 'airgap'), `${flag} ${path}`);
}

/** Returns false if nothing exists at `path`. @throws AirgapError `output-exists` if it is not a folder */
async function isFolder(path: string, flag?: string): Promise<boolean> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw fileFailure(error) ?? error;
  });
  if (found === undefined) return false;
  if (found.isDirectory()) return true;
  const subject = flag === undefined ? path : `${flag}: ${path}`;
  throw new AirgapError('output-exists', `${subject} already exists and is not a folder`, {
    hint: 'choose another folder',
  });
}
