import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packChart } from './chart-archive.ts';
import type { Helm } from './helm.ts';
import { Renderer, type RenderOptions, type Values } from './render.ts';

const NAME = 'user-values';

/**
 * Returns the values that a user gives with files and flags, merged by Helm itself. They are rendered with a chart that has
 * no values, so no default of a chart is among them.
 * @param folder for temporary files (absolute; created if missing)
 * @throws AirgapError `chart-render` if Helm cannot read the values
 */
export async function userValues(helm: Helm, options: RenderOptions, folder: string): Promise<Values> {
  const metadata = { apiVersion: 'v2', name: NAME, version: '0.0.0' };
  const archive = join(folder, `${NAME}.tgz`);
  await mkdir(join(folder, NAME), { recursive: true });
  await writeFile(join(folder, NAME, 'Chart.yaml'), JSON.stringify(metadata));
  await packChart(join(folder, NAME), archive);
  const request = { chart: archive };
  const chart = { metadata, archive, root: NAME, provenance: undefined, source: '', request, fetchedRequest: request };
  return (await new Renderer(helm, chart, join(folder, 'render')).render(options)).values;
}
