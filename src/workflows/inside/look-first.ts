import { type WriteResult, writeBundle } from '../../bundle/write.ts';
import { EarlierBundles } from '../../bundle/writing/reuse.ts';
import type { Context } from '../context.ts';
import { connect, type RegistryAccess } from '../registry.ts';
import { aheadOf, isAhead, tellAhead } from './ahead.ts';
import { lookInside } from './look-inside.ts';
import { namesOf, operatorsGraph } from './operator-image.ts';
import { type InsideImage, type OperatorsOfChart, subjectsOf } from './subject.ts';
import { WrittenScan } from './written-scan.ts';

export interface LookFirstOptions {
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
export interface LookedFirst {
  readonly images: readonly InsideImage[];
  /** Archive of the operator images, from which the bundle copies them; undefined if there are none. */
  readonly ahead: WriteResult | undefined;
}

/**
 * Scans operators whose findings are to be bundled too. Prefetches their images into `NAME.inside`, in the format of a
 * bundle: an interrupted run is resumed, and the bundle copies the images from there.
 * @param charts charts with the operators to bundle
 * @param scratch temporary folder, deleted by the caller
 * @throws AirgapError if an image cannot be fetched; `no-space`, `interrupted`
 */
export async function lookFirst(
  context: Context,
  { out, reuse, access, concurrency, dryRun }: LookFirstOptions,
  charts: readonly OperatorsOfChart[],
  scratch: string,
): Promise<LookedFirst> {
  const names = subjectsOf(charts).map(({ image }) => image);
  if (names.length === 0) return { images: [], ahead: undefined };
  const { emit, signal } = context;
  const { client } = connect(context, access);
  let earlier: EarlierBundles | undefined;
  let scan: WrittenScan | undefined;
  try {
    if (dryRun) {
      return { images: await lookInside(context, client, charts, { folder: scratch, concurrency }), ahead: undefined };
    }
    earlier = await EarlierBundles.open(reuse, emit, out);
    const graph = await operatorsGraph(context, client, names);
    scan = await WrittenScan.for(context, graph, { charts, client, concurrency });
    if (scan === undefined) return { images: [], ahead: undefined };
    emit({ type: 'stage', message: `fetching operator images first, to scan them: ${namesOf(graph)}` });
    const path = aheadOf(out);
    const content = { path, graph, charts: [], force: await isAhead(path), source: client, earlier };
    const steps = { concurrency, emit, ...(signal === undefined ? {} : { signal }) };
    const ahead = await writeBundle({ ...content, ...steps, watch: scan });
    return { images: await scan.finish(), ahead };
  } catch (error) {
    await tellAhead(out, emit);
    throw error;
  } finally {
    await scan?.close();
    await earlier?.close();
    await client.close();
  }
}
