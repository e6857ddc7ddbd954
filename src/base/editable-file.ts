import { lstat, readFile } from 'node:fs/promises';
import { reasonOf } from './file-failure.ts';

/** Text of a file, or the reason why it is not changed. */
export type EditableFile = string | { readonly reason: string };

/** Helm reads no larger file. */
const SIZE_LIMIT = 5 * 1024 ** 2;

/** Returns the text of a file that can be changed in place, or the reason why it cannot. */
export async function readEditable(path: string, limit = SIZE_LIMIT): Promise<EditableFile> {
  try {
    const info = await lstat(path);
    if (info.isSymbolicLink()) return { reason: 'it is a link to another file' };
    if (!info.isFile()) return { reason: 'it is no regular file' };
    if (info.size > limit) return { reason: `it is larger than ${limit / 1024 ** 2} MiB` };
    const bytes = await readFile(path);
    const text = bytes.toString('utf8');
    return Buffer.from(text).equals(bytes) ? text : { reason: 'it is not UTF-8' };
  } catch (error) {
    return { reason: `it cannot be read: ${reasonOf(error)}` };
  }
}
