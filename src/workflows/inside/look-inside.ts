import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../base/errors.ts';
import { createOwn } from '../../base/own-file.ts';
import { openRandomFile, singleFile } from '../../bundle/files/random-file.ts';
import { fetchBlob } from '../../bundle/writing/fetch-blob.ts';
import type { Source } from '../../oci/content.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Graph } from '../../oci/graph.ts';
import { settleLanes } from '../../oci/lanes.ts';
import type { RegistryClient } from '../../registry/client.ts';
import { checkAborted } from '../../transfer/failure.ts';
import type { Context } from '../context.ts';
import { namesOf, operatorsGraph } from './operator-image.ts';
import { type InsideImage, type OperatorsOfChart, subjectsOf } from './subject.ts';
import { WrittenScan } from './written-scan.ts';

export interface LookOptions {
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
export async function lookInside(
  context: Context,
  client: Source & Pick<RegistryClient, 'head'>,
  charts: readonly OperatorsOfChart[],
  { folder, concurrency }: LookOptions,
): Promise<InsideImage[]> {
  const images = subjectsOf(charts).map(({ image }) => image);
  const graph = await operatorsGraph(context, client, images);
  const failures = new Map<Digest, string>();
  const missing = (digest: Digest): string => failures.get(digest) ?? 'not fetched';
  const scan = await WrittenScan.for(context, graph, { charts, client, concurrency, missing });
  if (scan === undefined) return [];
  try {
    context.emit({ type: 'stage', message: `fetching operator images to scan: ${namesOf(graph)}` });
    await fetchLayers(context, graph, { folder, concurrency, client, scan, failures });
    return await scan.finish();
  } finally {
    await scan.close();
  }
}

interface Fetching extends LookOptions {
  readonly client: Source;
  readonly scan: WrittenScan;
  /** Receives the reason for each blob that is not in the file. */
  readonly failures: Map<Digest, string>;
}

/** Fetches all blobs into one file and announces each one to the scan. */
async function fetchLayers(
  { emit, signal }: Context,
  { blobs }: Graph,
  { folder, concurrency, client: source, scan, failures }: Fetching,
): Promise<void> {
  let size = 0;
  const slots = [...blobs.values()].map((node) => {
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
  const places = singleFile(join(folder, 'layers'));
  const file = await openRandomFile(places, (path) => createOwn(path));
  emit({ type: 'plan', blobs: slots.length, bytes: size });
  try {
    await settleLanes(slots, concurrency, async ({ node, offset, descriptor: { digest } }) => {
      try {
        await fetchBlob(node, offset, 0, { file, source, emit, checkpoint: async () => {}, ...(signal && { signal }) });
        scan.placed({ digest, size: node.descriptor.size, offset, places: [places] });
      } catch (error) {
        failures.set(digest, messageOf(error));
      }
    });
    checkAborted(signal);
  } finally {
    await file.close();
  }
}
