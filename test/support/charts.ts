import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = join(import.meta.dirname, '../..');

/** A chart of the repository's own. */
export function fixtureChart(name: string): string {
  return join(root, 'fixtures/charts', name);
}

/** A real chart's archive, from AIRGAP_CHARTS (default ../shared/charts); undefined when it is not there. */
export function realChart(archive: string): string | undefined {
  const path = join(resolve(root, process.env.AIRGAP_CHARTS || '../shared/charts'), archive);
  return existsSync(path) ? path : undefined;
}
