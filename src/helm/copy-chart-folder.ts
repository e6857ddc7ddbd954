import { constants } from 'node:fs';
import { lstat, mkdir, open, readdir, readFile, realpath, stat, writeFile } from 'node:fs/promises';
import { join, posix, sep } from 'node:path';
import { AirgapError } from '../base/errors.ts';
import { reasonOf } from '../base/file-failure.ts';
import { wildcard } from '../base/wildcard.ts';
import { UNPACKED_LIMIT } from './chart-entries.ts';

/** Maximum files in one chart folder. */
const FILES_LIMIT = 10_000;

/**
 * Copies a chart folder and replaces links by their targets. Helm follows every link, so it reads only the copy. Links
 * may point into the folder or below one of `roots`.
 * @param destination folder of the copy; created
 * @param roots folders (absolute) that links may point to
 * @throws AirgapError `chart-invalid` for any other link
 */
export async function copyChartFolder(folder: string, destination: string, roots: readonly string[]): Promise<void> {
  const chartRoot = await realpath(folder);
  const allowedRoots = [chartRoot, ...(await Promise.all(roots.map(resolveLinkRoot)))];
  const ignores = parseHelmIgnore(await readPlainFile(join(chartRoot, '.helmignore')));
  await new FolderCopy(folder, allowedRoots, ignores).copy({
    from: chartRoot,
    to: destination,
    path: '',
    ancestors: [chartRoot],
  });
}

/** Reads a regular file; empty if it is missing or a link, which the copy checks later. */
async function readPlainFile(file: string): Promise<string> {
  const isFile = (await lstat(file).catch(() => undefined))?.isFile() ?? false;
  return isFile ? readFile(file, 'utf8') : '';
}

/**
 * Resolves a folder that links may point to.
 * @throws AirgapError `usage`
 */
export async function resolveLinkRoot(root: string): Promise<string> {
  return realpath(root).catch((cause: unknown) => {
    throw new AirgapError('usage', `cannot read --allow-chart-links ${root}: ${reasonOf(cause)}`, {
      hint: 'specify an existing folder',
      cause,
    });
  });
}

interface FolderToCopy {
  /** Source folder (without links in its path), and target of the copy. */
  readonly from: string;
  readonly to: string;
  /** Path in the chart, with slashes; empty for the chart itself. */
  readonly path: string;
  /** Resolved folders on the way to this one, to detect cycles. */
  readonly ancestors: readonly string[];
}

class FolderCopy {
  readonly #folder: string;
  readonly #allowedRoots: readonly string[];
  readonly #ignores: IgnoreTest;
  #files = 0;
  #bytes = 0;

  constructor(folder: string, allowedRoots: readonly string[], ignores: IgnoreTest) {
    this.#folder = folder;
    this.#allowedRoots = allowedRoots;
    this.#ignores = ignores;
  }

  async copy({ from, to, path, ancestors }: FolderToCopy): Promise<void> {
    await mkdir(to, { recursive: true });
    for (const entry of await readdir(from, { withFileTypes: true })) {
      const pathInChart = posix.join(path, entry.name);
      const source = join(from, entry.name);
      const isLink = entry.isSymbolicLink();
      // Helm applies ignore rules to the target of a link.
      const isFolder = isLink
        ? ((await stat(source).catch(() => undefined))?.isDirectory() ?? false)
        : entry.isDirectory();
      if (this.#ignores(pathInChart, isFolder)) continue;
      const realPath = isLink ? await this.#follow(source, pathInChart) : source;
      const info = await lstat(realPath);
      if (info.isDirectory()) {
        if (ancestors.includes(realPath)) throw this.#refusal(pathInChart, 'is a link to one of its parent folders');
        await this.copy({
          from: realPath,
          to: join(to, entry.name),
          path: pathInChart,
          ancestors: [...ancestors, realPath],
        });
      } else if (info.isFile()) await this.#copyFile(realPath, join(to, entry.name), pathInChart);
      else throw this.#refusal(pathInChart, 'is neither a regular file nor a folder');
    }
  }

  /** Returns the resolved target of a link. */
  async #follow(link: string, path: string): Promise<string> {
    const realPath = await realpath(link).catch(() => {
      throw this.#refusal(path, 'is a broken link');
    });
    if (this.#isAllowed(realPath)) return realPath;
    throw this.#refusal(
      path,
      'is a link to a target outside the chart folder',
      'replace the link by the file, or allow targets below a folder with --allow-chart-links ROOT',
    );
  }

  #isAllowed(realPath: string): boolean {
    return this.#allowedRoots.some(
      (root) => realPath === root || realPath.startsWith(root.endsWith(sep) ? root : root + sep),
    );
  }

  async #copyFile(realPath: string, to: string, path: string): Promise<void> {
    this.#files += 1;
    const file = await open(realPath, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
      (cause: unknown) => {
        throw this.#refusal(path, `cannot be read: ${reasonOf(cause)}`);
      },
    );
    try {
      // Detects replaced files and folders: a parent folder may have become a link since the check.
      const [opened, onDisk, currentPath] = await Promise.all([file.stat(), lstat(realPath), realpath(realPath)]);
      if (currentPath !== realPath || opened.ino !== onDisk.ino || opened.dev !== onDisk.dev || !opened.isFile())
        throw this.#refusal(path, 'changed while it was read');
      this.#bytes += opened.size;
      if (this.#bytes > UNPACKED_LIMIT || this.#files > FILES_LIMIT) {
        const limit = `${UNPACKED_LIMIT / 1024 / 1024} MiB or ${FILES_LIMIT} files`;
        throw new AirgapError('chart-invalid', `chart folder ${this.#folder} contains more than ${limit}`, {
          hint: 'exclude files that are not part of the chart with a .helmignore',
        });
      }
      // Reads only the counted size, even if the file grows.
      const content = Buffer.alloc(opened.size);
      const { bytesRead } = await file.read(content, 0, opened.size, 0);
      if (bytesRead !== opened.size) throw this.#refusal(path, 'changed while it was read');
      await writeFile(to, content);
    } finally {
      await file.close();
    }
  }

  #refusal(
    path: string,
    problem: string,
    hint = 'a chart folder may contain only regular files and folders',
  ): AirgapError {
    return new AirgapError('chart-invalid', `${path} in chart folder ${this.#folder} ${problem}`, { hint });
  }
}

/**
 * Reports whether Helm ignores a file or folder of a chart.
 * @param path relative to the chart, with slashes
 */
type IgnoreTest = (path: string, isFolder: boolean) => boolean;

/**
 * Parses a .helmignore (helm.sh/helm, pkg/ignore). Supports only simple rules: it serves to avoid copying ignored
 * files, and Helm applies all rules again to the copy.
 */
function parseHelmIgnore(text: string): IgnoreTest {
  const lines = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  // In Helm, a rule with "!" ignores everything that it does not match, and overrides other rules.
  if (lines.some((line) => line.startsWith('!'))) return () => false;
  const rules = lines
    .filter((line) => !/[?[\]\\]|\*\*/.test(line))
    .map((line) => {
      const pattern = line.replace(/\/$/, '');
      const parts = pattern.replace(/^\//, '').split('/').map(wildcard);
      return { parts, isBase: !pattern.includes('/'), mustBeFolder: line.endsWith('/') };
    });
  return (path, isFolder) => {
    const names = path.split('/');
    return rules.some(({ parts, isBase, mustBeFolder }) => {
      if (mustBeFolder && !isFolder) return false;
      const compared = isBase ? names.slice(-1) : names;
      return parts.length === compared.length && parts.every((part, i) => part.test(compared[i] as string));
    });
  };
}
