import { type AirgapError, isPermanentRefusal } from '../../base/errors.ts';
import type { Emit } from '../../base/events.ts';
import { limiter } from '../../base/limiter.ts';
import { pollUntil } from '../../base/poll-until.ts';
import { MAX_BEGUN, type Outcome, settle, settleEach } from '../../base/pool.ts';
import { runStep } from '../../base/step.ts';
import type { RegistrySource, Sink, Source } from '../../oci/content.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Graph } from '../../oci/graph.ts';
import type { Repository } from '../../oci/reference.ts';
import type { Referrer } from '../../oci/referrer.ts';
import type { ExistingTag } from '../destinations.ts';
import { dependencyLevels, uploadGraph } from '../graph-upload.ts';
import { throwIfAborted, wrapError } from '../wrap-error.ts';
import {
  cosignTagName,
  groupReferrers,
  type KnownTags,
  type ReferrerGroup,
  referrersSubject,
  signatureConflict,
} from './groups.ts';
import { type ListingMethod, lostError, TargetLists } from './listing.ts';

export interface ReferrersPushOptions {
  /** Maps a source repository to its target repository. */
  readonly target: (repository: Repository) => Repository;
  /** Handling of cosign tags that have another digest. */
  readonly existing: ExistingTag;
  /** Cosign tags in the target that have just been read. */
  readonly knownTags?: KnownTags;
  /** Requests, and blobs transferred, at the same time. */
  readonly concurrency: number;
  readonly now: () => Date;
  readonly emit: Emit;
  readonly signal?: AbortSignal;
}

export interface ReferrersPushResult {
  /** One for each referrer that did not fail. */
  readonly outcomes: readonly ReferrerOutcome[];
  readonly failures: readonly AirgapError[];
}

/** Result of pushing one referrer. */
export interface ReferrerOutcome {
  readonly referrer: Referrer;
  /** Target repository. */
  readonly repository: Repository;
  readonly via: ListingMethod;
  /** Digest of its manifest; for `kept`, the digest that the tag has in the target. */
  readonly digest: Digest;
  /** `kept`: cosign's tag has another digest and was not overwritten. `refused`: the registry does not accept it. */
  readonly status: 'pushed' | 'present' | 'kept' | 'refused';
  /** Time at which it was pushed or found. */
  readonly at: Date;
  /** The registry's answer, if the status is `refused` or `via` is `unlisted`. */
  readonly error?: AirgapError;
}

/** Result of looking up a referrer in the target. */
type Lookup = Omit<ReferrerOutcome, 'status'> & { readonly status: ReferrerOutcome['status'] | 'missing' };

/** Referrers of one manifest that have been looked up in the target. */
interface LookedUpGroup extends ReferrerGroup {
  readonly lookups: readonly Lookup[];
  /** Digests that the registry lists; undefined if it has no working referrers API. */
  readonly known?: ReadonlySet<Digest> | undefined;
}

/**
 * Pushes referrers of manifests that are already in the sink, subjects before their referrers, and verifies each of
 * them. Their content is uploaded as that of images is. Cosign's get their tags. The others are listed by the registry,
 * or under the referrers tag if it has no referrers API. A refusal by the registry is not a failure: the outcome holds
 * the registry's answer.
 * @throws AirgapError `interrupted`
 */
export async function pushReferrers(
  graph: Graph,
  referrers: readonly Referrer[],
  source: Source,
  sink: Sink & RegistrySource,
  options: ReferrersPushOptions,
): Promise<ReferrersPushResult> {
  const push = new ReferrersPush(graph, source, sink, options);
  for (const level of dependencyLevels(referrers, ({ subject }) => [subject])) await push.pushAll(level);
  return push.result();
}

class ReferrersPush {
  readonly #graph: Graph;
  readonly #source: Source;
  readonly #sink: Sink & RegistrySource;
  readonly #options: ReferrersPushOptions;
  readonly #limit: ReturnType<typeof limiter>;
  readonly #outcomes: ReferrerOutcome[] = [];
  readonly #failures: AirgapError[] = [];
  readonly #lists: TargetLists;

  constructor(graph: Graph, source: Source, sink: Sink & RegistrySource, options: ReferrersPushOptions) {
    this.#graph = graph;
    this.#source = source;
    this.#sink = sink;
    this.#options = options;
    this.#limit = limiter(options.concurrency);
    this.#lists = new TargetLists(sink, graph, (send) => this.#request(send));
  }

  result(): ReferrersPushResult {
    return { outcomes: this.#outcomes, failures: this.#failures };
  }

  /** Pushes referrers whose subjects are in the sink. A group that fails does not stop the others. */
  async pushAll(referrers: readonly Referrer[]): Promise<void> {
    const groups = groupReferrers(referrers, this.#options.target);
    const lookedUp = await this.#forEach('looking up signatures and attestations in the target', groups, (group) =>
      this.#lookUp(group),
    );
    const sent = await this.#send(lookedUp.flatMap(({ lookups }) => lookups));
    const outcomes = await this.#forEach('verifying and listing signatures and attestations', lookedUp, (group) =>
      this.#finish(group, sent),
    );
    this.#outcomes.push(...outcomes.flat());
  }

