import { readFile, realpath } from 'node:fs/promises';
import { join, posix, relative, resolve, sep } from 'node:path';
import { AirgapError } from '../base/errors.ts';
import { foldedKey } from './chart-metadata.ts';
import { copyChartFolder, resolveLinkRoot } from './copy-chart-folder.ts';
import { readMapping } from './go-yaml.ts';

/**
 * Copies a chart folder and its dependencies in folders (`file://../common`) below `destination`. Relative paths
 * between them are kept, since Helm resolves dependencies from the chart.
 * @param dependencies paths as in Chart.yaml, relative to the chart
 * @returns folder of the copied chart
 * @throws AirgapError `chart-invalid` for a dependency that is neither in the chart nor below one of `roots`
 */
export async function copyWithDependencies(
  folder: string,
  dependencies: readonly string[],
  destination: string,
  roots: readonly string[],
): Promise<string> {
  const chartRoot = await realpath(folder);
  const allowedRoots = await Promise.all(roots.map(resolveLinkRoot));
  const folders = [chartRoot];
  for (const dependency of dependencies) {
    const target = resolve(chartRoot, dependency);
    const real = await realpath(target).catch(() => undefined);
    const isAllowed = [chartRoot, ...allowedRoots].some((root) => real === root || real?.startsWith(root + sep));
    // Helm would read an absolute path from its original location.
    if (isAllowed && real === target && !posix.isAbsolute(dependency)) {
      if (!target.startsWith(chartRoot + sep)) folders.push(target);
      continue;
    }
    throw new AirgapError(
      'chart-invalid',
      `dependency file://${dependency} of chart folder ${folder} is outside that folder`,
      { hint: 'use a relative path, and allow its folder with --allow-chart-links ROOT' },
    );
  }
  const commonRoot = commonFolder(folders);
  for (const target of folders) await copyChartFolder(target, join(destination, relative(commonRoot, target)), roots);
  return join(destination, relative(commonRoot, chartRoot));
}

/**
 * Returns the repositories of a chart's dependencies, as written in the chart. Go matches keys case-insensitively, so
 * all spellings count.
 */
export async function dependencyRepositories(folder: string): Promise<string[]> {
  const texts = await Promise.all(
    ['Chart.yaml', 'requirements.yaml'].map((name) => readFile(join(folder, name), 'utf8').catch(() => '')),
  );
  return texts
    .flatMap((text) => valuesOf(readMapping(text), 'dependencies'))
    .flatMap((list) => (Array.isArray(list) ? list : []))
    .flatMap((dependency) => valuesOf(dependency, 'repository'))
    .filter((repository) => typeof repository === 'string');
}

function valuesOf(mapping: unknown, name: string): unknown[] {
  if (typeof mapping !== 'object' || mapping === null) return [];
  return Object.entries(mapping).flatMap(([key, value]) => (foldedKey(key) === name ? [value] : []));
}

/** Returns the deepest common parent folder. */
function commonFolder(folders: readonly string[]): string {
  const split = folders.map((target) => target.split(sep).slice(0, -1));
  const [first = []] = split;
  const length = first.findIndex((part, i) => split.some((parts) => parts[i] !== part));
  return first.slice(0, length < 0 ? first.length : length).join(sep) || sep;
}
