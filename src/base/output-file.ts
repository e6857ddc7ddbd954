import { randomUUID } from 'node:crypto';
import { open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AirgapError, type ErrorCode, messageOf } from './errors.ts';

/**
 * Writes a file whole or not at all: under another name beside it first, then renamed over what is there.
 * @throws AirgapError `no-space`, `file`
 */
export async function writeOutput(path: string, content: string | Uint8Array): Promise<void> {
  const partial = join(dirname(path), `.${basename(path)}.${randomUUID()}`);
  try {
    const file = await open(partial, 'wx', 0o644);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, path);
  } catch (cause) {
    await rm(partial, { force: true }).catch(() => {});
    const code: ErrorCode = (cause as NodeJS.ErrnoException).code === 'ENOSPC' ? 'no-space' : 'file';
    throw new AirgapError(code, `${path} cannot be written: ${messageOf(cause)}`, { cause });
  }
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
