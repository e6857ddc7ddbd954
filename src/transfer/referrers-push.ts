import { AirgapError, isLastingRefusal, isRefusal, ours } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import { settle } from '../base/pool.ts';
import type { Sink, Source } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { Graph, ManifestNode } from '../oci/graph.ts';
import { formatRepository, type Repository } from '../oci/reference.ts';
import type { Referrer } from '../oci/referrer.ts';
import { askUntil } from './ask-until.ts';
import type { SeenTags } from './cosign-tags.ts';
import { checkAborted, failureOf } from './failure.ts';
import { referrerLevels } from './levels.ts';
import type { AskedSource } from './pinned.ts';
import { cosignTagName, groupReferrers, otherSignature, type ReferrerGroup } from './referrer-groups.ts';
import { ReferrerSender } from './referrer-sender.ts';
import type { Tie } from './referrers-listed.ts';
import { updateReferrersTag } from './referrers-tag.ts';
import type { ExistingTag } from './survey.ts';

export interface ReferrersPushOptions {
  /** Maps a source repository to its target repository. */
  readonly target: (repository: Repository) => Repository;
  /** Handling of cosign tags that have another digest. */
  readonly existing: ExistingTag;
  /** Cosign tags in the target that have just been read. */
  readonly seen?: SeenTags;
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
  readonly via: Tie;
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
  sink: Sink & AskedSource,
  options: ReferrersPushOptions,
): Promise<ReferrersPushResult> {
  const push = new ReferrersPush(graph, source, sink, options);
  for (const level of referrerLevels(referrers)) await push.all(level);
  return push.result();
}

class ReferrersPush {
  readonly #graph: Graph;
  readonly #sink: Sink & AskedSource;
  readonly #options: ReferrersPushOptions;
  readonly #outcomes: ReferrerOutcome[] = [];
  readonly #failures: AirgapError[] = [];
  readonly #sender: ReferrerSender;
  /** Registries whose referrers API fails or does not list pushed referrers. */
  readonly #silent = new Set<string>();

