import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { firstOf } from '../../base/count.ts';
import { AirgapError } from '../../base/errors.ts';
import { asWriteError, invalidBundle } from './errors.ts';
import { type FileParts, singleFile } from './random-file.ts';
import {
  type BundleHead,
  type BundlePart,
  bundleName,
  isPartOf,
  parseSplitIndex,
  splitIndexPath,
} from './split-index.ts';

/** A bundle's file or parts, found on disk. */
export interface FoundBundle {
  readonly fileParts: FileParts;
  /** Parts of a split bundle; undefined for a single file. */
  readonly parts: readonly BundlePart[] | undefined;
  /** Hash of the bundle's head, from the split index. */
  readonly head?: BundleHead | undefined;
}

/** Maximum size of a split index; with 999 parts it has about 140 kB. */
const INDEX_LIMIT = 1024 * 1024;

/**
 * Finds a bundle by its file, or a split bundle by its index, any part, or the parts' common name. Checks that all
 * parts exist with their sizes before anything is read.
 * @throws AirgapError `bundle-invalid`; system errors for a missing file
 */
export async function findBundle(path: string): Promise<FoundBundle> {
  const index = await findIndex(path);
  if (index !== undefined) return checkParts(index, await readIndex(index));
  // Opening a pipe would block until it has a writer.
  const found = await stat(path);
  if (found.isDirectory()) throw invalidBundle(path, 'is a folder', `pack its content: tar -cf FILE.tar -C ${path} .`);
  if (!found.isFile()) throw invalidBundle(path, 'is not a file', 'give the tar file itself');
  return { fileParts: singleFile(path), parts: undefined };
}

/** Returns the path of the split index; undefined if the path is that of a single file. */
async function findIndex(path: string): Promise<string | undefined> {
  const name = bundleName(path);
  const index = splitIndexPath(name);
  if (path === index) return index;
  const isPart = name !== path;
  if (!isPart && (await fileSize(path)) !== undefined) return undefined;
  if ((await fileSize(index)) !== undefined) return index;
  for (const part of [`${name}.001`, `${name}.002`]) {
    if (part === path || (await fileSize(part)) === undefined) continue;
    throw invalidBundle(path, `is split into parts, but their index ${basename(index)} is missing`, COPY_HINT);
  }
  return undefined;
}

const COPY_HINT = 'copy the bundle again: all parts and the index must be in one folder';

/** Returns the size of a regular file; undefined if there is none. */
async function fileSize(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() ? found.size : undefined;
}

async function readIndex(path: string): Promise<string> {
  const found = await stat(path);
  if (!found.isFile() || found.size > INDEX_LIMIT) throw invalidBundle(path, 'is not the index of a split bundle');
  return readFile(path, 'utf8');
}

async function checkParts(path: string, text: string): Promise<FoundBundle> {
  const { index, fileParts } = parseSplitIndex(path, text);
  const sizes = await Promise.all(index.parts.map(({ name }) => fileSize(join(dirname(path), name))));
  const missing = index.parts.filter((_, number) => sizes[number] === undefined).map(({ name }) => name);
  if (missing.length > 0) {
    const names = firstOf(missing, 3);
    const what = missing.length > 1 ? `parts ${names} are` : `part ${names} is`;
    throw new AirgapError('bundle-invalid', `${what} missing; ${basename(path)} lists ${index.parts.length} parts`, {
      hint: COPY_HINT,
    });
  }
  for (const [number, { name, size }] of index.parts.entries()) {
    if (sizes[number] === size) continue;
    throw new AirgapError('bundle-invalid', `part ${name} has ${sizes[number]} bytes, expected ${size}`, {
      hint: 'copy that part again',
    });
  }
  return { fileParts, parts: index.parts, head: index.head };
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
