import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, normalize } from 'node:path';
import { asWriteError } from '../files/file.ts';
import { type FileParts, openRandomFile, singleFile } from '../files/random-file.ts';
import { isPartOf, planFileParts, splitIndexPath } from '../files/split-index.ts';
import { findBundle } from '../files/split-open.ts';
import type { Layout } from '../layout.ts';
import { ReadAhead } from '../reading/read-ahead.ts';

/** Paths of a bundle and of its temporary files. */
export interface BundleOutput {
  /** Path of the bundle. */
  readonly path: string;
  readonly final: FileParts;
  /** `NAME.partial`, or its parts. */
  readonly partial: FileParts;
  readonly journal: string;
  /** Path of files of another plan while their blobs are moved. */
  readonly asidePath: string;
  /** Path of the split index; undefined for a single file. */
  readonly index: string | undefined;
}

/**
 * Plans the paths of a bundle of `size` bytes. It is a single file if it fits into one part.
 * @throws AirgapError `usage` for too many parts
 */
export function planOutput(file: string, size: number, splitSize?: number): BundleOutput {
  const path = normalize(file);
  const final = planFileParts(path, size, splitSize);
  return {
    path,
    final,
    partial: planFileParts(`${path}.partial`, size, splitSize),
    journal: `${path}.partial.journal`,
    asidePath: `${path}.partial.old`,
    index: final.paths.length > 1 ? splitIndexPath(path) : undefined,
  };
}

/** Lists existing files of this bundle: the file, its index, and parts if there is or will be an index. */
export async function existingFiles({ path, index }: BundleOutput): Promise<string[]> {
  const names = await filesNamed(path);
  const isSplit = index !== undefined || names.includes(splitIndexPath(path));
  return isSplit ? names : names.filter((name) => name === path);
}

/** Lists the existing files of a name: file, index and parts. */
export async function filesNamed(path: string): Promise<string[]> {
  const folder = dirname(path);
  const names = await readdir(folder).catch((error) => {
    throw asWriteError(error);
  });
  const fixedNames = [basename(path), basename(splitIndexPath(path))];
  return names.filter((name) => fixedNames.includes(name) || isPartOf(path, name)).map((name) => join(folder, name));
}

/**
 * Returns the existing file or parts of a name; undefined if there are none. All parts except the last have equal
 * sizes.
 */
export async function findFileParts(path: string): Promise<FileParts | undefined> {
  const paths = (await filesNamed(path)).sort();
  const [first] = paths;
  if (first === undefined) return undefined;
  return paths.length === 1 ? singleFile(first) : { paths, partSize: (await stat(first)).size };
}

/** Reports whether the planned bundle exists, by its size, metadata files and headers. Bodies are not read. */
export async function isUpToDate({ path, final, index }: BundleOutput, { size, entries }: Layout): Promise<boolean> {
  const found = await findBundle(index ?? path).catch(() => undefined);
  if (found === undefined || found.fileParts.partSize !== final.partSize) return false;
  const file = await openRandomFile(found.fileParts, 'r').catch(() => undefined);
  if (file === undefined) return false;
  try {
    if ((await file.size()) !== size) return false;
    const reader = new ReadAhead(file);
    for (const { header, offset, digest, bytes } of entries) {
      const expected = digest === undefined ? Buffer.concat([header, bytes ?? Buffer.alloc(0)]) : header;
      if (!(await reader.read(offset - header.length, expected.length)).equals(expected)) return false;
    }
    return true;
  } catch {
    return false;
  } finally {
    await file.close();
  }
}
