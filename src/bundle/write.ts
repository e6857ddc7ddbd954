import { basename } from 'node:path';
import { firstOf } from '../base/count.ts';
import { AirgapError, combine, messageOf } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import { collectGarbage } from '../base/large-runs.ts';
import { printableLine } from '../base/printable.ts';
import { runStep } from '../base/step.ts';
import { toolPath } from '../inventory/tool-names.ts';
import type { Source } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { BlobNode } from '../oci/graph.ts';
import type { SigningKey } from '../oci/signing-key.ts';
import { scheduleBlobs } from '../transfer/blob-scheduler.ts';
import { differentContentError } from './files/errors.ts';
import type { FileParts } from './files/random-file.ts';
import { blobOwners, type Layout } from './format/layout.ts';
import { inventoryArtifact } from './format/metadata.ts';
import { removeOtherSignatures } from './signing/signature.ts';
import { type BundleContent, bundleLayout } from './writing/bundle-layout.ts';
import type { EarlierBundles } from './writing/earlier-bundles.ts';
import { type BlobFetcher, fetchBlob } from './writing/fetch-blob.ts';
import { ImageProgress } from './writing/image-progress.ts';
import { type BundleOutput, existingFiles, isUpToDate, planOutput } from './writing/output.ts';
import { PartialFile } from './writing/partial-file.ts';
import { type Preflight, runPreflight } from './writing/preflight.ts';
import { copyTool, type ToolFile } from './writing/tool-files.ts';

/** Content and path of a bundle. */
export interface BundlePlanOptions extends BundleContent {
  /** Path of the bundle. It is written to `path.partial`, with a journal in `path.partial.journal`. */
  readonly path: string;
  /** Maximum bytes per part; splits the bundle into `path.001`, `path.002`, … with an index. */
  readonly splitSize?: number | undefined;
  /** Replace an existing file at `path`. */
  readonly force: boolean;
}

export interface WriteOptions extends BundlePlanOptions {
  /** Source of the blobs. */
  readonly source: Source;
  /** Fetches blobs in another way, such as on worker threads. */
  readonly fetch?: BlobFetcher;
  /** Earlier bundles whose blobs are copied instead of fetched. */
  readonly earlier?: EarlierBundles;
  /** Key that signs the checksums of parts. */
  readonly sign?: SigningKey | undefined;
  /** Observer that waits for some of the blobs. */
  readonly watch?: BlobWatch | undefined;
  /** Number of blobs fetched concurrently. */
  readonly concurrency: number;
  readonly emit: Emit;
  readonly signal?: AbortSignal;
}

/** Observer that waits for some blobs, which are fetched first. */
export interface BlobWatch {
  readonly blobs: ReadonlySet<Digest>;
  /** Called for each verified blob in the file, including those of a bundle that exists already. */
  readonly onWritten: (blob: WrittenBlob) => void;
}

/** Offset of a blob in the written file. */
export interface WrittenBlob {
  readonly digest: Digest;
  /** Size in bytes. */
  readonly size: number;
  /** Offset from the start of the file. */
  readonly offset: number;
  /** The partial and the final file: the blob is in the one that exists. */
  readonly files: readonly FileParts[];
}

export interface WriteResult {
  /** `up-to-date`: the same bundle exists already and nothing was written. */
  readonly status: 'written' | 'up-to-date';
  readonly path: string;
  /** File names of the parts of a split bundle. */
  readonly parts?: readonly string[];
  /** Size of the bundle in bytes. */
  readonly size: number;
  /** Number of manifests and blobs. */
  readonly blobs: number;
  /** Bytes fetched from the source. */
  readonly fetched: number;
  /** Bytes copied from earlier bundles. */
  readonly reused: number;
  /** Bytes reused from an interrupted run. */
  readonly resumed: number;
}

/** Plan of a bundle, before anything is written. */
export interface BundlePlan {
  readonly layout: Layout;
  readonly output: BundleOutput;
  /** Number of manifests and blobs. */
  readonly blobs: number;
  /** True if the same bundle exists already. */
  readonly isUpToDate: boolean;
  /** Reusable data of an interrupted run, and disk space. */
  readonly preflight: Preflight;
}

