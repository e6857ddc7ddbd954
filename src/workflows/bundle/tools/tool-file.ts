import { stat } from 'node:fs/promises';
import { AirgapError } from '../../../base/errors.ts';
import { describeFileFailure } from '../../../base/file-failure.ts';
import { openRandomFile, singleFile } from '../../../bundle/files/random-file.ts';
import { hashContent, readRange } from '../../../bundle/files/ranges.ts';
import type { ToolFile } from '../../../bundle/writing/tool-files.ts';
import type { Digest } from '../../../oci/digest.ts';

/**
 * Hashes a file that is to be bundled.
 * @throws AirgapError `file` if it cannot be read, is empty or not a regular file
 */
export async function toolFile(
  path: string,
  { ...tool }: Omit<ToolFile, 'path' | 'size' | 'digest'>,
): Promise<ToolFile> {
  const file = await openTool(path);
  try {
    const size = await file.size();
    if (size === 0) throw new AirgapError('file', `${path} is empty`);
    const digest: Digest = `sha256:${await hashContent(readRange(file, 0, size), 'sha256')}`;
    return { ...tool, size, digest, path };
  } finally {
    await file.close();
  }
}

/** Returns the first bytes of a file, fewer if it is shorter. @throws AirgapError `file` */
export async function firstBytes(path: string, size: number): Promise<Buffer> {
  const file = await openTool(path);
  try {
    const bytes = Buffer.alloc(size);
    return bytes.subarray(0, await file.read(bytes, 0));
  } finally {
    await file.close();
  }
}

async function openTool(path: string) {
  try {
    // Opening a pipe would wait for its writer.
    if ((await stat(path)).isFile()) return await openRandomFile(singleFile(path), 'r');
  } catch (cause) {
    throw new AirgapError('file', `cannot read ${describeFileFailure(cause, path)}`, { cause });
  }
  throw new AirgapError('file', `${path} is not a file`);
}
