import { AirgapError, asAirgapError, isPermanentRefusal, isRefusal } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import { pollUntil } from '../base/poll-until.ts';
import { settle } from '../base/pool.ts';
import type { Sink, Source } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { Graph, ManifestNode } from '../oci/graph.ts';
import { formatRepository, type Repository } from '../oci/reference.ts';
import type { Referrer } from '../oci/referrer.ts';
import type { KnownTags } from './cosign-tags.ts';
import { referrerLevels } from './levels.ts';
import type { ListingMethod } from './listed-referrers.ts';
import type { RegistrySource } from './pinned-source.ts';
import { cosignTagName, groupReferrers, type ReferrerGroup, signatureConflict } from './referrer-groups.ts';
import { ReferrerSender } from './referrer-sender.ts';
import { updateReferrersTag } from './referrers-tag.ts';
import type { ExistingTag } from './tag-status.ts';
import { throwIfAborted, wrapError } from './wrap-error.ts';

export interface ReferrersPushOptions {
  /** Maps a source repository to its target repository. */
  readonly target: (repository: Repository) => Repository;
  /** Handling of cosign tags that have another digest. */
  readonly existing: ExistingTag;
  /** Cosign tags in the target that have just been read. */
  readonly knownTags?: KnownTags;
  /** Subjects processed at the same time. */
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

/**
 * Pushes referrers of manifests that are already in the sink, subjects before their referrers, and verifies each of
 * them. Cosign's get their tags. The others are listed by the registry, or under the referrers tag if it has no
 * referrers API. A refusal by the registry is not a failure: the outcome holds the registry's answer.
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
  for (const level of referrerLevels(referrers)) await push.pushAll(level);
  return push.result();
}

class ReferrersPush {
  readonly #graph: Graph;
  readonly #sink: Sink & RegistrySource;
  readonly #options: ReferrersPushOptions;
  readonly #outcomes: ReferrerOutcome[] = [];
  readonly #failures: AirgapError[] = [];
  readonly #sender: ReferrerSender;
  /** Registries whose referrers API fails or does not list pushed referrers. */
  readonly #withoutApi = new Set<string>();

  constructor(graph: Graph, source: Source, sink: Sink & RegistrySource, options: ReferrersPushOptions) {
    this.#graph = graph;
    this.#sink = sink;
    this.#options = options;
    this.#sender = new ReferrerSender(graph, source, sink, options);
  }

