import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { compareText } from '../../base/text-order.ts';
import { wildcard } from '../../base/wildcard.ts';
import { readMapping } from '../../helm/go-yaml.ts';

/** A values file, and the folder of the chart that it belongs to. */
export interface GlobbedFile {
  /** Absolute. */
  readonly path: string;
  /** Folder that has a Chart.yaml beside the file (absolute); absent if there is none, or of a library, which has no render. */
  readonly chartFolder?: string;
}

/** Files that all globs together may match. */
const MAX_FILES = 5000;
/** Folders that one `**` enters. */
const MAX_DEPTH = 20;

/**
 * Expands globs: `*` matches within one name, `**` any number of folders. Names that begin with a dot match only if the
 * pattern's do, and links to folders are not followed by `**`.
 * @param cwd base of relative globs (absolute)
 * @returns sorted, each once
 * @throws AirgapError `usage` for a glob that matches no file, or for more than 5000 files
 */
export async function expandGlobs(globs: readonly string[], cwd: string): Promise<GlobbedFile[]> {
  const found = new Set<string>();
  for (const glob of globs) {
    const paths = await matches(resolve(cwd, glob));
    if (paths.length === 0) {
      throw new AirgapError('usage', `--values-files ${glob}: no file matches`, {
        hint: "quote the glob, as in --values-files 'charts/*/values.yaml'",
      });
    }
    for (const path of paths) found.add(path);
    if (found.size > MAX_FILES) throw new AirgapError('usage', `--values-files: more than ${MAX_FILES} files match`);
  }
  return Promise.all([...found].sort(compareText).map(withChart));
}

async function withChart(path: string): Promise<GlobbedFile> {
  const chartFolder = dirname(path);
  const metadata = await readFile(join(chartFolder, 'Chart.yaml'), 'utf8').catch(() => undefined);
  return metadata === undefined || readMapping(metadata).type === 'library' ? { path } : { path, chartFolder };
}

async function matches(glob: string): Promise<string[]> {
  const [root = '', ...steps] = glob.split(sep);
  let paths = [root === '' ? sep : root];
  for (const [i, step] of steps.entries()) {
    const isLast = i === steps.length - 1;
    const next: string[] = [];
    for (const path of paths) next.push(...(await stepInto(path, step)));
    paths = [...new Set(next)];
    if (!isLast) continue;
    const kinds = await Promise.all(paths.map(kindOf));
    paths = paths.filter((_, at) => kinds[at] === 'file');
  }
  return paths;
}

async function stepInto(folder: string, step: string): Promise<string[]> {
  if (step === '**') return foldersBelow(folder, 0);
  if (!step.includes('*')) return (await kindOf(join(folder, step))) === undefined ? [] : [join(folder, step)];
  const pattern = wildcard(step);
  const entries = await readdir(folder).catch(() => []);
  return entries
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

async function kindOf(path: string): Promise<'file' | 'other' | undefined> {
  return stat(path).then(
    (info) => (info.isFile() ? 'file' : 'other'),
    () => undefined,
  );
}
