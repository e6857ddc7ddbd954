import { AirgapError } from '../../base/errors.ts';
import { describeFileFailure } from '../../base/file-failure.ts';

/** Creates the error for an invalid bundle. */
export function invalidBundle(path: string, what: string, hint?: string, cause?: unknown): AirgapError {
  return new AirgapError('bundle-invalid', `${path} ${what}`, { hint, cause });
}

/** Creates the error for an output that exists and may not be replaced. */
export function differentContentError(path: string): AirgapError {
  return new AirgapError('output-exists', `${path} already exists with different content`, {
    hint: 'use --force to replace it, or choose another name with --out',
  });
}

/** Converts a write error to an AirgapError `no-space` or `file`. */
export function asWriteError(error: unknown): AirgapError {
  if (error instanceof AirgapError) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') {
    return new AirgapError('no-space', `not enough space for the bundle: ${describeFileFailure(error)}`, {
      hint:
        code === 'EFBIG'
          ? 'the file system does not allow files of this size; --split-size 4095MiB writes parts that fit on FAT32'
          : 'free some space and run the same command again to resume, or choose another folder with --out',
      cause: error,
    });
  }
  return new AirgapError('file', `cannot write the bundle: ${describeFileFailure(error)}`, { cause: error });
}
