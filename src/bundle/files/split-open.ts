import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { invalid } from '../reading/tar-index.ts';
import { type FilePlaces, singleFile } from './random-file.ts';
import { bundleName, type Head, type Part, parseSplitIndex, splitIndexPath } from './split-index.ts';

/** Location of a bundle's bytes. */
export interface FoundBundle {
  readonly places: FilePlaces;
  /** Parts of a split bundle; undefined for a single file. */
  readonly parts: readonly Part[] | undefined;
  /** Hash of the bundle's head, from the split index. */
  readonly head?: Head | undefined;
}

/** Maximum size of a split index; with 999 parts it has about 140 kB. */
const INDEX_LIMIT = 1024 * 1024;

/**
 * Finds a bundle by its file, or a split bundle by its index, any part, or the parts' common name. Checks that all
 * parts exist with their sizes before anything is read.
 * @throws AirgapError `bundle-invalid`; system errors for a missing file
 */
export async function findBundle(path: string): Promise<FoundBundle> {
  const index = await indexOf(path);
  if (index !== undefined) return foundParts(index, await readIndex(index));
  // Opening a pipe would block until it has a writer.
  const found = await stat(path);
  if (found.isDirectory()) throw invalid(path, 'is a folder', `pack its content: tar -cf FILE.tar -C ${path} .`);
  if (!found.isFile()) throw invalid(path, 'is not a file', 'give the tar file itself');
  return { places: singleFile(path), parts: undefined };
}

/** Returns the path of the split index; undefined if the path is that of a single file. */
async function indexOf(path: string): Promise<string | undefined> {
  const name = bundleName(path);
  const index = splitIndexPath(name);
  if (path === index) return index;
  const isPart = name !== path;
  if (!isPart && (await fileAt(path)) !== undefined) return undefined;
  if ((await fileAt(index)) !== undefined) return index;
  for (const part of [`${name}.001`, `${name}.002`]) {
    if (part === path || (await fileAt(part)) === undefined) continue;
    throw invalid(path, `is split into parts, but their index ${basename(index)} is missing`, COPY);
  }
  return undefined;
}

const COPY = 'copy the bundle again: all parts and the index must be in one folder';

/** Returns the size of a regular file; undefined if there is none. */
async function fileAt(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() ? found.size : undefined;
}

async function readIndex(path: string): Promise<string> {
  const found = await stat(path);
  if (!found.isFile() || found.size > INDEX_LIMIT) throw invalid(path, 'is not the index of a split bundle');
  return readFile(path, 'utf8');
}

async function foundParts(path: string, text: string): Promise<FoundBundle> {
  const { index, places } = parseSplitIndex(path, text);
  const sizes = await Promise.all(index.parts.map(({ name }) => fileAt(join(dirname(path), name))));
  const missing = index.parts.filter((_, at) => sizes[at] === undefined).map(({ name }) => name);
  if (missing.length > 0) {
    const several = missing.length > 1;
    const names =
      missing.length > 3 ? `${missing.slice(0, 3).join(', ')} and ${missing.length - 3} more` : missing.join(', ');
    const what = several ? `parts ${names} are` : `part ${names} is`;
    throw new AirgapError('bundle-invalid', `${what} missing; ${basename(path)} lists ${index.parts.length} parts`, {
      hint: COPY,
    });
  }
  for (const [at, { name, size }] of index.parts.entries()) {
    if (sizes[at] === size) continue;
    throw new AirgapError('bundle-invalid', `part ${name} has ${sizes[at]} bytes, expected ${size}`, {
      hint: 'copy that part again',
    });
  }
  return { places, parts: index.parts, head: index.head };
}