  result(): ReferrersPushResult {
    return { outcomes: this.#outcomes, failures: this.#failures };
  }

  /**
   * Pushes the referrers of different subjects concurrently; those of one subject in sequence, as they share a list.
   */
  async pushAll(referrers: readonly Referrer[]): Promise<void> {
    const groups = groupReferrers(referrers, this.#options.target);
    const outcomes = await settle(groups, this.#options.concurrency, (group) => this.#pushGroup(group));
    throwIfAborted(this.#options.signal);
    for (const [index, { error }] of outcomes.entries()) {
      const { repository, subject } = groups[index] as ReferrerGroup;
      if (error !== undefined) {
        this.#failures.push(wrapError(`referrers of ${formatRepository(repository)}@${subject}`, error));
      }
    }
  }

  async #pushGroup({ repository, subject, tagged, listed }: ReferrerGroup): Promise<void> {
    for (const referrer of tagged) this.#outcomes.push(await this.#pushTagged(repository, referrer));
    if (listed.length === 0) return;
    const apiList = await this.#listFromApi(repository, subject);
    const known = new Set(apiList?.map(({ digest }) => digest));
    const outcomes: ReferrerOutcome[] = [];
    for (const referrer of listed) {
      const { digest } = referrer.descriptor;
      const via = apiList === undefined ? 'fallback-tag' : 'referrers-api';
      const base = { referrer, repository, via, digest } as const;
      const isPresent = apiList === undefined ? await this.#exists(repository, digest) : known.has(digest);
      if (isPresent) outcomes.push({ ...base, status: 'present', at: this.#options.now() });
      else outcomes.push({ ...base, ...(await this.#sender.send(repository, referrer)) });
    }
    const sent = outcomes.filter(({ status }) => status !== 'refused').map(({ digest }) => digest);
    const isListedByApi = apiList !== undefined && (await this.#listsSent(repository, subject, known, sent));
    const listing = isListedByApi
      ? ({ via: 'referrers-api' } as const)
      : await this.#updateList(repository, subject, sent);
    this.#outcomes.push(
      ...outcomes.map((outcome) => (outcome.status === 'refused' ? outcome : { ...outcome, ...listing })),
    );
  }

  /** Returns the registry's list; undefined if it has no working referrers API. */
  async #listFromApi(repository: Repository, subject: Digest): Promise<readonly Descriptor[] | undefined> {
    if (this.#withoutApi.has(repository.registry)) return undefined;
    try {
      return await this.#sink.referrers(repository, subject);
    } catch (error) {
      // A hanging API must not stop the push; an unreachable registry fails at the next request anyway.
      if (!isRefusal(error) && asAirgapError(error).code !== 'network') throw error;
      this.#withoutApi.add(repository.registry);
      return undefined;
    }
  }

  /** Reports whether the registry lists the pushed referrers. Some return an empty list for every manifest. */
  async #listsSent(
    repository: Repository,
    subject: Digest,
    known: ReadonlySet<Digest>,
    sent: readonly Digest[],
  ): Promise<boolean> {
    const newDigests = sent.filter((digest) => !known.has(digest));
    if (newDigests.length === 0) return true;
    const isListed = (list: readonly Descriptor[] | undefined): boolean => {
      const digests = new Set(list?.map(({ digest }) => digest));
      return newDigests.every((digest) => digests.has(digest));
    };
    // Keeping a list in addition to the registry's does no harm, so two attempts are enough.
    if (isListed(await pollUntil(() => this.#listFromApi(repository, subject), isListed, { attempts: 2 }))) return true;
    for (const digest of newDigests) if (!(await this.#exists(repository, digest))) throw lostError(repository, digest);
    this.#withoutApi.add(repository.registry);
    return false;
  }

  /** Updates the list under the referrers tag. If the registry refuses that, the referrers exist but are not listed. */
  async #updateList(
    repository: Repository,
    subject: Digest,
    sent: readonly Digest[],
  ): Promise<Pick<ReferrerOutcome, 'via' | 'error'>> {
    const via = 'fallback-tag';
    if (sent.length === 0) return { via };
    try {
      const nodes = sent.map((digest) => this.#node(digest));
      const { digest, changed } = await updateReferrersTag(this.#sink, repository, subject, nodes);
      if (changed && !(await this.#exists(repository, digest))) throw lostError(repository, digest);
      return { via };
    } catch (error) {
      if (!isPermanentRefusal(error)) throw error;
      return { via: 'unlisted', error };
    }
  }

  /** Reports whether a manifest exists, by tag or digest. */
  async #exists(repository: Repository, digest: Digest, tag: string = digest): Promise<boolean> {
    return (await this.#sink.hasManifest(repository, tag)) === digest;
  }

  async #pushTagged(repository: Repository, referrer: Referrer): Promise<ReferrerOutcome> {
    const { tag = '', descriptor } = referrer;
    const { digest } = descriptor;
    const knownDigest = this.#options.knownTags?.get(cosignTagName(repository, referrer));
    const base = { referrer, repository, via: 'cosign-tag', digest, at: this.#options.now() } as const;
    let found: Digest | undefined;
    try {
      found = knownDigest ?? (await this.#sink.hasManifest(repository, tag));
    } catch (error) {
      if (!isPermanentRefusal(error)) throw error;
      return { ...base, status: 'refused', error };
    }
    if (found === digest) return { ...base, status: 'present' };
    if (found !== undefined && !this.#mayOverwrite(repository, found, referrer)) {
      return { ...base, digest: found, status: 'kept' };
    }
    const sent = await this.#sender.send(repository, referrer);
    if (sent.status === 'pushed') {
      const found = await pollUntil(
        () => this.#sink.hasManifest(repository, tag),
        (answer) => answer === digest,
      );
      if (found !== digest) throw lostError(repository, digest);
    }
    return { ...base, ...sent };
  }

  /** Applies the handling of existing tags to a cosign tag. @throws AirgapError `tag-conflict` */
  #mayOverwrite(repository: Repository, found: Digest, referrer: Referrer): boolean {
    const { existing, emit } = this.#options;
    const conflict = signatureConflict(repository, found, referrer);
    if (existing === 'error') throw conflict;
    if (existing === 'skip') emit({ type: 'warning', message: `kept: ${conflict.message}` });
    return existing === 'overwrite';
  }

  #node(digest: Digest): ManifestNode {
    return this.#graph.manifests.get(digest) as ManifestNode;
  }
}

function lostError(repository: Repository, digest: Digest): AirgapError {
  return new AirgapError('digest-mismatch', `${digest} was pushed but cannot be read back`, {
    hint: `another client writes to ${formatRepository(repository)}, or the registry lost it; push again`,
  });
}
