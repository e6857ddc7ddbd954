import { basename } from 'node:path';
import { AirgapError, combine, messageOf } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import type { Lock } from '../lock/lock.ts';
import type { Source } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { Content, Graph } from '../oci/graph.ts';
import { settleLanes } from '../oci/lanes.ts';
import type { ChartArtifact } from './chart-artifact.ts';
import { dockerSaveFile } from './docker-save.ts';
import type { FilePlaces } from './files/random-file.ts';
import { type Layout, planLayout } from './layout.ts';
import { indexFile, lockArtifact, OCI_LAYOUT } from './metadata.ts';
import { ownersIn } from './owners.ts';
import { type Signature, signatureArtifact } from './signing/signature.ts';
import { type BlobFetcher, fetchBlob } from './writing/fetch-blob.ts';
import { type Foreseen, foresee } from './writing/foresee.ts';
import { isThere, type Output, occupantsOf, outputOf } from './writing/output.ts';
import { PartialFile } from './writing/partial-file.ts';
import type { EarlierBundles } from './writing/reuse.ts';

/** What goes into a bundle, and where it goes. */
export interface PlanOptions {
  /** The bundle. While it grows, its content is in `path.partial`, with `path.partial.journal` beside it. */
  readonly path: string;
  /** Bytes of a part, when the bundle is not to be one file: `path.001` and so on, with an index beside them. */
  readonly splitSize?: number | undefined;
  readonly graph: Graph;
  readonly charts: readonly ChartArtifact[];
  /** Left out, the file is an archive of images that no chart stands behind. */
  readonly lock?: Lock;
  /** What the lock's artifact has besides the lock. */
  readonly evidence?: readonly Uint8Array[];
  /** Over the lock. */
  readonly signature?: Signature | undefined;
  /** Replace whatever `path` holds. */
  readonly force: boolean;
}

export interface WriteOptions extends PlanOptions {
  /** Where the blobs are read. */
  readonly source: Source;
  /** Reads them there in another way, such as on threads. */
  readonly fetch?: BlobFetcher;
  /** Earlier bundles whose blobs need not be read from the source. */
  readonly earlier?: EarlierBundles;
  /** Somebody who waits for some of the blobs. */
  readonly watch?: BlobWatch | undefined;
  /** Blobs read at the same time. */
  readonly concurrency: number;
  readonly emit: Emit;
  readonly signal?: AbortSignal;
}

/** Somebody who waits for some of the blobs: these come before others. */
export interface BlobWatch {
  readonly blobs: ReadonlySet<Digest>;
  /** Told of each that is in its place, verified; of those of a bundle that was there already, too. */
  readonly placed: (blob: PlacedBlob) => void;
}

/** Where a blob lies. */
export interface PlacedBlob {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  /** Bytes from the start of the file. */
  readonly offset: number;
  /** The file while it grows, and when it is complete: under one of these names it is found. */
  readonly places: readonly FilePlaces[];
}

export interface WriteResult {
  /** `up-to-date`: the very same bundle was there, and nothing was written. */
  readonly status: 'written' | 'up-to-date';
  readonly path: string;
  /** File names of the parts, when it is not one file. */
  readonly parts?: readonly string[];
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
  readonly output: Output;
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
  const layout = layoutOf(options);
  const output = outputOf(options.path, layout.size, options.splitSize);
  const blobs = layout.entries.filter(({ digest }) => digest !== undefined).length;
  const foreseen = await foresee(output, layout);
  const { final, index } = output;
  const mine = new Set<string | undefined>([...final.paths, index]);
  const occupants = await occupantsOf(output);
  const plan = { layout, output, blobs, foreseen };
  if (occupants.every((path) => mine.has(path)) && (await isThere(output, layout))) return { ...plan, isThere: true };
  const renamed = new Set(foreseen.renamed.map((at) => final.paths[at]));
  const other = occupants.find((path) => !renamed.has(path));
  if (!options.force && other !== undefined) {
    throw new AirgapError('output-exists', `${other} is there already, with other content`, {
      hint: 'use --force to replace it, or another name with --out',
    });
  }
  return { ...plan, isThere: false };
}

/**
 * Writes a bundle in its planned layout: every blob is downloaded straight to its place, in parallel, and hashed on the
 * way. The file has its name only when it is complete. The same content gives the same bytes.
 * @throws AirgapError `output-exists` when something else is there and `force` is not set; `no-space`; `interrupted`;
 *   `several` or the one error of the blobs that failed. What had arrived is continued from by the next run.
 */
