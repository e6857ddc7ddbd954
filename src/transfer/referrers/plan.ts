import { type AirgapError, combine, isRefusal } from '../../base/errors.ts';
import { ignoreEvents } from '../../base/events.ts';
import { limiter } from '../../base/limiter.ts';
import { MAX_BEGUN, settle, settleEach } from '../../base/pool.ts';
import { runStep } from '../../base/step.ts';
import type { RegistrySource, Sink } from '../../oci/content.ts';
import type { Digest } from '../../oci/digest.ts';
import { closureOf, type Graph } from '../../oci/graph.ts';
import type { Repository } from '../../oci/reference.ts';
import type { Referrer } from '../../oci/referrer.ts';
import type { CopyPlanOptions } from '../copy-plan.ts';
import { throwIfAborted, wrapError } from '../wrap-error.ts';
import { groupReferrers, type ReferrerGroup, signatureConflict } from './groups.ts';
import type { ListingMethod } from './listing.ts';

/** Planned action for one referrer. */
interface PlannedReferrer {
  readonly referrer: Referrer;
  /** Target repository. */
  readonly repository: Repository;
  /** Undefined when it cannot be determined because the repository does not exist yet. */
  readonly via?: ListingMethod;
  readonly status: 'send' | 'present' | 'keep' | 'overwrite';
  /** Digest of cosign's tag in the target, if it is another. */
  readonly found?: Digest;
}

export interface ReferrersPlan {
  readonly items: readonly PlannedReferrer[];
  /** Blobs that the repositories lack, counted once for each repository. Some may be mounted from another. */
  readonly blobs: number;
  /** Bytes of these blobs. */
  readonly bytes: number;
}

type PlannedStatus = Pick<PlannedReferrer, 'via' | 'status' | 'found'>;

/** Sends a request to the sink within the concurrency limit. */
type LimitedRequest = <R>(send: (sink: Sink & RegistrySource) => Promise<R>) => Promise<R>;

/**
 * Plans what {@link pushReferrers} would do with the same options, without writing anything. Refusals by the registry
 * cannot be predicted.
 * @throws AirgapError `tag-conflict` if `existing` is `error`; errors of requests to the sink; `interrupted`
 */
export async function planReferrers(
  graph: Graph,
  referrers: readonly Referrer[],
  sink: Sink & RegistrySource,
  options: CopyPlanOptions,
): Promise<ReferrersPlan> {
  const groups = groupReferrers(referrers, options.target);
  // The limit applies to requests rather than groups, because groups differ in size.
  const limit = limiter(options.concurrency);
  const request: LimitedRequest = (send) =>
    limit(() => {
      throwIfAborted(options.signal);
      return send(sink);
    });
  const plan = async (group: ReferrerGroup) => {
    const items = await planGroup(group, request, options);
    const sent = items.filter(({ status }) => status === 'send' || status === 'overwrite');
    return { items, missing: await missingBlobs(graph, group.repository, sent, request, options) };
  };
  const outcomes = await runStep(
    options.emit ?? ignoreEvents,
    'looking up signatures and attestations in the target',
    (advance) => settle(groups, MAX_BEGUN, (group) => plan(group).finally(advance)),
    groups.length,
  );
  throwIfAborted(options.signal);
  const items: PlannedReferrer[] = [];
  const missing = new Map<string, number>();
  const errors: AirgapError[] = [];
  for (const outcome of outcomes) {
    if ('value' in outcome) {
      items.push(...outcome.value.items);
      for (const [name, size] of outcome.value.missing) missing.set(name, size);
    } else errors.push(wrapError('referrers', outcome.error));
  }
  if (errors.length > 0) throw combine(errors, `referrers of ${errors.length} images cannot be planned`);
  return { items, blobs: missing.size, bytes: [...missing.values()].reduce((sum, size) => sum + size, 0) };
}

/** Returns the answer, or undefined if the registry refuses the request, which does not fail a push either. */
async function unlessRefused<T>(send: Promise<T>): Promise<T | undefined> {
  try {
    return await send;
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw error;
  }
}

async function planGroup(
  { repository, subject, tagged, listed }: ReferrerGroup,
  request: LimitedRequest,
  { absent, existing = 'overwrite' }: CopyPlanOptions,
): Promise<PlannedReferrer[]> {
  const isAbsent = absent.has(repository.path);
  const parts = await settleEach(
    [
      () => settleEach(tagged, tagged.length, (referrer) => planTagged(referrer)),
      () => (isAbsent || listed.length === 0 ? listed.map((): PlannedStatus => ({ status: 'send' })) : planListed()),
    ],
    2,
    async (part) => part(),
  );
  const planned = parts.flat();
  return [...tagged, ...listed].map((referrer, index) => ({
    referrer,
    repository,
    ...(planned[index] as PlannedStatus),
  }));

  async function planTagged(referrer: Referrer): Promise<PlannedStatus> {
    const via = 'cosign-tag';
    const found = isAbsent
      ? undefined
      : await request((sink) => unlessRefused(sink.hasManifest(repository, referrer.tag ?? '')));
    if (found === undefined) return { via, status: 'send' };
    if (found === referrer.descriptor.digest) return { via, status: 'present' };
    if (existing === 'error') throw signatureConflict(repository, found, referrer);
    return { via, status: existing === 'skip' ? 'keep' : 'overwrite', found };
  }

  async function planListed(): Promise<PlannedStatus[]> {
    const known = await request((sink) => unlessRefused(sink.referrers(repository, subject)));
    const digests = new Set(known?.map(({ digest }) => digest));
    const via = known === undefined ? 'fallback-tag' : 'referrers-api';
    return settleEach(listed, listed.length, async ({ descriptor: { digest } }) => {
      const isPresent =
        known === undefined
          ? (await request((sink) => sink.hasManifest(repository, digest))) === digest
          : digests.has(digest);
      return { via, status: isPresent ? 'present' : 'send' };
    });
  }
}

/** Returns sizes of the blobs that the repository lacks, by repository and digest. */
async function missingBlobs(
  graph: Graph,
  repository: Repository,
  items: readonly PlannedReferrer[],
  request: LimitedRequest,
  { absent }: CopyPlanOptions,
): Promise<ReadonlyMap<string, number>> {
  const digests = new Set(items.flatMap(({ referrer }) => closureOf(graph, referrer.descriptor.digest).blobs));
  const blobs = [...digests].flatMap((digest) => graph.blobs.get(digest)?.descriptor ?? []);
  const present = absent.has(repository.path)
    ? blobs.map(() => false)
    : await settleEach(blobs, blobs.length, (descriptor) =>
        request((sink) => unlessRefused(sink.hasBlob(repository, descriptor))),
      );
  const missing = blobs.filter((_, index) => !present[index]);
  return new Map(missing.map(({ digest, size }) => [`${repository.registry}/${repository.path} ${digest}`, size]));
}
