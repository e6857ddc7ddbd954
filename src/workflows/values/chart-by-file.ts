import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type OpenOptions, openCheckedBundle } from '../../bundle/open.ts';
import { type ChartRequest, fetchChart } from '../../helm/fetch.ts';
import { Helm } from '../../helm/helm.ts';
import { digestOf } from '../../oci/digest.ts';
import { type Context, withScratch } from '../../session/context.ts';
import { chartBlobs } from './bundled-charts.ts';

/**
 * Resolves a local chart archive or folder to the chart of a bundle with the same name and version. The bundled chart
 * is used, because push sends that one; a warning reports different content.
 * @returns the unchanged request if it is not a local file
 * @throws AirgapError of reading the chart or the bundle
 */
export async function bundledChartByFile(
  context: Context,
  { bundle, signer }: { readonly bundle: string } & Pick<OpenOptions, 'signer'>,
  request: ChartRequest,
): Promise<ChartRequest> {
  const { cwd, emit } = context;
  const isPath = /[\\/]|\.t(?:ar\.)?gz$/.test(request.chart) && !/^[a-z][a-z0-9+.-]*:\/\//i.test(request.chart);
  const path = resolve(cwd, request.chart);
  if (!isPath || (await stat(path).catch(() => undefined)) === undefined) return request;
  return withScratch(context, async (scratch) => {
    const { metadata, archive } = await fetchChart(new Helm(context), { chart: path }, join(scratch, 'given'), cwd);
    const { name, version } = metadata;
    const source = await openCheckedBundle(bundle, { signer });
    try {
      const bundled = source.charts().find((chart) => chart.name === name && chart.version === version);
      const same = bundled && (await chartBlobs(source, bundled)).archive.digest === digestOf(await readFile(archive));
      if (same === false) {
        const message = `${request.chart} differs from chart ${name} ${version} in the bundle; using the one in the bundle`;
        emit({ type: 'warning', message });
      }
      return { chart: `${name}@${version}` };
    } finally {
      await source.close();
    }
  });
}
