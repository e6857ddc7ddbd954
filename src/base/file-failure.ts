import { AirgapError, type ErrorCode, messageOf } from './errors.ts';

/** What the system says of a path, in words. Its own are in the message of anything else. */
const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EEXIST: 'it is there already',
  ENOTDIR: 'a part of the path is no folder',
  EISDIR: 'it is a folder',
  EACCES: 'the permissions do not allow it',
  EPERM: 'the system does not allow it',
  EROFS: 'the file system is read-only',
  ENAMETOOLONG: 'the name is too long',
  ELOOP: 'its links lead in a circle',
  ENOTEMPTY: 'the folder is not empty',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota is used up',
  EFBIG: 'no file there can be that large',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open on this system',
  EIO: 'the medium cannot be read or written',
  ESTALE: 'the file system that it was on is gone',
  EBUSY: 'it is in use',
  ETXTBSY: 'it is in use',
};

const FULL: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** Why a system call failed, without the path that it was about; what any other error says. */
export function reasonOf(error: unknown): string {
  const { code = '' } = Object(error) as NodeJS.ErrnoException;
  const words = WORDS[code];
  return words === undefined ? messageOf(error) : `${words} (${code})`;
}

/** A failed system call on a file or folder as an error of ours: `no-space`, `file`. Undefined for any other error. */
export function fileFailure(error: unknown): AirgapError | undefined {
  if (error instanceof AirgapError) return error;
  if (!(error instanceof Error)) return undefined;
  const { code = '', syscall, path, dest, message } = error as NodeJS.ErrnoException & { dest?: string };
  if (syscall === undefined || (path === undefined && WORDS[code] === undefined)) return undefined;
  const what = WORDS[code] ?? message;
  const where = [path, dest].filter((text) => text !== undefined).join(' to ');
  const kind: ErrorCode = FULL.has(code) ? 'no-space' : 'file';
  return new AirgapError(kind, `${where === '' ? '' : `${where}: `}${what} (${syscall}, ${code})`, {
    hint: kind === 'file' ? 'look at that path and its permissions' : 'free some space, or choose another folder',
    cause: error,
  });
}
