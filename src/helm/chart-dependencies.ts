import { readFile, realpath } from 'node:fs/promises';
import { join, posix, relative, resolve, sep } from 'node:path';
import { AirgapError } from '../base/errors.ts';
import { yamlValue } from '../base/yaml-reading.ts';
import { foldedKey } from './chart-metadata.ts';
import { copyChartFolder, realRoot } from './chart-source.ts';

/**
 * Where the copy of a chart folder lies below `into`, beside those of its dependencies in folders (`file://../common`),
 * each at the same way from the others as the originals: Helm looks them up from the chart.
 * @param dependencies folders as Chart.yaml names them, relative to the chart
 * @throws AirgapError `chart-invalid` for one that lies neither in the chart nor below one of `roots`
 */
export async function copyWithDependencies(
  folder: string,
  dependencies: readonly string[],
  into: string,
  roots: readonly string[],
): Promise<string> {
  const own = await realpath(folder);
  const allowed = await Promise.all(roots.map(realRoot));
  const places = [own];
  for (const dependency of dependencies) {
    const place = resolve(own, dependency);
    const real = await realpath(place).catch(() => undefined);
    const isInside = [own, ...allowed].some((root) => real === root || real?.startsWith(root + sep));
    // Helm would go to the original of an absolute one.
    if (isInside && real === place && !posix.isAbsolute(dependency)) {
      if (!place.startsWith(own + sep)) places.push(place);
      continue;
    }
    throw new AirgapError(
      'chart-invalid',
      `the dependency file://${dependency} of the chart folder ${folder} leaves that folder`,
      { hint: 'name it by a relative path, and allow its folder with --allow-chart-links ROOT' },
    );
  }
  const top = commonFolder(places);
  for (const place of places) await copyChartFolder(place, join(into, relative(top, place)), roots);
  return join(into, relative(top, own));
}

/**
 * Repositories that the chart in a folder names for its dependencies, as they stand there. Go's YAML and JSON do not tell
 * capital letters apart in keys, so no spelling of theirs is passed over.
 */
export async function dependencyRepositories(folder: string): Promise<string[]> {
  const texts = await Promise.all(
    ['Chart.yaml', 'requirements.yaml'].map((name) => readFile(join(folder, name), 'utf8').catch(() => '')),
  );
  return texts
    .flatMap((text) => valuesOf(parsed(text), 'dependencies'))
    .flatMap((list) => (Array.isArray(list) ? list : []))
    .flatMap((dependency) => valuesOf(dependency, 'repository'))
    .filter((repository) => typeof repository === 'string');
}

function parsed(text: string): unknown {
  try {
    return yamlValue(text, { uniqueKeys: false, merge: true });
  } catch {
    // Helm says what is wrong with it.
    return undefined;
  }
}

function valuesOf(mapping: unknown, name: string): unknown[] {
  if (typeof mapping !== 'object' || mapping === null) return [];
  return Object.entries(mapping).flatMap(([key, value]) => (foldedKey(key) === name ? [value] : []));
}

/** The deepest folder that is above all of them; of a single one the folder that it lies in. */
function commonFolder(places: readonly string[]): string {
  const split = places.map((place) => place.split(sep).slice(0, -1));
  const [first = []] = split;
  const length = first.findIndex((part, i) => split.some((parts) => parts[i] !== part));
  return first.slice(0, length < 0 ? first.length : length).join(sep) || sep;
}
