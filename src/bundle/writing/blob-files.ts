import { randomUUID } from 'node:crypto';
import { rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Emit } from '../../base/events.ts';
import { createOwnFile } from '../../base/own-file.ts';
import type { Source } from '../../oci/content.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { BlobNode } from '../../oci/graph.ts';
import { asWriteError, differentContentError } from '../files/errors.ts';
import { openRandomFile, singleFile } from '../files/random-file.ts';
import { hasDigest, readRange } from '../files/ranges.ts';
import { fetchBlob } from './fetch-blob.ts';

/** A blob and the path to write it to. */
export interface BlobFile {
  readonly path: string;
  readonly node: BlobNode;
}

export interface BlobFilesOptions {
  readonly source: Source;
  /** Replace existing files. */
  readonly force: boolean;
  readonly emit: Emit;
  readonly signal?: AbortSignal;
}

/**
 * Writes each blob to a file of its own and verifies its digest. The files get their names when all are complete.
 * @returns `up-to-date` if all files exist with the same content
 * @throws AirgapError `output-exists` if another file exists and `force` is not set; `digest-mismatch`, `no-space`,
 *   `file`, `interrupted`
 */
export async function writeBlobFiles(
  files: readonly BlobFile[],
  { source, force, emit, signal }: BlobFilesOptions,
): Promise<'written' | 'up-to-date'> {
  const states = await Promise.all(files.map(({ path, node }) => fileState(path, node.descriptor)));
  if (states.every((state) => state === 'same')) return 'up-to-date';
  const other = files.find((_, index) => states[index] === 'other');
  if (other !== undefined && !force) throw differentContentError(other.path);
  const blobs = files.map(({ path, node: { descriptor } }) => ({
    digest: descriptor.digest,
    bytes: descriptor.size,
    owner: basename(path),
  }));
  emit({ type: 'plan', activity: 'writing', blobs });
  const partials: { readonly from: string; readonly to: string }[] = [];
  try {
    for (const { path, node } of files) {
      const partial = join(dirname(path), `.${basename(path)}.${randomUUID()}`);
      partials.push({ from: partial, to: path });
      const file = await openRandomFile(singleFile(partial), (path) => createOwnFile(path, 0o644));
      try {
        await fetchBlob(node, 0, 0, { file, source, emit, signal, checkpoint: async () => {} });
        await file.sync();
      } finally {
        await file.close();
      }
      emit({ type: 'blob', digest: node.descriptor.digest, bytes: node.descriptor.size, status: 'done' });
    }
    for (const { from, to } of partials) await rename(from, to);
  } catch (error) {
    await Promise.all(partials.map(({ from }) => rm(from, { force: true }).catch(() => {})));
    throw asWriteError(error);
  }
  return 'written';
}

/** Compares an existing file with the blob. */
async function fileState(path: string, { digest, size }: Descriptor): Promise<'nothing' | 'same' | 'other'> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => error);
  if (found instanceof Error) return found.code === 'ENOENT' ? 'nothing' : 'other';
  // Opening a pipe would block until it has a writer.
  if (!found.isFile()) return 'other';
  const file = await openRandomFile(singleFile(path), 'r').catch(() => undefined);
  if (file === undefined) return 'other';
  try {
    if ((await file.size()) !== size) return 'other';
    return (await hasDigest(readRange(file, 0, size), digest)) ? 'same' : 'other';
  } finally {
    await file.close();
  }
}
