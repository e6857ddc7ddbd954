import { open, stat } from 'node:fs/promises';
import { AirgapError, combine, messageOf } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import { settle } from '../base/pool.ts';
import type { Lock } from '../lock/lock.ts';
import type { Source } from '../oci/content.ts';
import type { Digest } from '../oci/digest.ts';
import { type Content, closureOf, type Graph, transferOrder } from '../oci/graph.ts';
import type { Platform } from '../oci/platform.ts';
import { formatReference } from '../oci/reference.ts';
import type { ChartArtifact } from './chart-artifact.ts';
import { dockerSaveFile } from './docker-save.ts';
import { fetchBlob } from './fetch-blob.ts';
import { type Layout, planLayout } from './layout.ts';
import { indexFile, lockArtifact, OCI_LAYOUT } from './metadata.ts';
import { type Foreseen, foresee, PartialFile } from './partial-file.ts';
import type { EarlierBundles } from './reuse.ts';

/** What goes into a bundle, and where it goes. */
export interface PlanOptions {
  /** The bundle. While it grows, its content is in `path.partial`, with `path.partial.journal` beside it. */
  readonly path: string;
  readonly graph: Graph;
  readonly charts: readonly ChartArtifact[];
  /** Left out, the file is an archive of images that no chart stands behind. */
  readonly lock?: Lock;
  /** Replace whatever `path` holds. */
  readonly force: boolean;
  /** What `docker load` gets of an image of several platforms; linux/amd64 unless told. */
  readonly dockerPlatform?: Platform;
}

export interface WriteOptions extends PlanOptions {
  /** Where the blobs are read. */
  readonly source: Source;
  /** Earlier bundles whose blobs need not be read from the source. */
  readonly earlier?: EarlierBundles;
  /** Blobs read at the same time. */
  readonly concurrency: number;
  readonly emit: Emit;
  readonly signal?: AbortSignal;
}

export interface WriteResult {
  /** `up-to-date`: the very same bundle was there, and nothing was written. */
  readonly status: 'written' | 'up-to-date';
  readonly path: string;
  /** Bytes of the file. */
  readonly size: number;
  /** Manifests and blobs in it. */
  readonly blobs: number;
  /** Bytes read from the source. */
  readonly fetched: number;
  /** Bytes taken from earlier bundles. */
  readonly reused: number;
  /** Bytes that an interrupted run had left. */
  readonly resumed: number;
}

/** What a run would write, before it does. */
export interface Plan {
  readonly layout: Layout;
  /** Manifests and blobs in it. */
  readonly blobs: number;
  /** Whether the very same bundle is there already. */
  readonly isThere: boolean;
  /** What an interrupted run has left, and the room on the disk. */
  readonly foreseen: Foreseen;
}

/**
 * Plans a bundle and looks at what is at its place; nothing is changed.
 * @throws AirgapError `output-exists` when something else is there and `force` is not set; `collision`; `registry`
 */
export async function planBundle(options: PlanOptions): Promise<Plan> {
  const { path, force } = options;
  const layout = layoutOf(options);
  const blobs = layout.entries.filter(({ digest }) => digest !== undefined).length;
  const foreseen = await foresee(partialOf(path), layout);
  if (await holds(path, layout)) return { layout, blobs, isThere: true, foreseen };
  if (!force && (await stat(path).catch(() => undefined)) !== undefined) {
    throw new AirgapError('output-exists', `${path} is there already, with other content`, {
      hint: 'use --force to replace it, or another name with --out',
    });
  }
  return { layout, blobs, isThere: false, foreseen };
}

function partialOf(path: string): string {
  return `${path}.partial`;
}

/**
 * Writes a bundle in its planned layout: every blob is downloaded straight to its place, in parallel, and hashed on the
 * way. The file has its name only when it is complete. The same content gives the same bytes.
 * @throws AirgapError `output-exists` when something else is there and `force` is not set; `no-space`; `interrupted`;
 *   `several` or the one error of the blobs that failed. What had arrived is continued from by the next run.
 */
