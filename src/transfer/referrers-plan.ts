import { type AirgapError, combine } from '../base/errors.ts';
import { settle } from '../base/pool.ts';
import type { Sink } from '../oci/content.ts';
import type { Digest } from '../oci/digest.ts';
import { closureOf, type Graph } from '../oci/graph.ts';
import type { Repository } from '../oci/reference.ts';
import type { Referrer } from '../oci/referrer.ts';
import { checkAborted, failureOf } from './failure.ts';
import type { AskedSource } from './pinned.ts';
import type { PlanOptions } from './plan.ts';
import { groupReferrers, otherSignature, type ReferrerGroup } from './referrer-groups.ts';
import type { Tie } from './referrers-listed.ts';

/** What a push would do about one thing that belongs to an image or chart. */
export interface PlannedReferrer {
  readonly referrer: Referrer;
  /** Where it would be. */
  readonly repository: Repository;
  /** Undefined where nothing can be asked, because the repository is not there yet. */
  readonly via?: Tie;
  readonly status: 'send' | 'present' | 'keep' | 'overwrite';
  /** What cosign's tag has, when that is something else. */
  readonly found?: Digest;
}

export interface ReferrersPlan {
  readonly items: readonly PlannedReferrer[];
  /** Blobs that would be sent, counted once for each repository. */
  readonly blobs: number;
  /** Bytes of these. */
  readonly bytes: number;
}

type Planned = Pick<PlannedReferrer, 'via' | 'status' | 'found'>;

/**
 * Finds out what `pushReferrers` with the same options would do, and does nothing. What a registry does not take, only
 * sending it would tell.
 * @throws AirgapError `tag-conflict` where that is asked for; what a question to the sink fails of; `interrupted`
 */
export async function planReferrers(
  graph: Graph,
  referrers: readonly Referrer[],
  sink: Sink & AskedSource,
  options: PlanOptions,
): Promise<ReferrersPlan> {
  const groups = groupReferrers(referrers, options.target);
  const outcomes = await settle(groups, options.concurrency, async (group) => {
    checkAborted(options.signal);
    const items = await planGroup(group, sink, options);
    const sent = items.filter(({ status }) => status === 'send' || status === 'overwrite');
    return { items, missing: await missingBlobs(graph, group.repository, sent, sink, options) };
  });
  checkAborted(options.signal);
  const items: PlannedReferrer[] = [];
  const missing = new Map<string, number>();
  const errors: AirgapError[] = [];
  for (const outcome of outcomes) {
    if ('value' in outcome) {
      items.push(...outcome.value.items);
      for (const [name, size] of outcome.value.missing) missing.set(name, size);
    } else errors.push(failureOf('what belongs to images', outcome.error));
  }
  if (errors.length > 0) throw combine(errors, `what belongs to ${errors.length} images cannot be planned`);
  return { items, blobs: missing.size, bytes: [...missing.values()].reduce((sum, size) => sum + size, 0) };
}

async function planGroup(
  { repository, subject, tagged, listed }: ReferrerGroup,
  sink: Sink & AskedSource,
  { absent, existing = 'overwrite' }: PlanOptions,
): Promise<PlannedReferrer[]> {
  const isAbsent = absent.has(repository.path);
  const items: PlannedReferrer[] = [];
  const add = (referrer: Referrer, planned: Planned): void => void items.push({ referrer, repository, ...planned });
  for (const referrer of tagged) {
    const via = 'cosign-tag';
    const found = isAbsent ? undefined : await sink.hasManifest(repository, referrer.tag ?? '');
    if (found === undefined) add(referrer, { via, status: 'send' });
    else if (found === referrer.descriptor.digest) add(referrer, { via, status: 'present' });
    else if (existing === 'error') throw otherSignature(repository, found, referrer);
    else add(referrer, { via, status: existing === 'skip' ? 'keep' : 'overwrite', found });
  }
  if (listed.length === 0) return items;
  if (isAbsent) {
    for (const referrer of listed) add(referrer, { status: 'send' });
    return items;
  }
  const known = await sink.referrers(repository, subject);
  const digests = new Set(known?.map(({ digest }) => digest));
  for (const referrer of listed) {
    const { digest } = referrer.descriptor;
    const isThere = known === undefined ? (await sink.hasManifest(repository, digest)) === digest : digests.has(digest);
    const via = known === undefined ? 'fallback-tag' : 'referrers-api';
    add(referrer, { via, status: isThere ? 'present' : 'send' });
  }
  return items;
}

/** Sizes of what the repository lacks, by repository and digest. */
async function missingBlobs(
  graph: Graph,
  repository: Repository,
  items: readonly PlannedReferrer[],
  sink: Sink,
  { absent }: PlanOptions,
): Promise<ReadonlyMap<string, number>> {
  const missing = new Map<string, number>();
  const blobs = new Set(items.flatMap(({ referrer }) => closureOf(graph, referrer.descriptor.digest).blobs));
  for (const digest of blobs) {
    const node = graph.blobs.get(digest);
    if (node === undefined) continue;
    if (!absent.has(repository.path) && (await sink.hasBlob(repository, node.descriptor))) continue;
    missing.set(`${repository.registry}/${repository.path} ${digest}`, node.descriptor.size);
  }
  return missing;
}
