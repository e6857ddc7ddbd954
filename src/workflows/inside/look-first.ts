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
  /** The bundle that is to be written. */
  readonly out: string;
  /** Earlier bundles, whose blobs are copied instead of fetched. */
  readonly reuse: readonly string[];
  readonly access: RegistryAccess;
  /** Requests at the same time. */
  readonly concurrency: number;
  /** Leave nothing but what is in the scratch folder. */
  readonly dryRun: boolean;
}

/** What was found before anything was bundled, and what that left. */
export interface LookedFirst {
  readonly images: readonly InsideImage[];
  /** The operators' images in an archive of their own, for the bundle to take them from; undefined when there are none. */
  readonly ahead: WriteResult | undefined;
}

/**
 * Looks into operators whose findings are to be bundled with them. Their images are fetched into `NAME.inside` first, as
 * a bundle is written: an interrupted run is continued, and whoever writes the bundle takes them from there.
 * @param charts with those operators that are going to be bundled
 * @param scratch a folder that is taken away afterwards
 * @throws AirgapError for what could not be fetched, `no-space`, `interrupted`
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
    emit({ type: 'stage', message: `fetching ${namesOf(graph)} first, to look inside` });
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