  /** Runs `work` for all groups and returns the results of those that do not fail. */
  async #forEach<T extends ReferrerGroup, R>(
    title: string,
    groups: readonly T[],
    work: (group: T) => Promise<R>,
  ): Promise<R[]> {
    const outcomes = await runStep(
      this.#options.emit,
      title,
      (advance) => settle(groups, MAX_BEGUN, (group) => work(group).finally(advance)),
      groups.length,
    );
    throwIfAborted(this.#options.signal);
    return outcomes.flatMap((outcome, index) => {
      if ('value' in outcome) return [outcome.value];
      this.#fail(groups[index] as T, outcome.error);
      return [];
    });
  }

  #fail({ repository, subject }: ReferrerGroup, error: unknown): void {
    this.#failures.push(wrapError(referrersSubject(repository, subject), error));
  }

  /** Runs a request within the concurrency limit. */
  #request<T>(send: () => Promise<T>): Promise<T> {
    return this.#limit(() => {
      throwIfAborted(this.#options.signal);
      return send();
    });
  }

  /** Looks up referrers in the target. @throws AirgapError `tag-conflict` if `existing` is `error` */
  async #lookUp(group: ReferrerGroup): Promise<LookedUpGroup> {
    const { repository, subject, tagged, listed } = group;
    const tags = await settleEach(tagged, tagged.length, (referrer) => this.#lookUpTag(repository, referrer));
    if (listed.length === 0) return { ...group, lookups: tags };
    const known = await this.#lists.read(repository, subject);
    const via = known === undefined ? 'fallback-tag' : 'referrers-api';
    const manifests = await settleEach(listed, listed.length, async (referrer): Promise<Lookup> => {
      const { digest } = referrer.descriptor;
      const isPresent = known === undefined ? await this.#lists.holds(repository, digest) : known.has(digest);
      return { referrer, repository, via, digest, status: isPresent ? 'present' : 'missing', at: this.#options.now() };
    });
    return { ...group, lookups: [...tags, ...manifests], known };
  }

  async #lookUpTag(repository: Repository, referrer: Referrer): Promise<Lookup> {
    const { tag = '', descriptor } = referrer;
    const { knownTags, now } = this.#options;
    const lookup = { referrer, repository, via: 'cosign-tag', digest: descriptor.digest, at: now() } as const;
    let found = knownTags?.get(cosignTagName(repository, referrer));
    try {
      found ??= await this.#request(() => this.#sink.hasManifest(repository, tag));
    } catch (error) {
      if (!isPermanentRefusal(error)) throw error;
      return { ...lookup, status: 'refused', error };
    }
    if (found === descriptor.digest) return { ...lookup, status: 'present' };
    if (found === undefined || this.#mayOverwrite(repository, found, referrer)) return { ...lookup, status: 'missing' };
    return { ...lookup, digest: found, status: 'kept' };
  }

  /**
   * Uploads the missing referrers with everything below them. A permanent refusal by the registry is a result; when it
   * fails, throttles or is full, another run can complete the push.
   */
  async #send(lookups: readonly Lookup[]): Promise<ReadonlyMap<Lookup, Outcome<ReferrerOutcome>>> {
    const missing = lookups.filter(({ status }) => status === 'missing');
    if (missing.length === 0) return new Map();
    const { concurrency, now, emit, signal } = this.#options;
    const items = missing.map(({ referrer: { descriptor, tag }, repository }) => ({ descriptor, repository, tag }));
    const times: Date[] = [];
    const { errors } = await uploadGraph(this.#graph, this.#source, this.#sink, items, {
      concurrency,
      progress: { activity: 'uploading referrers' },
      emit,
      signal,
      retriesRefused: true,
      onUploaded: (index) => {
        times[index] = now();
      },
    });
    throwIfAborted(signal);
    const outcomeOf = (lookup: Lookup, index: number): Outcome<ReferrerOutcome> => {
      const error = errors[index];
      const at = times[index] ?? now();
      if (error === undefined) return { value: { ...lookup, status: 'pushed', at } };
      return isPermanentRefusal(error) ? { value: { ...lookup, status: 'refused', at, error } } : { error };
    };
    return new Map(missing.map((lookup, index) => [lookup, outcomeOf(lookup, index)]));
  }

  /** Verifies the referrers of a group and lists them. @throws AirgapError `digest-mismatch`; errors of the requests */
  async #finish(
    group: LookedUpGroup,
    sent: ReadonlyMap<Lookup, Outcome<ReferrerOutcome>>,
  ): Promise<readonly ReferrerOutcome[]> {
    const settled = group.lookups.map((lookup) => sent.get(lookup) ?? { value: lookup as ReferrerOutcome });
    const outcomes = settled.flatMap((outcome) => ('value' in outcome ? [outcome.value] : []));
    const tagged = outcomes.filter(({ via }) => via === 'cosign-tag');
    const listed = outcomes.filter(({ via }) => via !== 'cosign-tag');
    await settleEach(tagged, tagged.length, (outcome) => this.#verifyTag(outcome));
    const digests = listed.filter(({ status }) => status !== 'refused').map(({ digest }) => digest);
    const listing = await this.#lists.add(group, group.known, digests);
    const failed = settled.find((outcome) => 'error' in outcome);
    if (failed !== undefined) this.#fail(group, failed.error);
    return [
      ...tagged,
      ...listed.map((outcome) => (outcome.status === 'refused' ? outcome : { ...outcome, ...listing })),
    ];
  }

  async #verifyTag({ repository, referrer: { tag = '' }, digest, status }: ReferrerOutcome): Promise<void> {
    if (status !== 'pushed') return;
    const found = await pollUntil(
      () => this.#request(() => this.#sink.hasManifest(repository, tag)),
      (answer) => answer === digest,
    );
    if (found !== digest) throw lostError(repository, digest);
  }

  /** Applies the handling of existing tags to a cosign tag. @throws AirgapError `tag-conflict` */
  #mayOverwrite(repository: Repository, found: Digest, referrer: Referrer): boolean {
    const { existing, emit } = this.#options;
    const conflict = signatureConflict(repository, found, referrer);
    if (existing === 'error') throw conflict;
    if (existing === 'skip') emit({ type: 'warning', message: `kept: ${conflict.message}` });
    return existing === 'overwrite';
  }
}
