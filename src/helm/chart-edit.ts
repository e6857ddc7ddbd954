import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packChart, readArchive, unpackChart } from './chart-archive.ts';
import type { Files } from './chart-files.ts';

/** The file in a changed chart that says what is changed. */
const RECORD = 'airgap-changes.json';

/**
 * A chart archive in which some files have other texts, those of archives in charts/ too. Equal content gives equal bytes.
 * @param texts by their path in the chart, as `chartFiles` gives them
 * @param record what is changed; it becomes a file of the chart, in JSON
 * @param folder for the work; it is made
 * @returns the new archive's path
 * @throws AirgapError `chart-invalid`
 */
export function changeChart(archive: string, texts: Files, record: object, folder: string): Promise<string> {
  return change(archive, new Map([...texts, [RECORD, `${JSON.stringify(record, null, 2)}\n`]]), folder);
}

/** Whether a file is a chart archive that {@link changeChart} made. */
export async function isChanged(archive: string): Promise<boolean> {
  const { files } = await readArchive(archive, { test: (path) => path === RECORD }).catch(() => ({
    files: new Map(),
  }));
  return files.size > 0;
}

async function change(archive: string, texts: Files, folder: string): Promise<string> {
  const chart = await unpackChart(archive, join(folder, 'chart'));
  const inner = new Map<string, Map<string, string>>();
  for (const [path, text] of texts) {
    const [, subchart = '', below = ''] = /^charts\/([^/]+)\/(.+)$/.exec(path) ?? [];
    if (below === '' || (await isFolder(join(chart, 'charts', subchart)))) await writeFile(join(chart, path), text);
    else inner.set(subchart, (inner.get(subchart) ?? new Map<string, string>()).set(below, text));
  }
  for (const [subchart, own] of inner) {
    const file = await archiveOf(join(chart, 'charts'), subchart);
    if (file === undefined) continue;
    await writeFile(file, await readFile(await change(file, own, join(folder, 'charts', subchart))));
  }
  const packed = join(folder, 'changed.tgz');
  await packChart(chart, packed);
  return packed;
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

/** The archive whose folder inside has this name: its file name has the version behind it. */
async function archiveOf(folder: string, name: string): Promise<string | undefined> {
  for (const file of await readdir(folder)) {
    if (!file.startsWith(name) || !file.endsWith('.tgz')) continue;
    if ((await readArchive(join(folder, file), /^$/)).root === name) return join(folder, file);
  }
  return undefined;
}
