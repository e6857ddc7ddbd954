import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packChart, readArchive, unpackChart } from './chart-archive.ts';
import type { ChartFiles } from './chart-files.ts';

/** Annotations in Chart.yaml of a changed chart: digests of the upstream chart's archive and of its OCI manifest. */
export const UPSTREAM_DIGEST_ANNOTATION = 'vnd.helm-airgap.upstream-digest';
export const UPSTREAM_MANIFEST_ANNOTATION = 'vnd.helm-airgap.upstream-manifest-digest';

/** File in a changed chart that lists the changes. */
const CHANGES_FILE = 'airgap-changes.json';

/**
 * Writes a copy of a chart archive with changed files, also in archives in charts/. Equal content gives equal bytes.
 * @param texts new texts by path in the chart, as in `readChartFiles`
 * @param changes description of the changes, stored in the chart as a JSON file
 * @param folder work folder; created
 * @returns path of the new archive
 * @throws AirgapError `chart-invalid`
 */
export function writeChangedChart(
  archive: string,
  texts: ChartFiles,
  changes: object,
  folder: string,
): Promise<string> {
  return writeWithTexts(archive, new Map([...texts, [CHANGES_FILE, `${JSON.stringify(changes, null, 2)}\n`]]), folder);
}

/** Reports whether a chart archive was written by {@link writeChangedChart}. */
export async function isChangedChart(archive: string): Promise<boolean> {
  const { files } = await readArchive(archive, { test: (path) => path === CHANGES_FILE }).catch(() => ({
    files: new Map(),
  }));
  return files.size > 0;
}

async function writeWithTexts(archive: string, texts: ChartFiles, folder: string): Promise<string> {
  const chart = await unpackChart(archive, join(folder, 'chart'));
  const innerTexts = new Map<string, Map<string, string>>();
  for (const [path, text] of texts) {
    const [, subchart = '', pathInSubchart = ''] = /^charts\/([^/]+)\/(.+)$/.exec(path) ?? [];
    if (pathInSubchart === '' || (await isFolder(join(chart, 'charts', subchart))))
      await writeFile(join(chart, path), text);
    else innerTexts.set(subchart, (innerTexts.get(subchart) ?? new Map<string, string>()).set(pathInSubchart, text));
  }
  for (const [subchart, subchartTexts] of innerTexts) {
    const file = await findSubchartArchive(join(chart, 'charts'), subchart);
    if (file === undefined) continue;
    await writeFile(file, await readFile(await writeWithTexts(file, subchartTexts, join(folder, 'charts', subchart))));
  }
  const packed = join(folder, 'changed.tgz');
  await packChart(chart, packed);
  return packed;
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

/** Finds the archive whose top folder has this name; its file name also contains the version. */
async function findSubchartArchive(folder: string, name: string): Promise<string | undefined> {
  for (const file of await readdir(folder)) {
    if (!file.startsWith(name) || !file.endsWith('.tgz')) continue;
    if ((await readArchive(join(folder, file), /^$/)).root === name) return join(folder, file);
  }
  return undefined;
}
