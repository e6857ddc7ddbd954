import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { invalid } from '../reading/tar-index.ts';
import { type FilePlaces, singleFile } from './random-file.ts';
import { bundleName, type Head, type Part, parseSplitIndex, splitIndexPath } from './split-index.ts';

/** Where a bundle's bytes are. */
export interface FoundBundle {
  readonly places: FilePlaces;
  /** Undefined of a bundle that is one file. */
  readonly parts: readonly Part[] | undefined;
  /** How a split one begins, as its index says. */
  readonly head?: Head | undefined;
}

/** An index of 999 parts has some 140 kB. */
const INDEX_LIMIT = 1024 * 1024;

/**
 * Finds a bundle: a file; or a split one by its index, by one of its parts, or by the name that they have in common.
 * All parts of a split one are there, with their sizes: what is missing or cut off is named before anything is read.
 * @throws AirgapError `bundle-invalid`; and what the system says of a file that is not there
 */
export async function findBundle(path: string): Promise<FoundBundle> {
  const index = await indexOf(path);
  if (index !== undefined) return foundParts(index, await readIndex(index));
  // A pipe would wait for somebody who writes into it.
  const found = await stat(path);
  if (found.isDirectory()) throw invalid(path, 'is a folder', `pack what is in it: tar -cf FILE.tar -C ${path} .`);
  if (!found.isFile()) throw invalid(path, 'is not a file', 'give the tar file itself');
  return { places: singleFile(path), parts: undefined };
}

/** The index of a split bundle that the path means; undefined when it means a single file. */
async function indexOf(path: string): Promise<string | undefined> {
  const name = bundleName(path);
  const index = splitIndexPath(name);
  if (path === index) return index;
  const isPart = name !== path;
  if (!isPart && (await fileAt(path)) !== undefined) return undefined;
  if ((await fileAt(index)) !== undefined) return index;
  for (const part of [`${name}.001`, `${name}.002`]) {
    if (part === path || (await fileAt(part)) === undefined) continue;
    throw invalid(path, `is in parts, and their index ${basename(index)} is not beside them`, COPY);
  }
  return undefined;
}

const COPY = 'copy it again from where the bundle was written: all parts and the index belong into one folder';

/** The size of a regular file. */
async function fileAt(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() ? found.size : undefined;
}

async function readIndex(path: string): Promise<string> {
  const found = await stat(path);
  if (!found.isFile() || found.size > INDEX_LIMIT) throw invalid(path, 'is no index of a split bundle');
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
    const what = several ? `the parts ${names} are` : `the part ${names} is`;
    throw new AirgapError('bundle-invalid', `${what} missing: ${basename(path)} lists ${index.parts.length}`, {
      hint: COPY,
    });
  }
  for (const [at, { name, size }] of index.parts.entries()) {
    if (sizes[at] === size) continue;
    throw new AirgapError('bundle-invalid', `the part ${name} has ${sizes[at]} bytes instead of ${size}`, {
      hint: 'copy that part again',
    });
  }
  return { places, parts: index.parts, head: index.head };
}
