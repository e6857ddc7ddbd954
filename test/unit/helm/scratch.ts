import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Helm } from '../../../src/helm/helm.ts';
import { type TestHelm, testHelms } from '../../support/helm.ts';

/** Oldest and newest Helm for tests; the end-to-end tests cover the versions between them. */
export const HELMS: readonly TestHelm[] = testHelms().filter(({ version }) => version !== '3.18.0');

export const CHARTS = join(import.meta.dirname, '../../../fixtures/charts');

/** Returns a Helm that is independent of the user's settings. */
export function helmIn(folder: string, { path }: TestHelm): Helm {
  const home = join(folder, 'helm-home');
  const env = {
    PATH: process.env.PATH,
    HELM_BIN: path,
    HELM_CACHE_HOME: join(home, 'cache'),
    HELM_CONFIG_HOME: join(home, 'config'),
    HELM_DATA_HOME: join(home, 'data'),
  };
  return new Helm({ env, cwd: folder });
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
