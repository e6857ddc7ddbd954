import { AirgapError } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import { settle } from '../base/pool.ts';
import type { Sink, Source } from '../oci/content.ts';
import type { Digest } from '../oci/digest.ts';
import { closureOf, type Graph, type ManifestNode } from '../oci/graph.ts';
import { formatRepository, type Repository } from '../oci/reference.ts';
import type { Referrer } from '../oci/referrer.ts';
import { bodyOf, nameOf, steady } from '../oci/steady.ts';
import type { SeenTags } from './cosign-tags.ts';
import { checkAborted, failureOf } from './failure.ts';
import type { AskedSource } from './pinned.ts';
import { cosignTagName, groupReferrers, otherSignature, type ReferrerGroup } from './referrer-groups.ts';
import { listedReferrers, type Tie } from './referrers-listed.ts';
import { listUnderTag } from './referrers-tag.ts';
import type { ExistingTag } from './survey.ts';

export interface ReferrersPushOptions {
  /** Where a source repository's content goes. */
  readonly target: (repository: Repository) => Repository;
  /** What to do about a tag of cosign's with another digest. */
  readonly existing: ExistingTag;
  /** Cosign's tags that were there a moment ago. */
  readonly seen?: SeenTags;
  /** Subjects worked on at the same time. */
  readonly concurrency: number;
  readonly now: () => Date;
  readonly emit: Emit;
  readonly signal?: AbortSignal;
}

export interface ReferrersPushResult {
  /** What failed is not among them. */
  readonly outcomes: readonly ReferrerOutcome[];
  readonly failures: readonly AirgapError[];
}

/** What became of one. */
export interface ReferrerOutcome {
  readonly referrer: Referrer;
  /** Where it is now, or would be. */
  readonly repository: Repository;
  readonly via: Tie;
  /** Of its manifest; of one that is `kept`, what stands there. */
  readonly digest: Digest;
  /** `kept`: cosign's tag has another digest, and that was left. `refused`: the registry does not take its manifest. */
  readonly status: 'pushed' | 'present' | 'kept' | 'refused';
  /** When it was pushed or seen. */
  readonly at: Date;
  /** Of one that is `refused`, the registry's answer. */
  readonly error?: AirgapError;
}