/**
 * Plans a bundle and checks existing files. Changes nothing.
 * @throws AirgapError `output-exists` if another file exists and `force` is not set; `collision`; `registry`
 */
export async function planBundle(options: BundlePlanOptions): Promise<BundlePlan> {
  // The texts of the inventory and the indexes come on top of what is in memory.
  collectGarbage();
  const layout = bundleLayout(options);
  const output = planOutput(options.path, layout.size, options.splitSize);
  const blobs = layout.entries.filter(({ name }) => name === undefined).length;
  const preflight = await runPreflight(output, layout);
  const { final, index } = output;
  const ownPaths = new Set<string | undefined>([...final.paths, index]);
  const existing = await existingFiles(output);
  const plan = { layout, output, blobs, preflight };
  if (existing.every((path) => ownPaths.has(path)) && (await isUpToDate(output, layout)))
    return { ...plan, isUpToDate: true };
  const renamed = new Set(preflight.renamedParts.map((part) => final.paths[part]));
  const other = existing.find((path) => !renamed.has(path));
  if (!options.force && other !== undefined) throw differentContentError(other);
  return { ...plan, isUpToDate: false };
}

/**
 * Writes a bundle as planned. Blobs are downloaded concurrently to their final offsets and hashed on the way. The file
 * gets its name when it is complete. The same content gives the same bytes.
 * @throws AirgapError `output-exists` if another file exists and `force` is not set; `no-space`; `interrupted`;
 *   `several`, or the error of the only failed blob. The next run resumes from the data received so far.
 */
export async function writeBundle(options: WriteOptions, plan?: BundlePlan): Promise<WriteResult> {
  const { path, emit, signal } = options;
  const { layout, output, blobs, isUpToDate, preflight } = plan ?? (await planBundle(options));
  const { paths } = output.final;
  const parts = paths.length > 1 ? { parts: paths.map((part) => basename(part)) } : {};
  const summary = { path, ...parts, size: layout.size, blobs };
  const pending = pendingBlobs(layout, options);
  const files = isUpToDate ? [output.final] : [output.partial, output.final];
  const notify = ({ offset, descriptor: { digest, size }, isAwaited }: PendingBlob): void => {
    if (isAwaited) options.watch?.onWritten({ digest, size, offset, files });
  };
  if (isUpToDate) {
    for (const blob of pending) notify(blob);
    return { ...summary, status: 'up-to-date', fetched: 0, reused: 0, resumed: 0 };
  }
  const partial = await runStep(emit, `preparing ${printableLine(basename(path))}`, () =>
    PartialFile.open(output, layout, preflight, signal),
  );
  // The texts of the indexes, and the headers.
  collectGarbage();
  const received = await receiveBlobs(partial, pending, notify, options);
  await partial.finish(emit, options.sign);
  await removeOtherSignatures(
    path,
    () => options.inventory && inventoryArtifact(options.inventory, options.evidence).descriptor.digest,
  );
  return { ...summary, status: 'written', ...received };
}

/** A blob or tool whose content is not in memory, and its offset in the file. */
interface PendingBlob {
  readonly node: BlobNode;
  readonly descriptor: Descriptor;
  readonly offset: number;
  /** True if the observer waits for it. */
  readonly isAwaited: boolean;
  /** Set for a tool, which no registry has. */
  readonly tool: ToolFile | undefined;
}

function pendingBlobs(
  { entries }: Layout,
  { watch, tools = [] }: Pick<WriteOptions, 'watch' | 'tools'>,
): PendingBlob[] {
  const toolFiles = new Map(tools.map((tool) => [toolPath(tool.name), tool]));
  return entries.flatMap(({ name, node, offset }) => {
    if (node === undefined) return [];
    const { descriptor } = node;
    const tool = name === undefined ? undefined : toolFiles.get(name);
    const isAwaited = tool === undefined && watch?.blobs.has(descriptor.digest) === true;
    return [{ node, descriptor, offset, isAwaited, tool }];
  });
}

