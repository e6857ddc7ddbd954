import { stat } from 'node:fs/promises';
import { basename, relative, resolve, sep } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { expandGlob } from '../../base/glob.ts';
import { findKustomization, KUSTOMIZATION_NAMES } from '../../manifests/kustomization-inputs.ts';

/** Maximum number of kustomizations that the patterns of one run may mean. */
const MAX_FILES = 5000;

/**
 * Returns the kustomizations that the arguments of `--update` mean: files, folders that have one, and globs of either
 * (base/glob.ts).
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
    const paths = argument.includes('*') ? await expandGlob(resolve(cwd, argument)) : [resolve(cwd, argument)];
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
