import { AirgapError, type ErrorCode, messageOf } from './errors.ts';

/** Descriptions of system errors. Other codes keep the system's message. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or folder',
  EEXIST: 'it already exists',
  ENOTDIR: 'a part of the path is not a folder',
  EISDIR: 'it is a folder',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EROFS: 'the file system is read-only',
  ENAMETOOLONG: 'the name is too long',
  ELOOP: 'too many levels of symbolic links',
  ENOTEMPTY: 'the folder is not empty',
  ENOSPC: 'no space left on the disk',
  EDQUOT: 'disk quota exceeded',
  EFBIG: 'the file system does not support files this large',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open on this system',
  EIO: 'input/output error',
  ESTALE: 'stale file handle of a network file system',
  EBUSY: 'it is in use',
  ETXTBSY: 'it is in use',
};

const NO_SPACE_CODES: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** Returns why a system call failed, without its path; for other errors, the message. */
export function reasonOf(error: unknown): string {
  const { code = '' } = Object(error) as NodeJS.ErrnoException;
  const reason = REASONS[code];
  return reason === undefined ? messageOf(error) : `${reason} (${code})`;
}

/** Returns path and reason of a failed system call. An open file has no path of its own; `path` is shown then, if given. */
export function describeFileFailure(error: unknown, path?: string): string {
  const shown = (Object(error) as NodeJS.ErrnoException).path ?? path;
  return `${shown === undefined ? '' : `${shown}: `}${reasonOf(error)}`;
}

/** Converts a failed system call on a file or folder to an AirgapError `no-space` or `file`; undefined for other errors. */
export function fileFailure(error: unknown): AirgapError | undefined {
  if (error instanceof AirgapError) return error;
  if (!(error instanceof Error)) return undefined;
  const { code = '', syscall, path, dest, message } = error as NodeJS.ErrnoException & { dest?: string };
  if (syscall === undefined || (path === undefined && REASONS[code] === undefined)) return undefined;
  const reason = REASONS[code] ?? message;
  const paths = [path, dest].filter((text) => text !== undefined).join(' to ');
  const errorCode: ErrorCode = NO_SPACE_CODES.has(code) ? 'no-space' : 'file';
  return new AirgapError(errorCode, `${paths === '' ? '' : `${paths}: `}${reason} (${syscall}, ${code})`, {
    hint: errorCode === 'file' ? 'check the path and its permissions' : 'free some space, or choose another folder',
    cause: error,
  });
}