export async function writeBundle(options: WriteOptions, planned?: Plan): Promise<WriteResult> {
  const { path, emit, signal } = options;
  const { layout, blobs, isThere } = planned ?? (await planBundle(options));
  const same = { path, size: layout.size, blobs };
  if (isThere) return { ...same, status: 'up-to-date', fetched: 0, reused: 0, resumed: 0 };
  const partial = await PartialFile.open(partialOf(path), layout);
  const slots = layout.entries.flatMap(({ node, offset }) =>
    node === undefined ? [] : [{ node, offset, descriptor: node.descriptor }],
  );
  emit({ type: 'plan', blobs: slots.length, bytes: slots.reduce((sum, { descriptor }) => sum + descriptor.size, 0) });
  let resumed = 0;
  let reused = 0;
  let fetched = 0;
  let stop: unknown;
  const outcomes = await settle(transferOrder(slots), options.concurrency, async ({ node, offset, descriptor }) => {
    if (stop !== undefined) return;
    try {
      const { digest, size } = descriptor;
      const checkpoint = (at: Digest, bytes: number): Promise<void> => partial.checkpoint(at, bytes);
      const steps = { file: partial.file, emit, signal, checkpoint };
      const taken = await options.earlier?.take(node, offset, partial.placed(digest), steps);
      const bytes =
        taken ?? (await fetchBlob(node, offset, partial.placed(digest), { ...steps, source: options.source }));
      if (taken === undefined) fetched += bytes;
      else reused += bytes;
      resumed += Math.max(0, size - bytes);
      emit({ type: 'blob', digest, bytes: size, skipped: bytes === 0 && size > 0 });
    } catch (error) {
      // No other blob will fare better.
      if (signal?.aborted || (error instanceof AirgapError && error.code === 'no-space')) stop ??= error;
      throw named(options, descriptor.digest, error);
    }
  });
  const errors = outcomes.flatMap(({ error }) => (error === undefined ? [] : [error as AirgapError]));
  if (errors.length > 0) {
    await partial.abandon();
    if (signal?.aborted)
      throw new AirgapError('interrupted', 'interrupted', { hint: 'run it again to continue', cause: errors[0] });
    if (stop instanceof AirgapError) throw stop;
    throw combine(errors, `${errors.length} blobs could not be fetched`);
  }
  await partial.finish(path);
  return { ...same, status: 'written', fetched, reused, resumed };
}

/** Everything that the file will hold, at its place. @throws AirgapError `collision`, `registry` */
function layoutOf({ graph, charts, lock, dockerPlatform }: PlanOptions): Layout {
  const document = lock === undefined ? undefined : lockArtifact(lock);
  const all = [graph, ...charts.map(({ content }) => content), ...(document === undefined ? [] : [document.content])];
  const leftOut = new Set<Digest>(lock?.requires?.map(({ digest }) => digest));
  const content: Content = {
    manifests: new Map(all.flatMap(({ manifests }) => [...manifests])),
    blobs: new Map(all.flatMap(({ blobs }) => [...blobs]).filter(([digest]) => !leftOut.has(digest))),
  };
  const metadata = [
    { name: 'oci-layout', bytes: OCI_LAYOUT },
    { name: 'index.json', bytes: indexFile(graph.roots, charts, document?.descriptor) },
  ];
  // Who loads from that file needs all layers beside it, which a delta has not.
  if (leftOut.size === 0) {
    const bytes = dockerSaveFile(graph, dockerPlatform ?? { os: 'linux', architecture: 'amd64' });
    metadata.push({ name: 'manifest.json', bytes });
  }
  return planLayout(metadata, content);
}

/** Whether the file is this very bundle: its size, its metadata files and all its headers. Bodies are not read: `verify` does. */
async function holds(path: string, layout: Layout): Promise<boolean> {
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return false;
  try {
    if ((await file.stat()).size !== layout.size) return false;
    for (const { header, offset, digest, bytes } of layout.entries) {
      const wanted = digest === undefined ? Buffer.concat([header, bytes ?? Buffer.alloc(0)]) : header;
      const actual = Buffer.alloc(wanted.length);
      await file.read(actual, 0, actual.length, offset - header.length);
      if (!actual.equals(wanted)) return false;
    }
    return true;
  } catch {
    return false;
  } finally {
    await file.close();
  }
}

/** The error with the images that want the blob, three at most. */
function named({ graph, charts }: WriteOptions, digest: Digest, error: unknown): AirgapError {
  const images = graph.roots
    .filter(({ descriptor }) => closureOf(graph, descriptor.digest).blobs.includes(digest))
    .map(({ reference }) => formatReference(reference));
  const owners = [
    ...images,
    ...charts.filter(({ content }) => content.blobs.has(digest)).map(({ name }) => `chart ${name}`),
  ];
  const who = owners.length > 3 ? `${owners.slice(0, 3).join(', ')} and ${owners.length - 3} more` : owners.join(', ');
  const { code, hint } = error instanceof AirgapError ? error : { code: 'network' as const, hint: undefined };
  return new AirgapError(code, `${who}: ${messageOf(error)}`, { hint, cause: error });
}
