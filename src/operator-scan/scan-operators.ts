import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../base/errors.ts';
import { createOwnFile } from '../base/own-file.ts';
import { openRandomFile, singleFile } from '../bundle/files/random-file.ts';
import { type WriteResult, writeBundle } from '../bundle/write.ts';
import { EarlierBundles } from '../bundle/writing/earlier-bundles.ts';
import { fetchBlob } from '../bundle/writing/fetch-blob.ts';
import { isPrefetchArchive, prefetchPath, warnOfPrefetched } from '../bundle/writing/prefetched.ts';
import type { Source } from '../oci/content.ts';
import type { Digest } from '../oci/digest.ts';
import type { Graph } from '../oci/graph.ts';
import type { RegistryClient } from '../registry/client.ts';
import { connect, type RegistryUse } from '../session/connect.ts';
import type { Context } from '../session/context.ts';
import { scheduleBlobs } from '../transfer/blob-scheduler.ts';
import { throwIfAborted } from '../transfer/wrap-error.ts';
import { imageNames, operatorImagesGraph } from './operator-image.ts';
import { OperatorScan } from './operator-scan.ts';
import { type ChartOperators, type OperatorScanResult, operatorImagesOf } from './operators.ts';

export interface ScanOperatorsOptions {
  /** Temporary folder for the layers, deleted by the caller. */
  readonly folder: string;
  /** Maximum concurrent requests. */
  readonly concurrency: number;
}

/**
 * Scans the images of operators for images that they deploy, and confirms the findings in registries. Layers are
 * fetched into a file and scanned on a thread, as for a bundle. Unreadable parts are reported as skipped, not as
 * errors: scan findings are only additions.
 * @throws AirgapError `interrupted`
 */
export async function scanOperators(
  context: Context,
  client: Source & Pick<RegistryClient, 'head'>,
  charts: readonly ChartOperators[],
  { folder, concurrency }: ScanOperatorsOptions,
): Promise<OperatorScanResult[]> {
  const images = operatorImagesOf(charts).map(({ image }) => image);
  const graph = await operatorImagesGraph(context, client, images);
  const failures = new Map<Digest, string>();
  const missingReason = (digest: Digest): string => failures.get(digest) ?? 'not fetched';
  const scan = await OperatorScan.for(context, graph, { charts, client, concurrency, missingReason });
  if (scan === undefined) return [];
  try {
    await fetchLayers(context, graph, { folder, concurrency, source: client, scan, failures });
    return await scan.finish();
  } finally {
    await scan.close();
  }
}

interface FetchLayersOptions extends ScanOperatorsOptions {
  readonly source: Source;
  readonly scan: OperatorScan;
  /** Receives the reason for each blob that is not in the file. */
  readonly failures: Map<Digest, string>;
}

/** Fetches all blobs into one file and announces each one to the scan. */
async function fetchLayers(
  { emit, signal }: Context,
  { blobs }: Graph,
  { folder, concurrency, source, scan, failures }: FetchLayersOptions,
): Promise<void> {
  let size = 0;
  const blobsInFile = [...blobs.values()].map((node) => {
    const offset = size;
    size += node.descriptor.size;
    return { node, offset, descriptor: node.descriptor };
  });
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize < size) {
    const reason = `the layers need ${size} bytes, but ${folder} has ${bavail * bsize} free (set TMPDIR to another folder)`;
    for (const digest of blobs.keys()) failures.set(digest, reason);
    return;
  }
  const fileParts = singleFile(join(folder, 'layers'));
  const file = await openRandomFile(fileParts, (path) => createOwnFile(path));
  const planned = blobsInFile.map(({ descriptor: { digest, size } }) => ({ digest, bytes: size }));
  emit({ type: 'plan', activity: 'fetching operator images', blobs: planned });
  try {
    await scheduleBlobs(blobsInFile, concurrency, async ({ node, offset, descriptor: { digest, size } }) => {
      try {
        await fetchBlob(node, offset, 0, { file, source, emit, checkpoint: async () => {}, ...(signal && { signal }) });
        emit({ type: 'blob', digest, bytes: size, status: 'done' });
        scan.onWritten({ digest, size, offset, files: [fileParts] });
      } catch (error) {
        emit({ type: 'blob', digest, bytes: size, status: 'failed' });
        failures.set(digest, messageOf(error));
      }
    });
    throwIfAborted(signal);
  } finally {
    await file.close();
  }
}

export interface PrefetchAndScanOptions extends RegistryUse {
  /** Path of the bundle to write. */
  readonly out: string;
  /** Earlier bundles, whose blobs are copied instead of fetched. */
  readonly reuse: readonly string[];
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
    emit({ type: 'note', message: `fetching operator images first, to scan them: ${imageNames(graph)}` });
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
