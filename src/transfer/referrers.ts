import { AirgapError, ours } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import { settle } from '../base/pool.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { Graph, Root } from '../oci/graph.ts';
import { formatReference, formatRepository, type Repository } from '../oci/reference.ts';
import { cosignTags, type Referrer, referrerKey, referrersTag } from '../oci/referrer.ts';
import { checkAborted, failureOf } from './failure.ts';
import { limiter } from './limit.ts';
import type { AskedSource } from './pinned.ts';
import { ReferrerBlobs } from './referrer-blobs.ts';
import { type QuestionKind, ReferrerQuestions } from './referrer-questions.ts';
import {
  imagesBelow,
  type ManifestAt,
  manifestName,
  queryOf,
  type ReferrerQuery,
  subjectOf,
} from './referrer-subjects.ts';
import { readReferrersTag } from './referrers-tag.ts';
import type { ReferrerFailure, Walker } from './walk.ts';

export interface ReferrerOptions {
  /** Manifests read at the same time; twice as many requests without content. */
  readonly concurrency: number;
  readonly emit: Emit;
  readonly signal?: AbortSignal;
}

/** Levels of referrers of referrers, more than any published image has. */
const DEPTH = 4;
/** Requests that may run in place of one transfer: each is a round trip with hardly any bytes. */
const QUESTIONS = 2;
/** Limit for one manifest, since the registry decides how many it lists. */
const MOST = 2000;

/**
 * Collects the referrers of images, including those attached by cosign's tags. Most images have none and cost one
 * request to the referrers API (or for the referrers tag, if there is no API) and three for cosign's tags; only a
 * manifest that is found counts against a pull limit. For the images of an index only the API is used, unless the index
 * has referrers: publishers who sign or describe the images also do so for the index.
 *
 * A registry error here does not fail the run, because the images are complete without referrers. It is recorded.
 */
export class Referrers {
  readonly #source: AskedSource;
  readonly #walker: Walker;
  readonly #options: ReferrerOptions;
  readonly #questions: ReferrerQuestions;
  readonly #blobs: ReferrerBlobs;
  readonly #limit: ReturnType<typeof limiter>;
  readonly #lists = new Map<string, Promise<readonly Referrer[] | undefined>>();
  readonly #fallbacks = new Map<string, Promise<readonly Referrer[]>>();
  readonly #tagged = new Map<string, Promise<readonly Referrer[]>>();
  /** Names of the images that a manifest is part of or refers to. */
  readonly #images = new Map<string, ReadonlySet<string>>();
  /** Keys of the referrers that were passed to the walker. */
  readonly #given = new Set<string>();
  readonly #leftOut = new Map<string, Referrer>();

  /**
   * @param walker holds the images and receives their referrers
   * @param requests records registries that did not answer
   */
  constructor(source: AskedSource, walker: Walker, options: ReferrerOptions, questions = new ReferrerQuestions()) {
    this.#questions = questions;
    this.#blobs = new ReferrerBlobs(source, options);
    this.#source = source;
    this.#walker = walker;
    this.#options = options;
    this.#limit = limiter(options.concurrency * QUESTIONS);
  }

  /** Returns the graph with the content of the small blobs that were read. */
  within(graph: Graph): Promise<Graph> {
    return this.#blobs.within(graph);
  }

  /** Returns referrers of indexes that the platform selection replaced. They are not in the walker's graph. */
  leftOut(): readonly Referrer[] {
    return [...this.#leftOut].filter(([key]) => !this.#given.has(key)).map(([, referrer]) => referrer);
  }

  /**
   * Finds the referrers of these roots and adds them to the walker.
   * @throws AirgapError `interrupted`
   */
  async collect(roots: readonly Root[]): Promise<void> {
    const graph = this.#walker.graph();
    const tops = roots.map((root) => queryOf(root.reference, root.sourceDigest ?? root.descriptor.digest, 'all'));
    const below = roots.map((root) =>
      imagesBelow(graph, root).map((digest) => queryOf(root.reference, digest, 'list')),
    );
    for (const [at, { reference }] of roots.entries()) {
      for (const part of [tops[at] as ReferrerQuery, ...(below[at] ?? [])])
        this.#name(part, [formatReference(reference)]);
    }
    const found = await this.#ask([...tops, ...below.flat()]);
    const own = found.slice(0, tops.length);
    const children = own.flatMap((list, at) => (list.length > 0 ? (below[at] ?? []) : []));
    const more = await this.#ask(children.map((child) => ({ ...child, effort: 'all' })));
    const isCarried = (_: unknown, at: number): boolean => roots[at]?.sourceDigest === undefined;
    for (const referrer of own.filter((list, at) => !isCarried(list, at)).flat()) {
      this.#leftOut.set(referrerKey(referrer), referrer);
    }
    await this.#follow([...own.filter(isCarried), ...found.slice(tops.length), ...more].flat());
  }

  /** Adds these referrers to the walker, and their referrers in turn. */
  async #follow(found: readonly Referrer[]): Promise<void> {
    for (let depth = 0, next = found; next.length > 0; depth++) {
      const fresh = new Map(next.map((referrer) => [referrerKey(referrer), referrer]));
      for (const key of fresh.keys()) if (this.#given.has(key)) fresh.delete(key);
      for (const key of fresh.keys()) this.#given.add(key);
      const { added, failures } = await this.#walker.attach(
        this.#within([...fresh.values()]),
        (repository, nodes) => this.#question('blob', repository, () => this.#blobs.check(repository, nodes)),
        (repository, question) => this.#question('manifest', repository, question),
      );
      this.#tell(failures);
      if (depth + 1 >= DEPTH) return;
      const subjects = added.map(({ repository, subject, descriptor }) => {
        const own = queryOf(repository, descriptor.digest, 'all');
        this.#name(own, this.#namesOf({ repository, digest: subject }));
        return own;
      });
      next = (await this.#ask(subjects)).flat();
    }
  }

  /** Warns of list entries that do not exist or have another subject; records referrers that cannot be read. */
  #tell(failures: readonly ReferrerFailure[]): void {
    for (const { referrer, error, isStray } of failures) {
      if (!isStray && error.code !== 'image-not-found') this.#note(subjectOf(referrer), error);
      else {
        const message = `ignored as a referrer: ${error.message}`;
        this.#options.emit({ type: 'warning', message });
      }
    }
  }

