import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AirgapError } from './errors.ts';

/**
 * Files that this tool made and opens again, such as a partial bundle and its journal. Their names can be guessed, so
 * somebody who may write to the folder can have put something else there: a link to another file of the user, a pipe.
 */

/** Modes of what may hold secrets. */
export const SECRET_FILE = 0o600;
export const SECRET_FOLDER = 0o700;

const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = constants;

// Windows has neither. O_NONBLOCK: a pipe would wait for whoever is at its other end.
const CAREFUL = (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0);

const FLAGS = { r: O_RDONLY, 'r+': O_RDWR, a: O_WRONLY | O_APPEND } as const;

/**
 * Opens a file that an earlier run of this user made: a regular file, not through a link, with one name only.
 * @throws AirgapError `file` for anything else; and what the system says, ENOENT first of all
 */
export async function openOwn(path: string, how: keyof typeof FLAGS): Promise<FileHandle> {
  const file = await openOnly(path, how);
  try {
    await checkOwner(path, await file.stat());
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * The same whoever owns the file: for a thread that opens what another one has opened with {@link openOwn}, or made.
 * @throws as {@link openOwn}
 */
export async function openOnly(path: string, how: keyof typeof FLAGS): Promise<FileHandle> {
  const file = await open(path, FLAGS[how] | CAREFUL).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ELOOP' || error.code === 'EMLINK') throw foreign(path, 'is a link', error);
    if (error.code === 'ENXIO' || error.code === 'EISDIR') throw foreign(path, 'is no file', error);
    throw error;
  });
  try {
    checkKind(path, await file.stat());
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * Makes a file that nobody has made before.
 * @param flags besides, such as O_APPEND
 * @throws what the system says, EEXIST when there is anything of that name, a link included
 */
export function createOwn(path: string, mode: number = SECRET_FILE, flags = 0): Promise<FileHandle> {
  return open(path, O_RDWR | O_CREAT | O_EXCL | flags, mode);
}

/** Makes it anew, in place of one that an earlier run of this user made. @throws AirgapError `file` for anything else */
export async function replaceOwn(path: string, mode?: number): Promise<FileHandle> {
  await refuseForeign(path);
  await rm(path, { force: true });
  return createOwn(path, mode);
}

/** Refuses a path that holds something else than a file of this user's own; that there is nothing is right. */
export async function refuseForeign(path: string): Promise<void> {
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (found === undefined) return;
  checkKind(path, found);
  await checkOwner(path, found);
}

function checkKind(path: string, found: Stats): void {
  if (found.isSymbolicLink()) throw foreign(path, 'is a link');
  if (!found.isFile()) throw foreign(path, 'is no file');
  // A hard link to another file of the user.
  if (found.nlink > 1) throw foreign(path, 'is a link: the file has other names too');
}

/** Some file systems (FAT, mounts of other hosts) give all files the owner of the folder, whoever makes them. */
async function checkOwner(path: string, { uid }: Stats): Promise<void> {
  const own = process.getuid?.();
  if (own === undefined || uid === own) return;
  const folder = await stat(dirname(path)).catch(() => undefined);
  if (folder?.uid !== uid) throw foreign(path, `belongs to another user (${uid})`);
}

function foreign(path: string, why: string, cause?: unknown): AirgapError {
  return new AirgapError('file', `${path} ${why}, so no earlier run of yours left it there`, {
    hint: 'look who made it, and delete it; or write to a folder that is yours alone',
    cause,
  });
}
