import { constants } from 'node:fs';
import { lstat, mkdir, open, readdir, readFile, realpath, stat, writeFile } from 'node:fs/promises';
import { join, posix, sep } from 'node:path';
import { AirgapError, messageOf } from '../base/errors.ts';
import { UNPACKED_LIMIT } from './chart-entries.ts';
import { type Ignores, ignoring } from './helm-ignore.ts';

/** Files in one chart folder. */
const FILES_LIMIT = 10_000;

/**
 * Copies a chart folder with what its links name, so that what Helm reads afterwards is what was looked at here: Helm
 * itself follows every link. Links within the folder are fine; one that leaves it is an error that names it, unless it
 * leads below one of `roots`.
 * @param into the copy's folder; it is made
 * @param roots folders (absolute) that links may lead to
 * @throws AirgapError `chart-invalid`
 */
export async function copyChartFolder(folder: string, into: string, roots: readonly string[]): Promise<void> {
  const own = await realpath(folder);
  const allowed = [own, ...(await Promise.all(roots.map(realRoot)))];
  const ignores = ignoring(await readOwn(join(own, '.helmignore')));
  await new FolderCopy(folder, allowed, ignores).copy({ from: own, to: into, path: '', above: [own] });
}

/** Text of a file of the chart itself; empty where there is none, or a link in its place, which the copy looks into. */
async function readOwn(file: string): Promise<string> {
  const isFile = (await lstat(file).catch(() => undefined))?.isFile() ?? false;
  return isFile ? readFile(file, 'utf8') : '';
}

/** @throws AirgapError `usage` */
export async function realRoot(root: string): Promise<string> {
  return realpath(root).catch((cause: unknown) => {
    throw new AirgapError('usage', `--allow-chart-links ${root} cannot be read: ${messageOf(cause)}`, {
      hint: 'give a folder that is there',
      cause,
    });
  });
}

interface Step {
  /** A real folder (without links in its path), and where its content goes. */
  readonly from: string;
  readonly to: string;
  /** In the chart, with slashes; empty for the chart itself. */
  readonly path: string;
  /** Real folders in which it lies, links followed. */
  readonly above: readonly string[];
}

class FolderCopy {
  readonly #folder: string;
  readonly #allowed: readonly string[];
  readonly #ignores: Ignores;
  #files = 0;
  #bytes = 0;

  constructor(folder: string, allowed: readonly string[], ignores: Ignores) {
    this.#folder = folder;
    this.#allowed = allowed;
    this.#ignores = ignores;
  }

  async copy({ from, to, path, above }: Step): Promise<void> {
    await mkdir(to, { recursive: true });
    for (const entry of await readdir(from, { withFileTypes: true })) {
      const inside = posix.join(path, entry.name);
      const place = join(from, entry.name);
      const isLink = entry.isSymbolicLink();
      // Helm asks its rules about what a link leads to.
      const isFolder = isLink
        ? ((await stat(place).catch(() => undefined))?.isDirectory() ?? false)
        : entry.isDirectory();
      if (this.#ignores(inside, isFolder)) continue;
      const real = isLink ? await this.#follow(place, inside) : place;
      const found = await lstat(real);
      if (found.isDirectory()) {
        if (above.includes(real)) throw this.#refused(inside, 'leads back to a folder that it lies in');
        await this.copy({ from: real, to: join(to, entry.name), path: inside, above: [...above, real] });
      } else if (found.isFile()) await this.#copyFile(real, join(to, entry.name), inside);
      else throw this.#refused(inside, 'is neither a file nor a folder');
    }
  }

  /** The real path that a link leads to. */
  async #follow(link: string, path: string): Promise<string> {
    const real = await realpath(link).catch(() => {
      throw this.#refused(path, 'is a link to something that is not there');
    });
    if (this.#isAllowed(real)) return real;
    throw this.#refused(
      path,
      'is a link that leaves the chart folder',
      'put the file itself there; --allow-chart-links ROOT allows links to what lies below ROOT',
    );
  }

  #isAllowed(real: string): boolean {
    return this.#allowed.some((root) => real === root || real.startsWith(root.endsWith(sep) ? root : root + sep));
  }

  async #copyFile(real: string, to: string, path: string): Promise<void> {
    this.#files += 1;
    const file = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
      (cause: unknown) => {
        throw this.#refused(path, `cannot be read: ${messageOf(cause)}`);
      },
    );
    try {
      // What was opened has to be what was looked at: a folder on the way may have become a link since.
      const [opened, there, again] = await Promise.all([file.stat(), lstat(real), realpath(real)]);
      if (again !== real || opened.ino !== there.ino || opened.dev !== there.dev || !opened.isFile())
        throw this.#refused(path, 'changed while it was read');
      this.#bytes += opened.size;
      if (this.#bytes > UNPACKED_LIMIT || this.#files > FILES_LIMIT) {
        const limit = `${UNPACKED_LIMIT / 1024 / 1024} MiB or ${FILES_LIMIT} files`;
        throw new AirgapError('chart-invalid', `the chart folder ${this.#folder} holds more than ${limit}`, {
          hint: 'leave out what is no part of the chart with a .helmignore',
        });
      }
      // Not more than was counted, whatever the file says of its size.
      const content = Buffer.alloc(opened.size);
      const { bytesRead } = await file.read(content, 0, opened.size, 0);
      if (bytesRead !== opened.size) throw this.#refused(path, 'changed while it was read');
      await writeFile(to, content);
    } finally {
      await file.close();
    }
  }

  #refused(path: string, what: string, hint = 'a chart folder holds plain files and folders'): AirgapError {
    return new AirgapError('chart-invalid', `${path} in the chart folder ${this.#folder} ${what}`, { hint });
  }
}
