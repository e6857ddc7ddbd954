import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { AirgapError } from './errors.ts';
import { reasonOf } from './file-failure.ts';

/**
 * Reads a document. Opens without blocking, because anyone may put a pipe into a shared folder.
 * @param limit size in bytes
 * @param refuse creates the error: `cannot be read: …`, `is not a file`, `has more than … MiB`
 */
export async function readLimited(
  path: string,
  limit: number,
  refuse: (what: string, cause?: unknown) => AirgapError,
): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch((error: unknown) => {
    throw refuse(`cannot be read: ${reasonOf(error)}`, error);
  });
  try {
    const found = await file.stat();
    if (!found.isFile()) throw refuse('is not a file');
    if (found.size > limit) throw refuse(`has more than ${limit / 1024 ** 2} MiB`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}
