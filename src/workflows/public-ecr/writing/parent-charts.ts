import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { satisfies } from 'semver';
import { isMapping } from '../../../base/mapping.ts';
import { compareText } from '../../../base/text-order.ts';
import { readMapping } from '../../../helm/go-yaml.ts';
import type { ChartVersion } from './chart-versions.ts';

/** Chart on this disk that depends on a changed one. */
export interface ParentChart {
  readonly name: string;
  /** Absolute. */
  readonly folder: string;
  /** Name of the changed chart. */
  readonly on: string;
  /** How: the `file://` address, or its folder in `charts/`. */
  readonly through: string;
  /** What has to follow: `Chart.lock`, a copy in `charts/`, a version range that excludes the new version. */
  readonly outdated: readonly string[];
}

/** Folders below the working folder in which charts are sought. */
const DEPTH = 4;
const FOLDERS_LIMIT = 5000;

/**
 * Finds the charts that depend on changed ones: the chart that has one in `charts/`, and those that name one by `file://`, below
 * the working folder or beside the changed chart.
 * @param cwd absolute
 */
export async function findParents(changed: readonly ChartVersion[], cwd: string): Promise<ParentChart[]> {
  const folders = new Map(changed.map((version) => [dirname(version.file), version]));
  const found: ParentChart[] = [];
  for (const [folder, version] of folders) {
    const parent = dirname(dirname(folder));
    if (basename(dirname(folder)) !== 'charts') continue;
    const metadata = await metadataOf(parent);
    if (metadata === undefined) continue;
    const through = `charts/${basename(folder)}`;
    found.push({ ...named(metadata, parent), on: version.name, through, outdated: [] });
  }
  for (const folder of await chartsNear([...folders.keys()], cwd)) {
    const metadata = await metadataOf(folder);
    for (const dependency of metadata === undefined ? [] : await dependenciesOf(folder, metadata)) {
      const { repository } = dependency;
      if (typeof repository !== 'string' || !repository.startsWith('file://')) continue;
      const version = folders.get(resolve(folder, repository.slice('file://'.length)));
      if (version === undefined) continue;
      const outdated = await outdatedIn(folder, dependency, version);
      found.push({ ...named(metadata ?? {}, folder), on: version.name, through: repository, outdated });
    }
  }
  return found.sort((a, b) => compareText(a.folder + a.on, b.folder + b.on));
}

type Metadata = Readonly<Record<string, unknown>>;

function named({ name }: Metadata, folder: string): Pick<ParentChart, 'name' | 'folder'> {
  return { name: typeof name === 'string' ? name : basename(folder), folder };
}

async function metadataOf(folder: string): Promise<Metadata | undefined> {
  const text = await readFile(join(folder, 'Chart.yaml'), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : readMapping(text);
}

async function dependenciesOf(folder: string, { dependencies }: Metadata): Promise<Metadata[]> {
  const text = await readFile(join(folder, 'requirements.yaml'), 'utf8').catch(() => '');
  return [dependencies, readMapping(text).dependencies].flatMap((list) =>
    Array.isArray(list) ? list.filter(isMapping) : [],
  );
}

async function outdatedIn(folder: string, dependency: Metadata, { name, bumped }: ChartVersion): Promise<string[]> {
  const range = String(dependency.version ?? '');
  const isOutside = bumped !== undefined && range !== '' && !satisfies(bumped, range, { includePrerelease: true });
  const entries = await readdir(folder).catch((): string[] => []);
  const charts = await readdir(join(folder, 'charts')).catch((): string[] => []);
  const copies = charts.filter((entry) => entry.startsWith(`${name}-`) && entry.endsWith('.tgz'));
  return [
    ...(isOutside ? [`Chart.yaml wants ${name} ${range}`] : []),
    ...entries.filter((entry) => entry === 'Chart.lock' || entry === 'requirements.lock'),
    ...copies.map((copy) => `charts/${copy}`),
  ];
}

/** Returns the folders with a Chart.yaml below the working folder, or beside changed charts that are elsewhere. */
async function chartsNear(folders: readonly string[], cwd: string): Promise<string[]> {
  const roots = new Set(folders.map((folder) => (folder.startsWith(cwd + sep) ? cwd : dirname(folder))));
  const charts = new Set<string>();
  let visited = 0;
  const visit = async (folder: string, depth: number): Promise<void> => {
    visited += 1;
    if (visited > FOLDERS_LIMIT) return;
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    if (entries.some((entry) => entry.isFile() && entry.name === 'Chart.yaml')) charts.add(folder);
    for (const entry of entries)
      if (entry.isDirectory() && !/^\.|^node_modules$/.test(entry.name) && depth < DEPTH)
        await visit(join(folder, entry.name), depth + 1);
  };
  for (const root of roots) await visit(root, 0);
  return [...charts].sort();
}