/**
 * Pushes what belongs to manifests that are in the sink by now, what belongs to it after it, and asks back for all of it.
 * Cosign's get their tags; of the others the registry keeps the list itself, or the list is kept under its tag.
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
  let left = [...referrers];
  while (left.length > 0) {
    const waiting = new Set(left.map(({ descriptor }) => descriptor.digest));
    const ready = left.filter(({ subject }) => !waiting.has(subject));
    // A ring of subjects cannot be made, since each has the other's digest in it; but a bundle may say anything.
    const next = ready.length > 0 ? ready : left;
    left = left.filter((one) => !next.includes(one));
    await push.all(next);
  }
  return push.result();
}

class ReferrersPush {
  readonly #graph: Graph;
  readonly #source: Source;
  readonly #sink: Sink & AskedSource;
  readonly #options: ReferrersPushOptions;
  readonly #outcomes: ReferrerOutcome[] = [];
  readonly #failures: AirgapError[] = [];

  constructor(graph: Graph, source: Source, sink: Sink & AskedSource, options: ReferrersPushOptions) {
    this.#graph = graph;
    this.#source = source;
    this.#sink = sink;
    this.#options = options;
  }

  result(): ReferrersPushResult {
    return { outcomes: this.#outcomes, failures: this.#failures };
  }

  /** Those of one subject one after the other, since they may share a list. */
  async all(referrers: readonly Referrer[]): Promise<void> {
    const groups = groupReferrers(referrers, this.#options.target);
    const outcomes = await settle(groups, this.#options.concurrency, (group) => this.#group(group));
    checkAborted(this.#options.signal);
    for (const [at, { error }] of outcomes.entries()) {
      const { repository, subject } = groups[at] as ReferrerGroup;
      if (error !== undefined) {
        this.#failures.push(failureOf(`what belongs to ${formatRepository(repository)}@${subject}`, error));
      }
    }
  }

  async #group({ repository, subject, tagged, listed }: ReferrerGroup): Promise<void> {
    for (const referrer of tagged) await this.#tagged(repository, referrer);
    if (listed.length === 0) return;
    const before = await this.#sink.referrers(repository, subject);
    const known = new Set(before?.map(({ digest }) => digest));
    const outcomes: ReferrerOutcome[] = [];
    for (const referrer of listed) {
      const { digest } = referrer.descriptor;
      const via = before === undefined ? 'fallback-tag' : 'referrers-api';
      const isThere =
        before === undefined ? (await this.#sink.hasManifest(repository, digest)) === digest : known.has(digest);
      const done = { referrer, repository, via, digest } as const;
      if (isThere) outcomes.push({ ...done, status: 'present', at: this.#options.now() });
      else outcomes.push({ ...done, ...(await this.#send(repository, referrer)) });
    }
    const sent = outcomes.filter(({ status }) => status !== 'refused').map(({ digest }) => this.#node(digest));
    if (before === undefined) await this.#list(repository, subject, sent);
    else if (sent.some(({ descriptor }) => !known.has(descriptor.digest))) {
      const after = await listedReferrers(this.#sink, repository, subject);
      for (const { descriptor } of sent) if (!after.has(descriptor.digest)) throw lost(repository, descriptor.digest);
    }
    this.#outcomes.push(...outcomes);
  }

  async #list(repository: Repository, subject: Digest, sent: readonly ManifestNode[]): Promise<void> {
    if (sent.length === 0) return;
    const { digest, changed } = await listUnderTag(this.#sink, repository, subject, sent);
    if (changed && (await this.#sink.hasManifest(repository, digest)) !== digest) throw lost(repository, digest);
  }

  async #tagged(repository: Repository, referrer: Referrer): Promise<void> {
    const { tag = '', descriptor } = referrer;
    const { digest } = descriptor;
    const seen = this.#options.seen?.get(cosignTagName(repository, referrer));
    const there = seen ?? (await this.#sink.hasManifest(repository, tag));
    const done = { referrer, repository, via: 'cosign-tag', digest } as const;
    if (there === digest) {
      this.#outcomes.push({ ...done, status: 'present', at: this.#options.now() });
      return;
    }
    if (there !== undefined && !this.#replaces(repository, there, referrer)) {
      this.#outcomes.push({ ...done, digest: there, status: 'kept', at: this.#options.now() });
      return;
    }
    const end = await this.#send(repository, referrer);
    if (end.status === 'pushed' && (await this.#sink.hasManifest(repository, tag)) !== digest) {
      throw lost(repository, digest);
    }
    this.#outcomes.push({ ...done, ...end });
  }

  /** @throws AirgapError `tag-conflict` */
  #replaces(repository: Repository, there: Digest, referrer: Referrer): boolean {
    const { existing, emit } = this.#options;
    const conflict = otherSignature(repository, there, referrer);
    if (existing === 'error') throw conflict;
    if (existing === 'skip') emit({ type: 'warning', message: `left as it is: ${conflict.message}` });
    return existing === 'overwrite';
  }

  /** Sends one with everything below it, unless the registry does not take its manifest. */
  async #send(repository: Repository, referrer: Referrer): Promise<Pick<ReferrerOutcome, 'status' | 'at' | 'error'>> {
    const { descriptor, tag } = referrer;
    const { manifests, blobs } = closureOf(this.#graph, descriptor.digest);
    for (const digest of blobs) await this.#blob(repository, digest);
    try {
      for (const digest of manifests) {
        checkAborted(this.#options.signal);
        const { descriptor: own, bytes } = this.#node(digest);
        await this.#sink.putManifest(
          repository,
          { descriptor: own, bytes },
          digest === descriptor.digest ? tag : undefined,
        );
      }
    } catch (error) {
      if (!(error instanceof AirgapError) || error.code !== 'unsupported') throw error;
      return { status: 'refused', at: this.#options.now(), error };
    }
    return { status: 'pushed', at: this.#options.now() };
  }

  async #blob(repository: Repository, digest: Digest): Promise<void> {
    const { emit, signal } = this.#options;
    const node = this.#graph.blobs.get(digest);
    if (node === undefined || (await this.#sink.hasBlob(repository, node.descriptor))) return;
    // Of a plan that was made for the images alone, these bytes are no part.
    const quiet: Emit = (event) => event.type !== 'bytes' && emit(event);
    const body = steady(bodyOf(this.#source, node), { what: nameOf(node), emit: quiet, signal });
    await this.#sink.putBlob(repository, node.descriptor, body, { signal });
  }

  #node(digest: Digest): ManifestNode {
    return this.#graph.manifests.get(digest) as ManifestNode;
  }
}

function lost(repository: Repository, digest: Digest): AirgapError {
  return new AirgapError('digest-mismatch', `${digest} was pushed and does not read back`, {
    hint: `something else writes to ${formatRepository(repository)}, or the registry lost it; push again`,
  });
}
