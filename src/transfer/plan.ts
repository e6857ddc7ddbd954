import { settle } from '../base/pool.ts';
import type { Sink } from '../oci/content.ts';
import type { Digest } from '../oci/digest.ts';
import { type BlobNode, closureOf, type Graph } from '../oci/graph.ts';
import type { Reference, Repository } from '../oci/reference.ts';
import type { CopyOptions } from './copy.ts';
import { checkAborted, failureOf } from './failure.ts';
import { Presence } from './presence.ts';
import { findRequired } from './required.ts';
import { refuseDifferent, type Surveyed, survey } from './survey.ts';
import { type Placement, place } from './tags.ts';

/** Planned action for one root. */
export interface PlannedItem {
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

export interface PlanOptions extends Omit<CopyOptions, 'emit'> {
  /** Paths of repositories that do not exist yet; no requests are sent for them. */
  readonly absent: ReadonlySet<string>;
}

/**
 * Plans what {@link copy} would do with the same options, without writing anything.
 * @throws AirgapError that `copy` throws before it sends anything; errors of requests to the sink
 */
export async function planCopy(graph: Graph, sink: Sink, options: PlanOptions): Promise<CopyPlan> {
  const { required, existing = 'overwrite' } = options;
  const placements = place(graph.roots, options.target);
  const surveyed = await survey(placements, sink, options);
  for (const { error, placement } of surveyed) {
    if (error !== undefined) throw failureOf(placement.repository.registry, error);
  }
  if (existing === 'error') refuseDifferent(surveyed);
  const items = surveyed.map((one) => itemOf(one, existing === 'skip'));
  const missing = placements.filter((_, at) => items[at]?.status === 'send' || items[at]?.status === 'overwrite');
  if (required !== undefined) await findRequired(graph, missing, sink, required, options);
  return { items, ...(await blobsOf(graph, missing, sink, options)) };
}

function itemOf({ placement: { root, repository, tag }, standing, found }: Surveyed, keeps: boolean): PlannedItem {
  const { reference, descriptor } = root;
  const target = { ...repository, tag, digest: descriptor.digest };
  if (standing !== 'different') return { reference, target, status: standing === 'present' ? 'present' : 'send' };
  return { reference, target, status: keeps ? 'keep' : 'overwrite', ...(found === undefined ? {} : { found }) };
}

/** Counts missing and present blobs. Each is checked in the repository to which it would be uploaded. */
async function blobsOf(
  graph: Graph,
  placements: readonly Placement[],
  sink: Sink,
  { absent, concurrency, signal }: PlanOptions,
): Promise<Omit<CopyPlan, 'items'>> {
  const homes = new Map<BlobNode, Repository>();
  for (const { root, repository } of placements) {
    for (const digest of closureOf(graph, root.descriptor.digest).blobs) {
      const node = graph.blobs.get(digest);
      if (node !== undefined && !homes.has(node)) homes.set(node, repository);
    }
  }
  const all = [...homes];
  const presence = new Presence(
    sink,
    all.map(([{ descriptor }, repository]) => [repository, descriptor]),
    absent,
  );
  const answers = await settle(all, concurrency, async ([{ descriptor }, repository]) => {
    checkAborted(signal);
    return presence.has(repository, descriptor);
  });
  let [blobs, bytes] = [0, 0];
  for (const [at, answer] of answers.entries()) {
    if (!('value' in answer)) throw failureOf(all[at]?.[1].registry ?? '', answer.error);
    if (answer.value) continue;
    blobs++;
    bytes += all[at]?.[0].descriptor.size ?? 0;
  }
  return { blobs, bytes, present: all.length - blobs };
}
