import { readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { expandGlob } from '../../base/glob.ts';
import { compareText } from '../../base/text-order.ts';
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

/**
 * Returns the files that globs match (base/glob.ts).
 * @param cwd base of relative globs (absolute)
 * @returns sorted, each once
 * @throws AirgapError `usage` for a glob that matches no file, or for more than 5000 files
 */
export async function expandGlobs(globs: readonly string[], cwd: string): Promise<GlobbedFile[]> {
  const found = new Set<string>();
  for (const glob of globs) {
    const matching = await expandGlob(resolve(cwd, glob));
    const isValues = await Promise.all(matching.map(isFile));
    const paths = matching.filter((_, i) => isValues[i]);
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

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}
