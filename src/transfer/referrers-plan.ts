import { type AirgapError, combine, isRefusal } from '../base/errors.ts';
import { settle } from '../base/pool.ts';
import type { Sink } from '../oci/content.ts';
import type { Digest } from '../oci/digest.ts';
import { closureOf, type Graph } from '../oci/graph.ts';
import type { Repository } from '../oci/reference.ts';
import type { Referrer } from '../oci/referrer.ts';
import { checkAborted, failureOf } from './failure.ts';
import { limiter } from './limit.ts';
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

/** Asks the sink something when it is its turn. */
type Ask = <R>(question: (sink: Sink & AskedSource) => Promise<R>) => Promise<R>;

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
  // Groups are small or large: what is bounded is the questions, of all of them together.
  const limit = limiter(options.concurrency);
  const ask: Ask = (question) =>
    limit(() => {
      checkAborted(options.signal);
      return question(sink);
    });
  const outcomes = await settle(groups, groups.length, async (group) => {
    const items = await planGroup(group, ask, options);
    const sent = items.filter(({ status }) => status === 'send' || status === 'overwrite');
    return { items, missing: await missingBlobs(graph, group.repository, sent, ask, options) };
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

/** An answer; undefined where the registry refuses to give one, which does not end the push, either. */
async function unlessRefused<T>(question: Promise<T>): Promise<T | undefined> {
  try {
    return await question;
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw error;
  }
}

/** All at the same time, and the first failure by their order. */
async function each<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const outcomes = await settle(items, items.length, work);
  return outcomes.map((outcome) => {
    if ('value' in outcome) return outcome.value;
    throw outcome.error;
  });
}

async function planGroup(
  { repository, subject, tagged, listed }: ReferrerGroup,
  ask: Ask,
  { absent, existing = 'overwrite' }: PlanOptions,
): Promise<PlannedReferrer[]> {
  const isAbsent = absent.has(repository.path);
  const parts = await each(
    [
      () => each(tagged, (referrer) => planTagged(referrer)),
      () => (isAbsent || listed.length === 0 ? listed.map((): Planned => ({ status: 'send' })) : planListed()),
    ],
    async (part) => part(),
  );
  const planned = parts.flat();
  return [...tagged, ...listed].map((referrer, at) => ({ referrer, repository, ...(planned[at] as Planned) }));

  async function planTagged(referrer: Referrer): Promise<Planned> {
    const via = 'cosign-tag';
    const found = isAbsent
      ? undefined
      : await ask((sink) => unlessRefused(sink.hasManifest(repository, referrer.tag ?? '')));
    if (found === undefined) return { via, status: 'send' };
    if (found === referrer.descriptor.digest) return { via, status: 'present' };
    if (existing === 'error') throw otherSignature(repository, found, referrer);
    return { via, status: existing === 'skip' ? 'keep' : 'overwrite', found };
  }

  async function planListed(): Promise<Planned[]> {
    const known = await ask((sink) => unlessRefused(sink.referrers(repository, subject)));
    const digests = new Set(known?.map(({ digest }) => digest));
    const via = known === undefined ? 'fallback-tag' : 'referrers-api';
    return each(listed, async ({ descriptor: { digest } }) => {
      const isThere =
        known === undefined
          ? (await ask((sink) => sink.hasManifest(repository, digest))) === digest
          : digests.has(digest);
      return { via, status: isThere ? 'present' : 'send' };
    });
  }
}

/** Sizes of what the repository lacks, by repository and digest. */
async function missingBlobs(
  graph: Graph,
  repository: Repository,
  items: readonly PlannedReferrer[],
  ask: Ask,
  { absent }: PlanOptions,
): Promise<ReadonlyMap<string, number>> {
  const digests = new Set(items.flatMap(({ referrer }) => closureOf(graph, referrer.descriptor.digest).blobs));
  const blobs = [...digests].flatMap((digest) => graph.blobs.get(digest)?.descriptor ?? []);
  const there = absent.has(repository.path)
    ? blobs.map(() => false)
    : await each(blobs, (descriptor) => ask((sink) => unlessRefused(sink.hasBlob(repository, descriptor))));
  const missing = blobs.filter((_, at) => !there[at]);
  return new Map(missing.map(({ digest, size }) => [`${repository.registry}/${repository.path} ${digest}`, size]));
}