  constructor(graph: Graph, source: Source, sink: Sink & AskedSource, options: ReferrersPushOptions) {
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
  async all(referrers: readonly Referrer[]): Promise<void> {
    const groups = groupReferrers(referrers, this.#options.target);
    const outcomes = await settle(groups, this.#options.concurrency, (group) => this.#group(group));
    checkAborted(this.#options.signal);
    for (const [at, { error }] of outcomes.entries()) {
      const { repository, subject } = groups[at] as ReferrerGroup;
      if (error !== undefined) {
        this.#failures.push(failureOf(`referrers of ${formatRepository(repository)}@${subject}`, error));
      }
    }
  }

  async #group({ repository, subject, tagged, listed }: ReferrerGroup): Promise<void> {
    for (const referrer of tagged) this.#outcomes.push(await this.#tagged(repository, referrer));
    if (listed.length === 0) return;
    const before = await this.#api(repository, subject);
    const known = new Set(before?.map(({ digest }) => digest));
    const outcomes: ReferrerOutcome[] = [];
    for (const referrer of listed) {
      const { digest } = referrer.descriptor;
      const via = before === undefined ? 'fallback-tag' : 'referrers-api';
      const done = { referrer, repository, via, digest } as const;
      const isThere = before === undefined ? await this.#isThere(repository, digest) : known.has(digest);
      if (isThere) outcomes.push({ ...done, status: 'present', at: this.#options.now() });
      else outcomes.push({ ...done, ...(await this.#sender.send(repository, referrer)) });
    }
    const sent = outcomes.filter(({ status }) => status !== 'refused').map(({ digest }) => digest);
    const isKept = before !== undefined && (await this.#keeps(repository, subject, known, sent));
    const list = isKept ? ({ via: 'referrers-api' } as const) : await this.#list(repository, subject, sent);
    this.#outcomes.push(...outcomes.map((one) => (one.status === 'refused' ? one : { ...one, ...list })));
  }

  /** Returns the registry's list; undefined if it has no working referrers API. */
  async #api(repository: Repository, subject: Digest): Promise<readonly Descriptor[] | undefined> {
    if (this.#silent.has(repository.registry)) return undefined;
    try {
      return await this.#sink.referrers(repository, subject);
    } catch (error) {
      // A hanging API must not stop the push; an unreachable registry fails at the next request anyway.
      if (!isRefusal(error) && ours(error).code !== 'network') throw error;
      this.#silent.add(repository.registry);
      return undefined;
    }
  }

  /** Returns whether the registry lists what was pushed. Some return an empty list for every manifest. */
  async #keeps(
    repository: Repository,
    subject: Digest,
    known: ReadonlySet<Digest>,
    sent: readonly Digest[],
  ): Promise<boolean> {
    const fresh = sent.filter((digest) => !known.has(digest));
    if (fresh.length === 0) return true;
    const isListed = (list: readonly Descriptor[] | undefined): boolean => {
      const digests = new Set(list?.map(({ digest }) => digest));
      return fresh.every((digest) => digests.has(digest));
    };
    // To keep a list that the registry keeps as well does no harm, so this need not take long.
    if (isListed(await askUntil(() => this.#api(repository, subject), isListed, { tries: 2 }))) return true;
    for (const digest of fresh) if (!(await this.#isThere(repository, digest))) throw lost(repository, digest);
    this.#silent.add(repository.registry);
    return false;
  }

  /** Updates the list under the referrers tag. If the registry refuses that, the referrers exist but are not listed. */
  async #list(
    repository: Repository,
    subject: Digest,
    sent: readonly Digest[],
  ): Promise<Pick<ReferrerOutcome, 'via' | 'error'>> {
    const via = 'fallback-tag';
    if (sent.length === 0) return { via };
    try {
      const nodes = sent.map((digest) => this.#node(digest));
      const { digest, changed } = await updateReferrersTag(this.#sink, repository, subject, nodes);
      if (changed && !(await this.#isThere(repository, digest))) throw lost(repository, digest);
      return { via };
    } catch (error) {
      if (!isLastingRefusal(error)) throw error;
      return { via: 'unlisted', error };
    }
  }

  /** Returns whether a manifest exists, by tag or digest. */
  async #isThere(repository: Repository, digest: Digest, tag: string = digest): Promise<boolean> {
    return (await this.#sink.hasManifest(repository, tag)) === digest;
  }

  async #tagged(repository: Repository, referrer: Referrer): Promise<ReferrerOutcome> {
    const { tag = '', descriptor } = referrer;
    const { digest } = descriptor;
    const seen = this.#options.seen?.get(cosignTagName(repository, referrer));
    const done = { referrer, repository, via: 'cosign-tag', digest, at: this.#options.now() } as const;
    let there: Digest | undefined;
    try {
      there = seen ?? (await this.#sink.hasManifest(repository, tag));
    } catch (error) {
      if (!isLastingRefusal(error)) throw error;
      return { ...done, status: 'refused', error };
    }
    if (there === digest) return { ...done, status: 'present' };
    if (there !== undefined && !this.#replaces(repository, there, referrer)) {
      return { ...done, digest: there, status: 'kept' };
    }
    const end = await this.#sender.send(repository, referrer);
    if (end.status === 'pushed') {
      const found = await askUntil(
        () => this.#sink.hasManifest(repository, tag),
        (answer) => answer === digest,
      );
      if (found !== digest) throw lost(repository, digest);
    }
    return { ...done, ...end };
  }

  /** @throws AirgapError `tag-conflict` */
  #replaces(repository: Repository, there: Digest, referrer: Referrer): boolean {
    const { existing, emit } = this.#options;
    const conflict = otherSignature(repository, there, referrer);
    if (existing === 'error') throw conflict;
    if (existing === 'skip') emit({ type: 'warning', message: `kept: ${conflict.message}` });
    return existing === 'overwrite';
  }

  #node(digest: Digest): ManifestNode {
    return this.#graph.manifests.get(digest) as ManifestNode;
  }
}

function lost(repository: Repository, digest: Digest): AirgapError {
  return new AirgapError('digest-mismatch', `${digest} was pushed but cannot be read back`, {
    hint: `another client writes to ${formatRepository(repository)}, or the registry lost it; push again`,
  });
}