  /** Returns the referrers without those of manifests that have too many. */
  #within(referrers: readonly Referrer[]): readonly Referrer[] {
    const bySubject = Map.groupBy(referrers, (referrer) => manifestName(subjectOf(referrer)));
    return [...bySubject].flatMap(([name, list]) => {
      if (list.length <= MOST) return list;
      const message = `${name} has ${list.length} referrers; the limit is ${MOST}`;
      this.#note(subjectOf(list[0] as Referrer), new AirgapError('unsupported', message));
      return [];
    });
  }

  async #ask(subjects: readonly ReferrerQuery[]): Promise<(readonly Referrer[])[]> {
    const outcomes = await settle(subjects, subjects.length, (subject) => this.#about(subject));
    checkAborted(this.#options.signal);
    return outcomes.map((outcome) => {
      if ('error' in outcome) throw outcome.error;
      return outcome.value;
    });
  }

  /** Returns the referrers of one manifest. A failed request does not discard the results of the others. */
  async #about(subject: ReferrerQuery): Promise<readonly Referrer[]> {
    const { repository, digest, effort } = subject;
    const tags = effort === 'all' ? cosignTags(digest) : [];
    const tagged = tags.map((tag) =>
      once(this.#tagged, `${manifestName(subject)} ${tag}`, () => this.#tag(subject, tag)),
    );
    const outcomes = await Promise.allSettled([this.#listOf(subject), ...tagged]);
    return outcomes.flatMap((outcome) => {
      if (outcome.status === 'fulfilled') return outcome.value;
      this.#note({ repository, digest }, ours(outcome.reason));
      return [];
    });
  }

  /** Records that the referrers of a manifest are incomplete. @throws AirgapError `interrupted` */
  #note(of: ManifestAt, error: AirgapError): void {
    const { repository } = of;
    const told = failureOf(formatRepository(repository), error);
    this.#questions.note(repository.registry, this.#namesOf(of), told);
  }

  #namesOf(of: ManifestAt): ReadonlySet<string> {
    return this.#images.get(manifestName(of)) ?? new Set([manifestName(of)]);
  }

  #name(of: ManifestAt, images: Iterable<string>): void {
    this.#images.set(manifestName(of), new Set([...(this.#images.get(manifestName(of)) ?? []), ...images]));
  }

  async #listOf(subject: ReferrerQuery): Promise<readonly Referrer[]> {
    const { repository, digest, effort } = subject;
    try {
      const listed = await once(this.#lists, manifestName(subject), async () => {
        const list = await this.#question('list', repository, () => this.#source.referrers(repository, digest));
        return list?.map((descriptor) => referrerOf(repository, digest, descriptor));
      });
      if (listed !== undefined) return listed;
    } catch (error) {
      // The referrers tag may exist even so.
      this.#note(subject, ours(error));
    }
    return effort === 'all' ? once(this.#fallbacks, manifestName(subject), () => this.#fallback(subject)) : [];
  }

  /**
   * Returns the referrers listed under the referrers tag, which clients maintain if a registry has no referrers API.
   */
  async #fallback({ repository, digest }: ReferrerQuery): Promise<readonly Referrer[]> {
    const asked: Parameters<typeof readReferrersTag>[0] = {
      hasManifest: (at, tag) => this.#question('tag', at, async () => (await this.#source.head(at, tag))?.digest),
      manifest: (at, list) => this.#question('tag', at, () => this.#source.manifest(at, list)),
    };
    const tag = await readReferrersTag(asked, repository, digest);
    if (tag === undefined || tag.isSubject) return [];
    if (tag.entries !== undefined) return tag.entries.map((entry) => referrerOf(repository, digest, entry));
    const name = `${formatRepository(repository)}:${referrersTag(digest)}`;
    const message = `${name} is not an index, so it lists no referrers of ${digest}`;
    this.#options.emit({ type: 'warning', message });
    return [];
  }

  async #tag({ repository, digest }: ReferrerQuery, tag: string): Promise<readonly Referrer[]> {
    const descriptor = await this.#question('tag', repository, () => this.#source.head(repository, tag));
    return descriptor === undefined ? [] : [{ ...referrerOf(repository, digest, descriptor), tag }];
  }

  #question<T>(kind: QuestionKind, { registry }: Repository, ask: () => Promise<T>): Promise<T> {
    return this.#questions.ask(kind, registry, ask, this.#limit);
  }
}

/** Returns the cached result for a key, loading it on first use. */
function once<T>(known: Map<string, Promise<T>>, key: string, ask: () => Promise<T>): Promise<T> {
  const asking = known.get(key) ?? ask();
  known.set(key, asking);
  return asking;
}

function referrerOf(
  { registry, path }: Repository,
  subject: Digest,
  { mediaType, digest, size, artifactType = '' }: Descriptor,
): Referrer {
  return { repository: { registry, path }, subject, descriptor: { mediaType, digest, size }, artifactType };
}
