import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, normalize } from 'node:path';
import { writeFailure } from '../files/file.ts';
import { type FilePlaces, openRandomFile, singleFile } from '../files/random-file.ts';
import { isPartOf, placesOf, splitIndexPath } from '../files/split-index.ts';
import { findBundle } from '../files/split-open.ts';
import type { Layout } from '../layout.ts';
import { ReadAhead } from '../reading/read-ahead.ts';

/** Where a bundle goes, and where it grows. */
export interface Output {
  /** The bundle's name. */
  readonly path: string;
  readonly final: FilePlaces;
  /** `NAME.partial`, or parts of that. */
  readonly partial: FilePlaces;
  readonly journal: string;
  /** Where what a run of another plan has left is while it is moved into this one. */
  readonly leftover: string;
  /** The index of the parts; undefined when it is one file. */
  readonly index: string | undefined;
}

/**
 * Plans the places of a bundle of so many bytes. What fits into one part is a single file.
 * @throws AirgapError `usage` when it would be too many parts
 */
export function outputOf(file: string, size: number, splitSize?: number): Output {
  const path = normalize(file);
  const final = placesOf(path, size, splitSize);
  return {
    path,
    final,
    partial: placesOf(`${path}.partial`, size, splitSize),
    journal: `${path}.partial.journal`,
    leftover: `${path}.partial.old`,
    index: final.paths.length > 1 ? splitIndexPath(path) : undefined,
  };
}

/** Files that are called like this bundle: the file itself, an index, and parts where there is or will be an index. */
export async function occupantsOf({ path, index }: Output): Promise<string[]> {
  const names = await namedLike(path);
  const isSplit = index !== undefined || names.includes(splitIndexPath(path));
  return isSplit ? names : names.filter((name) => name === path);
}

/** Files of this name: whole, as an index, as parts. */
export async function namedLike(path: string): Promise<string[]> {
  const folder = dirname(path);
  const names = await readdir(folder).catch((error) => {
    throw writeFailure(error);
  });
  const own = [basename(path), basename(splitIndexPath(path))];
  return names.filter((name) => own.includes(name) || isPartOf(path, name)).map((name) => join(folder, name));
}

/** What has this name, whole or in parts, as one file; undefined when there is nothing. Of parts all but the last are equal. */
export async function placesLike(path: string): Promise<FilePlaces | undefined> {
  const paths = (await namedLike(path)).sort();
  const [first] = paths;
  if (first === undefined) return undefined;
  return paths.length === 1 ? singleFile(first) : { paths, partSize: (await stat(first)).size };
}

/** Whether this very bundle is there: its size, its metadata files and all its headers. Bodies are not read: `verify` does. */
export async function isThere({ path, final, index }: Output, { size, entries }: Layout): Promise<boolean> {
  const found = await findBundle(index ?? path).catch(() => undefined);
  if (found === undefined || found.places.partSize !== final.partSize) return false;
  const file = await openRandomFile(found.places, 'r').catch(() => undefined);
  if (file === undefined) return false;
  try {
    if ((await file.size()) !== size) return false;
    const reader = new ReadAhead(file);
    for (const { header, offset, digest, bytes } of entries) {
      const wanted = digest === undefined ? Buffer.concat([header, bytes ?? Buffer.alloc(0)]) : header;
      if (!(await reader.read(offset - header.length, wanted.length)).equals(wanted)) return false;
    }
    return true;
  } catch {
    return false;
  } finally {
    await file.close();
  }
}
