import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

const root = join(import.meta.dirname, '../..');

/** Folder of the fixture charts. */
export const CHARTS = join(root, 'fixtures/charts');

/** Path of a fixture chart. */
export function fixtureChart(name: string): string {
  return join(CHARTS, name);
}

/** Folder of real charts, which may not exist: AIRGAP_CHARTS, or ../shared/charts next to the checkout. */
export function realCharts(): string {
  return resolve(root, process.env.AIRGAP_CHARTS || '../shared/charts');
}

/** Path of a real chart's archive; undefined if it does not exist. */
export function realChart(archive: string): string | undefined {
  const path = join(realCharts(), archive);
  return existsSync(path) ? path : undefined;
}

/** Writes files by path below a folder. */
export async function writeFiles(folder: string, files: Readonly<Record<string, string>>): Promise<string> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return folder;
}

/** Returns a Chart.yaml. */
export function chartYaml(name: string, version = '1.0.0', extra = ''): string {
  return `apiVersion: v2\nname: ${name}\nversion: ${version}\n${extra}`;
}
