import { rm } from 'node:fs/promises';
import { type WriteResult, writeBundle } from '../../bundle/write.ts';
import { EarlierBundles } from '../../bundle/writing/reuse.ts';
import type { Source } from '../../oci/content.ts';
import type { Graph } from '../../oci/graph.ts';
import { parseReference } from '../../oci/reference.ts';
import { checkAborted } from '../../transfer/failure.ts';
import { GraphBuilder } from '../../transfer/graph-builder.ts';
import type { Context } from '../context.ts';
import { connect, type RegistryAccess } from '../registry.ts';
import { unreadable, withoutPlatform } from './look-inside.ts';
import { imageParts } from './operator-image.ts';
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
 * @throws AirgapError for what could not be fetched, `no-space`, `interrupted`
 */
export async function lookFirst(
  context: Context,
  { out, reuse, access, concurrency }: LookFirstOptions,
  charts: readonly OperatorsOfChart[],
): Promise<LookedFirst> {
  const images = subjectsOf(charts).map(({ image }) => image);
  if (images.length === 0) return { images: [], ahead: undefined };
  const { emit, signal } = context;
  const { client } = connect(context, access);
  const earlier = await EarlierBundles.open(reuse, emit, out);
  let scan: WrittenScan | undefined;
  try {
    const graph = await operatorsGraph(context, client, images);
    scan = await WrittenScan.for(context, graph, { charts, client, concurrency });
    if (scan === undefined) return { images: [], ahead: undefined };
    emit({ type: 'stage', message: `looking into ${graph.roots.length} operators first` });
    const content = { path: aheadOf(out), graph, charts: [], force: true, source: client, earlier };
    const steps = { concurrency, emit, ...(signal === undefined ? {} : { signal }) };
    const ahead = await writeBundle({ ...content, ...steps, watch: scan });
    return { images: await scan.finish(), ahead };
  } finally {
    await scan?.close();
    await earlier.close();
    await client.close();
  }
}

/** Takes away what was fetched first, the bundle being complete. */
export async function removeAhead(out: string): Promise<void> {
  await rm(aheadOf(out), { force: true });
}

function aheadOf(out: string): string {
  return `${out}.inside`;
}

/** The linux/amd64 images of operators. One that cannot be had is warned about; whoever bundles it says more. */
async function operatorsGraph(
  { emit, signal }: Context,
  source: Pick<Source, 'manifest'>,
  images: readonly string[],
): Promise<Graph> {
  const graph = new GraphBuilder();
  for (const image of images) {
    const reference = parseReference(image);
    try {
      const parts = await imageParts(source, reference);
      if (parts === undefined) {
        emit({ type: 'warning', message: withoutPlatform(image) });
        continue;
      }
      const { manifest, config, layers } = parts;
      const { registry, path } = reference;
      const node = { ...manifest, children: [], blobs: [config, ...layers], repository: { registry, path } };
      graph.add({ reference, descriptor: manifest.descriptor }, [node]);
    } catch (error) {
      checkAborted(signal);
      emit({ type: 'warning', message: unreadable(image, error) });
    }
  }
  return graph.build();
}
