import { readdir, stat } from 'node:fs/promises';
import { basename, join, relative, resolve, sep } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { compareText } from '../../base/text-order.ts';
import { wildcard } from '../../base/wildcard.ts';
import { findKustomization, KUSTOMIZATION_NAMES } from '../../manifests/kustomization-inputs.ts';

/** Maximum number of kustomizations that the patterns of one run may mean. */
const MAX_FILES = 5000;

/**
 * Returns the kustomizations that the arguments of `--update` mean: files, folders that have one, and patterns of either in
 * which `*` matches within one name, for shells that did not expand them.
 * @param cwd base of relative arguments (absolute)
 * @returns each once, in the order of the arguments; `shown` is the path below `cwd`, if it is there
 * @throws AirgapError `usage` for an argument that means none
 */
export async function kustomizationPaths(
  named: readonly string[],
  cwd: string,
): Promise<{ readonly path: string; readonly shown: string }[]> {
  const found = new Set<string>();
  for (const argument of named) {
    const paths = argument.includes('*') ? await matches(resolve(cwd, argument)) : [resolve(cwd, argument)];
    const files = await Promise.all(paths.map(fileAt));
    const kustomizations = files.filter((path) => path !== undefined);
    if (kustomizations.length === 0) {
      const problem = argument.includes('*') ? 'matches no kustomization' : 'is no kustomization';
      throw new AirgapError('usage', `--update ${argument} ${problem}`, {
        hint: `give files named ${KUSTOMIZATION_NAMES.join(', ')}, or their folders`,
      });
    }
    for (const path of kustomizations) found.add(path);
    if (found.size > MAX_FILES) throw new AirgapError('usage', `--update means more than ${MAX_FILES} files`);
  }
  return [...found].map((path) => {
    const below = relative(cwd, path);
    return { path, shown: below.split(sep)[0] === '..' ? path : below };
  });
}

/** Returns the kustomization at a path, which may not exist; undefined if there is another file, or a folder without one. */
async function fileAt(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return findKustomization(path);
  return KUSTOMIZATION_NAMES.some((name) => name === basename(path)) ? path : undefined;
}

async function matches(pattern: string): Promise<string[]> {
  const [root = '', ...steps] = pattern.split(sep);
  let paths = [root === '' ? sep : root];
  for (const step of steps) {
    const next = await Promise.all(paths.map((path) => stepInto(path, step)));
    paths = next.flat();
  }
  return paths;
}

async function stepInto(folder: string, step: string): Promise<string[]> {
  const pattern = wildcard(step);
  const names = step.includes('*') ? (await readdir(folder).catch(() => [])).sort(compareText) : [step];
  const wanted = names.filter((name) => pattern.test(name) && (!name.startsWith('.') || step.startsWith('.')));
  const existing = await Promise.all(wanted.map((name) => stat(join(folder, name)).catch(() => undefined)));
  return wanted.filter((_, i) => existing[i] !== undefined).map((name) => join(folder, name));
}
