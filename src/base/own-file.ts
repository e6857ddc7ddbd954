import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AirgapError } from './errors.ts';

/**
 * Files that this tool creates and opens again, such as a partial bundle and its journal. Their names are predictable, so
 * another user with write access to the folder could plant a link to one of the user's files, or a pipe.
 */

/** Modes of files and folders that may hold secrets. */
export const SECRET_FILE = 0o600;
export const SECRET_FOLDER = 0o700;

const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = constants;

// Windows has neither. O_NONBLOCK: opening a pipe would block until its other end is opened.
const SAFE_OPEN_FLAGS = (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0);

const FLAGS = { r: O_RDONLY, 'r+': O_RDWR, a: O_WRONLY | O_APPEND } as const;

/**
 * Opens a file that an earlier run of this user created: a regular file, without following links, without hard links.
 * @throws AirgapError `file` for anything else; system errors such as ENOENT unchanged
 */
export async function openOwnFile(path: string, mode: keyof typeof FLAGS): Promise<FileHandle> {
  const file = await openRegularFile(path, mode);
  try {
    await checkOwner(path, await file.stat());
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * Opens a regular file without checking its owner: for a thread that reopens a file that the main thread has checked with
 * {@link openOwnFile} or created.
 * @throws as {@link openOwnFile}
 */
export async function openRegularFile(path: string, mode: keyof typeof FLAGS): Promise<FileHandle> {
  const file = await open(path, FLAGS[mode] | SAFE_OPEN_FLAGS).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ELOOP' || error.code === 'EMLINK') throw foreignFileError(path, 'is a link', error);
    if (error.code === 'ENXIO' || error.code === 'EISDIR') throw foreignFileError(path, 'is not a regular file', error);
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
 * Creates a file that must not exist.
 * @param flags additional open flags, such as O_APPEND
 * @throws system errors unchanged; EEXIST if anything of that name exists, including a link
 */
export function createOwnFile(path: string, mode: number = SECRET_FILE, flags = 0): Promise<FileHandle> {
  return open(path, O_RDWR | O_CREAT | O_EXCL | flags, mode);
}

/** Creates a file and replaces one of an earlier run of this user. @throws AirgapError `file` for anything else */
export async function replaceOwnFile(path: string, mode?: number): Promise<FileHandle> {
  await refuseForeignFile(path);
  await rm(path, { force: true });
  return createOwnFile(path, mode);
}

/** Accepts a path that does not exist, or that holds a file of this user. @throws AirgapError `file` for anything else */
export async function refuseForeignFile(path: string): Promise<void> {
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (found === undefined) return;
  checkKind(path, found);
  await checkOwner(path, found);
}

function checkKind(path: string, found: Stats): void {
  if (found.isSymbolicLink()) throw foreignFileError(path, 'is a link');
  if (!found.isFile()) throw foreignFileError(path, 'is not a regular file');
  // A planted hard link to another file of the user.
  if (found.nlink > 1) throw foreignFileError(path, 'has hard links');
}

/** Some file systems (FAT, network mounts) give every file the owner of its folder. */
async function checkOwner(path: string, { uid }: Stats): Promise<void> {
  const currentUid = process.getuid?.();
  if (currentUid === undefined || uid === currentUid) return;
  const folder = await stat(dirname(path)).catch(() => undefined);
  if (folder?.uid !== uid) throw foreignFileError(path, `belongs to another user (${uid})`);
}

function foreignFileError(path: string, why: string, cause?: unknown): AirgapError {
  return new AirgapError('file', `${path} ${why}, so no earlier run of yours created it`, {
    hint: 'check who created it and delete it, or write to a folder that only you can write to',
    cause,
  });
}
