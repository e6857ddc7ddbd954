import { join, resolve, sep } from 'node:path';
import { AirgapError } from './errors.ts';
import { quoted } from './printable.ts';

/** Allocates unique file names in one folder. Case does not count: some file systems treat `App` and `app` as one. */
export class UniqueFileNames {
  readonly #taken = new Set<string>();

  /** Returns the first preferred name that is free, or the last one with a number appended. */
  take(...preferred: readonly string[]): string {
    const isFree = (name: string): boolean => !this.#taken.has(name.toLowerCase());
    let name = preferred.find(isFree);
    for (let number = 2; name === undefined; number++) {
      const numbered = `${preferred.at(-1)}-${number}`;
      if (isFree(numbered)) name = numbered;
    }
    this.#taken.add(name.toLowerCase());
    return name;
  }
}

/**
 * Returns the absolute path of a file below a folder.
 * @param path relative, built from untrusted text
 * @throws AirgapError `file` if the path leaves the folder, which parts built with `toFileName` (names.ts) cannot do
 */
export function pathInside(folder: string, path: string): string {
  const root = resolve(folder);
  const file = join(root, path);
  if (file.startsWith(root.endsWith(sep) ? root : root + sep)) return file;
  throw new AirgapError('file', `${quoted(path)} would be written outside ${folder}`);
}