export async function writeBundle(options: WriteOptions, planned?: Plan): Promise<WriteResult> {
  const { path, emit, signal } = options;
  const { layout, output, blobs, isThere } = planned ?? (await planBundle(options));
  const { paths } = output.final;
  const parts = paths.length > 1 ? { parts: paths.map((part) => basename(part)) } : {};
  const same = { path, ...parts, size: layout.size, blobs };
  const { watch } = options;
  const slots = layout.entries.flatMap(({ node, offset }) =>
    node === undefined
      ? []
      : [{ node, offset, descriptor: node.descriptor, isAwaited: watch?.blobs.has(node.descriptor.digest) }],
  );
  const places = isThere ? [output.final] : [output.partial, output.final];
  const tell = (offset: number, { digest, size }: Descriptor): void => {
    if (watch?.blobs.has(digest)) watch.placed({ digest, size, offset, places });
  };
  if (isThere) for (const { offset, descriptor } of slots) tell(offset, descriptor);
  if (isThere) return { ...same, status: 'up-to-date', fetched: 0, reused: 0, resumed: 0 };
  const partial = await PartialFile.open(output, layout, signal);
  const bytes = slots.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
  emit({ type: 'plan', blobs: slots.length, bytes });
  const owners = ownersIn(options.graph, options.charts);
  let resumed = 0;
  let reused = 0;
  let fetched = 0;
  let stop: unknown;
  const { source } = options;
  const fetch: BlobFetcher =
    options.fetch ?? ((node, offset, have, steps) => fetchBlob(node, offset, have, { ...steps, source }));
  const outcomes = await settleLanes(slots, options.concurrency, async ({ node, offset, descriptor }) => {
    if (stop !== undefined) return;
    try {
      const { digest, size } = descriptor;
      const checkpoint = (at: Digest, bytes: number): Promise<void> => partial.checkpoint(at, bytes);
      const steps = { file: partial.file, emit, signal, checkpoint };
      const taken = await options.earlier?.take(node, offset, partial.placed(digest), steps);
      const bytes = taken ?? (await fetch(node, offset, partial.placed(digest), steps));
      if (taken === undefined) fetched += bytes;
      else reused += bytes;
      resumed += Math.max(0, size - bytes);
      emit({ type: 'blob', digest, bytes: size, skipped: bytes === 0 && size > 0 });
      tell(offset, descriptor);
    } catch (error) {
      // No other blob will fare better.
      if (signal?.aborted || (error instanceof AirgapError && error.code === 'no-space')) stop ??= error;
      throw named(owners(descriptor.digest), error);
    }
  });
  const errors = outcomes.flatMap(({ error }) => (error === undefined ? [] : [error as AirgapError]));
  if (errors.length > 0) {
    await partial.abandon();
    if (signal?.aborted) throw interruption(partial, bytes, errors[0]);
    if (stop instanceof AirgapError) throw stop;
    throw combine(errors, `${errors.length} blobs could not be fetched`);
  }
  await partial.finish(emit);
  return { ...same, status: 'written', fetched, reused, resumed };
}

/** Everything that the file will hold, at its place. @throws AirgapError `collision`, `registry` */
function layoutOf({ graph, charts, lock, evidence, signature }: PlanOptions): Layout {
  const document = lock === undefined ? undefined : lockArtifact(lock, evidence);
  const signed = signature && signatureArtifact(signature);
  const own = [document, signed].flatMap((artifact) => artifact?.content ?? []);
  const all = [graph, ...charts.map(({ content }) => content), ...own];
  const leftOut = new Set<Digest>(lock?.requires?.map(({ digest }) => digest));
  const content: Content = {
    manifests: new Map(all.flatMap(({ manifests }) => [...manifests])),
    blobs: new Map(all.flatMap(({ blobs }) => [...blobs]).filter(([digest]) => !leftOut.has(digest))),
  };
  const metadata = [
    { name: 'oci-layout', bytes: OCI_LAYOUT },
    {
      name: 'index.json',
      bytes: indexFile(graph.roots, charts, document?.descriptor, graph.referrers, signed?.descriptor),
    },
  ];
  // Who loads from that file needs all layers beside it, which a delta has not.
  if (leftOut.size === 0) metadata.push({ name: 'manifest.json', bytes: dockerSaveFile(graph) });
  return planLayout(metadata, content);
}

/** What is there by now, and how to go on. */
function interruption({ path, bytes }: PartialFile, all: number, cause: unknown): AirgapError {
  if (bytes === 0) return new AirgapError('interrupted', 'interrupted', { hint: 'run the same command again', cause });
  return new AirgapError('interrupted', `interrupted: ${path} has ${bytes} of ${all} bytes`, {
    hint: 'run the same command again: what is there is not fetched again',
    cause,
  });
}

/** The error with those that want the blob. */
function named(owners: string, error: unknown): AirgapError {
  const { code, hint } = error instanceof AirgapError ? error : { code: 'network' as const, hint: undefined };
  return new AirgapError(code, `${owners}: ${messageOf(error)}`, { hint, cause: error });
}
