import { readdir, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { compareText } from './text-order.ts';
import { wildcard } from './wildcard.ts';

/** Folders that one `**` enters. */
const MAX_DEPTH = 20;

/**
 * Expands a glob, for shells that did not: `*` matches within one name, `**` any number of folders. Names that begin with a
 * dot match only if the pattern's do, and links to folders are not followed by `**`.
 * @param glob absolute path
 * @returns paths of files and folders that exist, each once, sorted within each folder
 */
export async function expandGlob(glob: string): Promise<string[]> {
  const [root = '', ...steps] = glob.split(sep);
  let paths = [root === '' ? sep : root];
  for (const step of steps) {
    const next: string[] = [];
    for (const path of paths) next.push(...(await stepInto(path, step)));
    paths = [...new Set(next)];
  }
  return paths;
}

async function stepInto(folder: string, step: string): Promise<string[]> {
  if (step === '**') return foldersBelow(folder, 0);
  if (!step.includes('*')) return (await exists(join(folder, step))) ? [join(folder, step)] : [];
  const pattern = wildcard(step);
  const names = (await readdir(folder).catch(() => [])).sort(compareText);
  return names
    .filter((name) => pattern.test(name) && (!name.startsWith('.') || step.startsWith('.')))
    .map((name) => join(folder, name));
}

async function foldersBelow(folder: string, depth: number): Promise<string[]> {
  if (depth >= MAX_DEPTH) return [folder];
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const folders = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'));
  const below = await Promise.all(folders.map(({ name }) => foldersBelow(join(folder, name), depth + 1)));
  return [folder, ...below.flat()];
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
