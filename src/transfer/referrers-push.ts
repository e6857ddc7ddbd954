import { AirgapError } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import { settle } from '../base/pool.ts';
import type { Sink, Source } from '../oci/content.ts';
import type { Digest } from '../oci/digest.ts';
import { closureOf, type Graph, type ManifestNode } from '../oci/graph.ts';
import { formatRepository, type Repository } from '../oci/reference.ts';
import { type Referrer, referrerKind } from '../oci/referrer.ts';
import { bodyOf, nameOf, steady } from '../oci/steady.ts';
import { checkAborted, failureOf } from './failure.ts';
import type { AskedSource } from './pinned.ts';
import { listUnderTag } from './referrers-tag.ts';
import type { ExistingTag } from './survey.ts';

export interface ReferrersPushOptions {
  /** Where a source repository's content goes. */
  readonly target: (repository: Repository) => Repository;
  /** What to do about a tag of cosign's with another digest. */
  readonly existing: ExistingTag;
  /** Subjects worked on at the same time. */
  readonly concurrency: number;
  readonly emit: Emit;
  readonly signal?: AbortSignal;
}

export interface ReferrersPushResult {
  readonly pushed: number;
  /** That were there already. */
  readonly present: number;
  /** That the registry does not take, by its own answer to the manifest. */
  readonly refused: readonly ReferrerRefusal[];
  readonly failures: readonly AirgapError[];
}

export interface ReferrerRefusal {
  readonly referrer: Referrer;
  readonly error: AirgapError;
}

/** What belongs to one manifest of the target. */
interface Group {
  readonly repository: Repository;
  readonly subject: Digest;
  readonly referrers: readonly Referrer[];
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
  readonly #refused: ReferrerRefusal[] = [];
  readonly #failures: AirgapError[] = [];
  #pushed = 0;
  #present = 0;

  constructor(graph: Graph, source: Source, sink: Sink & AskedSource, options: ReferrersPushOptions) {
    this.#graph = graph;
    this.#source = source;
    this.#sink = sink;
    this.#options = options;
  }

  result(): ReferrersPushResult {
    return { pushed: this.#pushed, present: this.#present, refused: this.#refused, failures: this.#failures };
  }

  /** Those of one subject one after the other, since they may share a list. */
  async all(referrers: readonly Referrer[]): Promise<void> {
    const bySubject = Map.groupBy(referrers, ({ repository, subject }) => {
      const { registry, path } = this.#options.target(repository);
      return `${formatRepository({ registry, path })}@${subject}`;
    });
    const groups = [...bySubject.values()].map((list): Group => {
      const { repository, subject } = list[0] as Referrer;
      return { repository: this.#options.target(repository), subject, referrers: list };
    });
    const outcomes = await settle(groups, this.#options.concurrency, (group) => this.#group(group));
    checkAborted(this.#options.signal);
    for (const [at, { error }] of outcomes.entries()) {
      const { repository, subject } = groups[at] as Group;
      if (error !== undefined) {
        this.#failures.push(failureOf(`what belongs to ${formatRepository(repository)}@${subject}`, error));
      }
    }
  }

  async #group({ repository, subject, referrers }: Group): Promise<void> {
    for (const referrer of referrers.filter(({ tag }) => tag !== undefined)) await this.#tagged(repository, referrer);
    const listed = referrers.filter(({ tag }) => tag === undefined);
    if (listed.length === 0) return;
    const before = await this.#sink.referrers(repository, subject);
    const known = new Set(before?.map(({ digest }) => digest));
    const sent: ManifestNode[] = [];
    for (const referrer of listed) {
      const { digest } = referrer.descriptor;
      const isThere =
        before === undefined ? (await this.#sink.hasManifest(repository, digest)) === digest : known.has(digest);
      if (isThere || (await this.#send(repository, referrer))) sent.push(this.#node(digest));
      if (isThere) this.#present++;
    }
    if (before === undefined) await this.#list(repository, subject, sent);
    else if (sent.some(({ descriptor }) => !known.has(descriptor.digest))) {
      const after = new Set((await this.#sink.referrers(repository, subject))?.map(({ digest }) => digest));
      for (const { descriptor } of sent) if (!after.has(descriptor.digest)) throw lost(repository, descriptor.digest);
    }
  }

  async #list(repository: Repository, subject: Digest, sent: readonly ManifestNode[]): Promise<void> {
    if (sent.length === 0) return;
    const { digest, changed } = await listUnderTag(this.#sink, repository, subject, sent);
    if (changed && (await this.#sink.hasManifest(repository, digest)) !== digest) throw lost(repository, digest);
  }

  async #tagged(repository: Repository, referrer: Referrer): Promise<void> {
    const { tag = '', descriptor } = referrer;
    const there = await this.#sink.hasManifest(repository, tag);
    if (there === descriptor.digest) {
      this.#present++;
      return;
    }
    if (there !== undefined && !this.#replaces(`${formatRepository(repository)}:${tag}`, there, referrer)) return;
    if (!(await this.#send(repository, referrer))) return;
    if ((await this.#sink.hasManifest(repository, tag)) !== descriptor.digest)
      throw lost(repository, descriptor.digest);
  }

  /** @throws AirgapError `tag-conflict` */
  #replaces(name: string, there: Digest, referrer: Referrer): boolean {
    const { existing, emit } = this.#options;
    const message = `${name} is ${there}, and the ${referrerKind(referrer)} in the bundle is ${referrer.descriptor.digest}`;
    if (existing === 'error') {
      throw new AirgapError('tag-conflict', message, {
        hint: 'somebody has signed the image there, or signed it again here: --on-existing-tag overwrite takes the bundle’s, skip leaves it',
      });
    }
    if (existing === 'skip') emit({ type: 'warning', message: `left as it is: ${message}` });
    return existing === 'overwrite';
  }

  /** Sends one with everything below it; false when the registry does not take its manifest. */
  async #send(repository: Repository, referrer: Referrer): Promise<boolean> {
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
      this.#refused.push({ referrer, error });
      return false;
    }
    this.#pushed++;
    return true;
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
