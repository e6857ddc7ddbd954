import { type WriteResult, writeBundle } from '../bundle/write.ts';
import { EarlierBundles } from '../bundle/writing/earlier-bundles.ts';
import { connect, type RegistryAccess } from '../session/connect.ts';
import type { Context } from '../session/context.ts';
import { imageNames, operatorImagesGraph } from './operator-image.ts';
import { OperatorScan } from './operator-scan.ts';
import { type ChartOperators, type OperatorScanResult, operatorImagesOf } from './operators.ts';
import { isPrefetchArchive, prefetchPath, warnOfPrefetched } from './prefetch.ts';
import { scanOperators } from './scan-operators.ts';

export interface PrefetchAndScanOptions {
  /** Path of the bundle to write. */
  readonly out: string;
  /** Earlier bundles, whose blobs are copied instead of fetched. */
  readonly reuse: readonly string[];
  readonly access: RegistryAccess;
  /** Maximum concurrent requests. */
  readonly concurrency: number;
  /** Writes nothing outside the scratch folder. */
  readonly dryRun: boolean;
}

/** Scan results from before bundling, and the prefetched images. */
export interface PrefetchedScan {
  readonly images: readonly OperatorScanResult[];
  /** Archive of the operator images, from which the bundle copies them; undefined if there are none. */
  readonly prefetched: WriteResult | undefined;
}

/**
 * Scans operators whose findings are to be bundled too. Prefetches their images into `NAME.inside`, in the format of a
 * bundle: an interrupted run is resumed, and the bundle copies the images from there.
 * @param charts charts with the operators to bundle
 * @param scratch temporary folder, deleted by the caller
 * @throws AirgapError if an image cannot be fetched; `no-space`, `interrupted`
 */
export async function prefetchAndScan(
  context: Context,
  { out, reuse, access, concurrency, dryRun }: PrefetchAndScanOptions,
  charts: readonly ChartOperators[],
  scratch: string,
): Promise<PrefetchedScan> {
  const images = operatorImagesOf(charts).map(({ image }) => image);
  if (images.length === 0) return { images: [], prefetched: undefined };
  const { emit, signal } = context;
  const { client } = connect(context, access);
  let earlier: EarlierBundles | undefined;
  let scan: OperatorScan | undefined;
  try {
    if (dryRun) {
      return {
        images: await scanOperators(context, client, charts, { folder: scratch, concurrency }),
        prefetched: undefined,
      };
    }
    earlier = await EarlierBundles.open(reuse, emit, out);
    const graph = await operatorImagesGraph(context, client, images);
    scan = await OperatorScan.for(context, graph, { charts, client, concurrency });
    if (scan === undefined) return { images: [], prefetched: undefined };
    emit({ type: 'stage', message: `fetching operator images first, to scan them: ${imageNames(graph)}` });
    const path = prefetchPath(out);
    const content = { path, graph, charts: [], force: await isPrefetchArchive(path), source: client, earlier };
    const writeOptions = { concurrency, emit, ...(signal === undefined ? {} : { signal }) };
    const prefetched = await writeBundle({ ...content, ...writeOptions, watch: scan });
    return { images: await scan.finish(), prefetched };
  } catch (error) {
    await warnOfPrefetched(out, emit);
    throw error;
  } finally {
    await scan?.close();
    await earlier?.close();
    await client.close();
  }
}
