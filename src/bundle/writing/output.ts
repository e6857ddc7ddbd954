import { normalize } from 'node:path';
import { type FileParts, openRandomFile } from '../files/random-file.ts';
import { ReadAhead } from '../files/ranges.ts';
import { planFileParts, splitIndexPath } from '../files/split-index.ts';
import { filesNamed, findBundle } from '../files/split-open.ts';
import { entryHeader, type Layout } from '../format/layout.ts';

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

/** Reports whether the planned bundle exists, by its size, metadata files and headers. Bodies are not read. */
export async function isUpToDate({ path, final, index }: BundleOutput, { size, entries }: Layout): Promise<boolean> {
  const found = await findBundle(index ?? path).catch(() => undefined);
  if (found === undefined || found.fileParts.partSize !== final.partSize) return false;
  const file = await openRandomFile(found.fileParts, 'r').catch(() => undefined);
  if (file === undefined) return false;
  try {
    if ((await file.size()) !== size) return false;
    const reader = new ReadAhead(file);
    for (const entry of entries) {
      const { offset, digest, bytes } = entry;
      const header = entryHeader(entry);
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
