import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = join(import.meta.dirname, '../..');

/** A chart of the repository's own. */
export function fixtureChart(name: string): string {
  return join(root, 'fixtures/charts', name);
}

/** The folder of real charts, here or not: AIRGAP_CHARTS, or ../shared/charts beside the checkout. */
export function realCharts(): string {
  return resolve(root, process.env.AIRGAP_CHARTS || '../shared/charts');
}

/** A real chart's archive; undefined when it is not there. */
export function realChart(archive: string): string | undefined {
  const path = join(realCharts(), archive);
  return existsSync(path) ? path : undefined;
}
