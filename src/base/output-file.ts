import { randomUUID } from 'node:crypto';
import { type FileHandle, lstat, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AirgapError } from './errors.ts';
import { fileFailure, reasonOf } from './file-failure.ts';

/**
 * Writes a file whole or not at all: under another name beside it first, then renamed over what is there.
 * @param mode of the file; one that is there and that fewer may read keeps that
 * @throws AirgapError `no-space`, `file`
 */
export async function writeOutput(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  const there = await lstat(path).catch(() => undefined);
  const stricter = there?.isFile() ? mode & there.mode : mode;
  await withAside(path, stricter | 0o600, async (file, partial) => {
    await file.writeFile(content);
    await file.sync();
    await rename(partial, path);
  });
}

/**
 * Works with a new file beside a path, which is gone afterwards unless it was renamed.
 * @param what cannot be written then
 * @throws AirgapError `no-space`, `file`
 */
async function withAside(
  path: string,
  mode: number,
  work: (file: FileHandle, partial: string) => Promise<void>,
  what = path,
): Promise<void> {
  const partial = join(dirname(path), `.${basename(path).slice(0, 200)}.${randomUUID()}`);
  try {
    const file = await open(partial, 'wx', mode);
    try {
      await work(file, partial);
    } finally {
      await file.close();
    }
  } catch (cause) {
    await rm(partial, { force: true }).catch(() => {});
    const { code } = fileFailure(cause) ?? { code: 'file' };
    throw new AirgapError(code, `${what} cannot be written: ${reasonOf(cause)}`, { cause });
  }
}

/** What may be replaced. */
export interface Replaceable {
  /** Whether what is there was written by this command. */
  readonly isOurs: (there: Buffer) => boolean | Promise<boolean>;
  /** What it has to be, as in `is there already, and is no …`. */
  readonly what: string;
}

/**
 * Refuses to write over what this command did not write. An empty file is nobody's.
 * @throws AirgapError `output-exists`, `file` when it cannot be read
 */
export async function checkReplaceable(path: string, { isOurs, what }: Replaceable): Promise<void> {
  const found = await stat(path).catch((error) => {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw fileFailure(error) ?? error;
  });
  if (found === undefined || (found.isFile() && found.size === 0)) return;
  if (found.isFile()) {
    const there = await readFile(path).catch((error) => {
      throw fileFailure(error) ?? error;
    });
    if (await isOurs(there)) return;
  }
  throw new AirgapError('output-exists', `${path} is there already, and is no ${what}`, {
    hint: 'choose another place for it',
  });
}

/**
 * What can never become an output file is told before the work, and not after it.
 * @param flag that names the file, for the hint
 * @throws AirgapError `usage` when it is a folder, `file` when there is no folder for it
 */
export async function checkOutput(path: string, flag: string): Promise<void> {
  if ((await stat(path).catch(() => undefined))?.isDirectory()) {
    throw new AirgapError('usage', `${flag} ${path} is a folder`, { hint: `name a file in it with ${flag}` });
  }
  if (!(await stat(dirname(path)).catch(() => undefined))?.isDirectory()) {
    throw new AirgapError('file', `${flag} ${path}: there is no folder ${dirname(path)}`, {
      hint: `create it, or name another place with ${flag}`,
    });
  }
}

/** More than most receipts have. */
const TRIAL = Buffer.alloc(64 * 1024);

/**
 * The same, and tries whether a file can be made there: nothing else knows of read-only file systems, quotas and full disks.
 * @throws AirgapError as {@link checkOutput}; `no-space`, `file`
 */
export async function checkWritable(path: string, flag: string): Promise<void> {
  await checkOutput(path, flag);
  await tryToWrite(path, path);
}

async function tryToWrite(path: string, what: string): Promise<void> {
  const write = async (file: FileHandle, partial: string): Promise<void> => {
    await file.writeFile(TRIAL);
    await rm(partial);
  };
  await withAside(path, 0o600, write, what);
}

/**
 * Makes a folder with those above it. Node's own way never ends where a folder exists and takes no other (/proc).
 * @throws AirgapError `output-exists` where a file is in its way, `file`, `no-space`
 */
export async function makeFolder(path: string): Promise<void> {
  if (await isFolder(path)) return;
  const above = dirname(path);
  if (above !== path) await makeFolder(above);
  await mkdir(path, 0o755).catch(async (error: NodeJS.ErrnoException) => {
    // Another run may have made it meanwhile.
    if (error.code === 'EEXIST' && (await isFolder(path))) return;
    throw fileFailure(error) ?? error;
  });
}

/**
 * Tries whether files can be made in a folder, or in the nearest one above it where it is still to be made.
 * @param path absolute
 * @throws AirgapError `output-exists` where a file is in its way, `file`, `no-space`
 */
export async function checkFolder(path: string, flag: string): Promise<void> {
  let there = path;
  while (!(await isFolder(there, flag)) && there !== dirname(there)) there = dirname(there);
  await tryToWrite(join(there, 'airgap'), `${flag} ${path}`);
}

/** Undefined: there is nothing. @throws AirgapError `output-exists` when it is something else */
async function isFolder(path: string, flag?: string): Promise<boolean> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw fileFailure(error) ?? error;
  });
  if (found === undefined) return false;
  if (found.isDirectory()) return true;
  const named = flag === undefined ? path : `${flag}: ${path}`;
  throw new AirgapError('output-exists', `${named} is there already, and is no folder`, {
    hint: 'choose another folder',
  });
}
