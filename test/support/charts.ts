import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = join(import.meta.dirname, '../..');

/** Path of a fixture chart. */
export function fixtureChart(name: string): string {
  return join(root, 'fixtures/charts', name);
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
