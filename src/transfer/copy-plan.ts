import { type Emit, ignoreEvents } from '../base/events.ts';
import { settle } from '../base/pool.ts';
import { runStep } from '../base/step.ts';
import type { Sink } from '../oci/content.ts';
import type { Digest } from '../oci/digest.ts';
import { type BlobNode, closureOf, type Graph } from '../oci/graph.ts';
import type { Reference, Repository } from '../oci/reference.ts';
import { BlobPresence } from './blob-presence.ts';
import type { CopyOptions } from './copy.ts';
import { assertNoTagConflicts, checkTags, type Destination, destinationsFor, type TagStatus } from './destinations.ts';
import { findRequiredBlobs } from './required-blobs.ts';
import { throwIfAborted, wrapError } from './wrap-error.ts';

/** Planned action for one root. */
interface PlannedItem {
  readonly reference: Reference;
  /** Repository, tag and digest in the target. */
  readonly target: Reference;
  readonly status: 'send' | 'present' | 'keep' | 'overwrite';
  /** Digest that the tag has now. */
  readonly found?: Digest;
}

/** Planned actions of a copy. */
export interface CopyPlan {
  readonly items: readonly PlannedItem[];
  /** Blobs to upload, each once; they are mounted from there. */
  readonly blobs: number;
  /** Bytes of these blobs. More are uploaded if the registry refuses mounts. */
  readonly bytes: number;
  /** Blobs that the target already has. */
  readonly present: number;
}

export interface CopyPlanOptions extends Omit<CopyOptions, 'emit'> {
  readonly emit?: Emit;
  /** Paths of repositories that do not exist yet; no requests are sent for them. */
  readonly absent: ReadonlySet<string>;
}

/**
 * Plans what {@link copy} would do with the same options, without writing anything.
 * @throws AirgapError that `copy` throws before it sends anything; errors of requests to the sink
 */
export async function planCopy(graph: Graph, sink: Sink, options: CopyPlanOptions): Promise<CopyPlan> {
  const { required, existing = 'overwrite' } = options;
  const destinations = destinationsFor(graph.roots, options.target, options.reserved);
  const statuses = await checkTags(destinations, sink, options);
  for (const { error, destination } of statuses) {
    if (error !== undefined) throw wrapError(destination.repository.registry, error);
  }
  if (existing === 'error') assertNoTagConflicts(statuses);
  const items = statuses.map((tag) => plannedItem(tag, existing === 'skip'));
  const pending = destinations.filter(
    (_, index) => items[index]?.status === 'send' || items[index]?.status === 'overwrite',
  );
  if (required !== undefined) await findRequiredBlobs(graph, pending, sink, required, options);
  return { items, ...(await countBlobs(graph, pending, sink, options)) };
}

function plannedItem(
  { destination: { root, repository, tag }, status, found }: TagStatus,
  keepsExisting: boolean,
): PlannedItem {
  const { reference, descriptor } = root;
  const target = { ...repository, tag, digest: descriptor.digest };
  if (status !== 'different') return { reference, target, status: status === 'present' ? 'present' : 'send' };
  return { reference, target, status: keepsExisting ? 'keep' : 'overwrite', ...(found === undefined ? {} : { found }) };
}

/** Counts missing and present blobs. Each is checked in the repository to which it would be uploaded. */
async function countBlobs(
  graph: Graph,
  destinations: readonly Destination[],
  sink: Sink,
  { absent, concurrency, emit = ignoreEvents, signal }: CopyPlanOptions,
): Promise<Omit<CopyPlan, 'items'>> {
  const targets = new Map<BlobNode, Repository>();
  for (const { root, repository } of destinations) {
    for (const digest of closureOf(graph, root.descriptor.digest).blobs) {
      const node = graph.blobs.get(digest);
      if (node !== undefined && !targets.has(node)) targets.set(node, repository);
    }
  }
  const all = [...targets];
  const presence = new BlobPresence(
    sink,
    all.map(([{ descriptor }, repository]) => [repository, descriptor]),
    absent,
  );
  const isPresent = async ([{ descriptor }, repository]: readonly [BlobNode, Repository]): Promise<boolean> => {
    throwIfAborted(signal);
    return presence.has(repository, descriptor);
  };
  const answers = await runStep(
    emit,
    'counting the blobs that the target lacks',
    (advance) => settle(all, concurrency, (blob) => isPresent(blob).finally(advance)),
    all.length,
  );
  let [blobs, bytes] = [0, 0];
  for (const [index, answer] of answers.entries()) {
    if (!('value' in answer)) throw wrapError(all[index]?.[1].registry ?? '', answer.error);
    if (answer.value) continue;
    blobs++;
    bytes += all[index]?.[0].descriptor.size ?? 0;
  }
  return { blobs, bytes, present: all.length - blobs };
}
