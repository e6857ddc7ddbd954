import { join, resolve, sep } from 'node:path';
import { AirgapError } from './errors.ts';
import { quoted } from './printable.ts';

/** Names of files in one folder, none given twice; `App` and `app` are one on some file systems. */
export class FileNames {
  readonly #taken = new Set<string>();

  /** The first of the wanted names that is free, or the last of them with a number behind it. */
  take(...wanted: readonly string[]): string {
    const isFree = (name: string): boolean => !this.#taken.has(name.toLowerCase());
    let name = wanted.find(isFree);
    for (let number = 2; name === undefined; number++) {
      const numbered = `${wanted.at(-1)}-${number}`;
      if (isFree(numbered)) name = numbered;
    }
    this.#taken.add(name.toLowerCase());
    return name;
  }
}

/**
 * The absolute path of a file below a folder.
 * @param path relative, made of foreign texts
 * @throws AirgapError `file` when it leads out of the folder: whoever made it has not made it with toFileName
 */
export function pathInside(folder: string, path: string): string {
  const root = resolve(folder);
  const file = join(root, path);
  if (file.startsWith(root.endsWith(sep) ? root : root + sep)) return file;
  throw new AirgapError('file', `${quoted(path)} would be written outside of ${folder}`);
}