/**
 * Copies blobs from earlier bundles and fetches the others, concurrently. After an error, the file is left for the next
 * run.
 * @param notify called for each verified blob
 * @throws as `writeBundle`
 */
async function receiveBlobs(
  partial: PartialFile,
  pending: readonly PendingBlob[],
  notify: (blob: PendingBlob) => void,
  { graph, charts, source, earlier, concurrency, emit, signal, ...options }: WriteOptions,
): Promise<Pick<WriteResult, 'fetched' | 'reused' | 'resumed'>> {
  const bytes = pending.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
  const owners = blobOwners(graph, charts);
  const images = new ImageProgress(
    graph,
    owners,
    pending.map(({ descriptor }) => descriptor),
    emit,
  );
  const fetch: BlobFetcher =
    options.fetch ??
    ((node, offset, writtenBytes, fetchOptions) => fetchBlob(node, offset, writtenBytes, { ...fetchOptions, source }));
  const checkpoint = (blob: Digest, bytes: number): Promise<void> => partial.checkpoint(blob, bytes);
  const fetchOptions = { file: partial.file, emit, signal, checkpoint };
  let resumed = 0;
  let reused = 0;
  let fetched = 0;
  let fatalError: unknown;
  const outcomes = await scheduleBlobs(pending, concurrency, async (blob) => {
    if (fatalError !== undefined) return;
    const { node, offset, descriptor, tool } = blob;
    const { digest, size } = descriptor;
    try {
      if (tool !== undefined) {
        await copyTool(tool, offset, partial.writtenBytes(digest), fetchOptions);
        emit({ type: 'blob', digest, bytes: size, status: 'done' });
        return;
      }
      const copied = await earlier?.copyBlob(node, offset, partial.writtenBytes(digest), fetchOptions);
      const bytes = copied ?? (await fetch(node, offset, partial.writtenBytes(digest), fetchOptions));
      if (copied === undefined) fetched += bytes;
      else reused += bytes;
      resumed += Math.max(0, size - bytes);
      emit({ type: 'blob', digest, bytes: size, status: bytes === 0 && size > 0 ? 'present' : 'done' });
      images.complete(digest);
      notify(blob);
    } catch (error) {
      emit({ type: 'blob', digest, bytes: size, status: 'failed' });
      // All other blobs would fail as well.
      if (signal?.aborted || (error instanceof AirgapError && error.code === 'no-space')) fatalError ??= error;
      throw withOwners(tool === undefined ? firstOf(owners.get(digest) ?? [], MAX_SHOWN) : toolPath(tool.name), error);
    }
  });
  const errors = outcomes.flatMap(({ error }) => (error === undefined ? [] : [error as AirgapError]));
  if (errors.length === 0) return { fetched, reused, resumed };
  await partial.abandon();
  if (signal?.aborted) throw interruption(partial, bytes, errors[0]);
  if (fatalError instanceof AirgapError) throw fatalError;
  throw combine(errors, `${errors.length} blobs could not be fetched`);
}

/** Creates the error for an interrupted run, with its progress. */
function interruption({ path, bytes }: PartialFile, total: number, cause: unknown): AirgapError {
  if (bytes === 0) return new AirgapError('interrupted', 'interrupted', { hint: 'run the same command again', cause });
  return new AirgapError('interrupted', `interrupted: ${path} has ${bytes} of ${total} bytes`, {
    hint: 'run the same command again to resume',
    cause,
  });
}

/** Maximum number of names in a message. A base layer may belong to hundreds of images. */
const MAX_SHOWN = 3;

/** Prefixes an error with the images and charts of the blob. */
function withOwners(owners: string, error: unknown): AirgapError {
  if (error instanceof AirgapError) return error.with({ subject: owners });
  return new AirgapError('network', messageOf(error), { subject: owners, cause: error });
}
