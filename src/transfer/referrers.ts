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
  /** Manifests read at the same time; of mere questions twice as many. */
  readonly concurrency: number;
  readonly emit: Emit;
  readonly signal?: AbortSignal;
}

/** Signatures of signatures: deeper than anything that is published. */
const DEPTH = 4;
/** Questions in the place of one transfer: each is a round trip and hardly a byte. */
const QUESTIONS = 2;
/** Of one manifest. Its registry decides how many there are. */
const MOST = 2000;

/**
 * Finds what belongs to images: their referrers and cosign's tags. The usual image has none, and costs a request to the
 * referrers API (or a question for the tag that stands for it, where there is none) and three for cosign's tags; no answer
 * but a found manifest counts against a limit on pulls. The images of an index are asked for in the API alone, unless
 * something belongs to the index: who signs or describes the images of an index does so with the index.
 *
 * The images are there without all that, so what a registry fails to answer ends nothing: it is put on record.
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
  /** Names of the images that a manifest is part of, or belongs to. */
  readonly #images = new Map<string, ReadonlySet<string>>();
  /** What was given to the walker. */
  readonly #given = new Set<string>();
  readonly #leftOut = new Map<string, Referrer>();

  /**
   * @param walker which has the images, and takes what belongs to them
   * @param questions has on record what was not answered
   */
  constructor(source: AskedSource, walker: Walker, options: ReferrerOptions, questions = new ReferrerQuestions()) {
    this.#questions = questions;
    this.#blobs = new ReferrerBlobs(source, options);
    this.#source = source;
    this.#walker = walker;
    this.#options = options;
    this.#limit = limiter(options.concurrency * QUESTIONS);
  }

  /** The graph with the small blobs that were read. */
  within(graph: Graph): Promise<Graph> {
    return this.#blobs.within(graph);
  }

  /** What belongs to indexes that a choice of platforms made others of. It is not in the walker's graph. */
  leftOut(): readonly Referrer[] {
    return [...this.#leftOut].filter(([key]) => !this.#given.has(key)).map(([, referrer]) => referrer);
  }

  /**
   * Finds what belongs to these roots, and adds it to the walker.
   * @throws AirgapError `interrupted`
   */
  async collect(roots: readonly Root[]): Promise<void> {
    const graph = this.#walker.graph();
    const tops = roots.map((root) => queryOf(root.reference, root.sourceDigest ?? root.descriptor.digest, 'all'));
    const below = roots.map((root) => imagesBelow(graph, root).map((at) => queryOf(root.reference, at, 'list')));
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

  /** Gives these to the walker, and what belongs to them in turn. */
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

  /** What is listed and is not there, or belongs elsewhere, is the registry's rubbish; what cannot be had is on record. */
  #tell(failures: readonly ReferrerFailure[]): void {
    for (const { referrer, error, isStray } of failures) {
      if (!isStray && error.code !== 'image-not-found') this.#note(subjectOf(referrer), error);
      else {
        const message = `not taken for a signature or the like: ${error.message}`;
        this.#options.emit({ type: 'warning', message });
      }
    }
  }

  /** Without those of a manifest that has too many. */
  #within(referrers: readonly Referrer[]): readonly Referrer[] {
    const bySubject = Map.groupBy(referrers, (referrer) => manifestName(subjectOf(referrer)));
    return [...bySubject].flatMap(([name, list]) => {
      if (list.length <= MOST) return list;
      const message = `${name} has ${list.length} referrers, and more than ${MOST} are refused`;
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

  /** What is found of one; where one question fails, the others count. */
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

  /** Puts on record that not everything is known of a manifest. @throws AirgapError `interrupted` */
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
      // There may be a list under the tag all the same.
      this.#note(subject, ours(error));
    }
    return effort === 'all' ? once(this.#fallbacks, manifestName(subject), () => this.#fallback(subject)) : [];
  }

  /** The list that clients keep under a tag, where a registry keeps none. */
  async #fallback({ repository, digest }: ReferrerQuery): Promise<readonly Referrer[]> {
    const asked: Parameters<typeof readReferrersTag>[0] = {
      hasManifest: (at, tag) => this.#question('tag', at, async () => (await this.#source.head(at, tag))?.digest),
      manifest: (at, list) => this.#question('tag', at, () => this.#source.manifest(at, list)),
    };
    const tag = await readReferrersTag(asked, repository, digest);
    if (tag === undefined || tag.isSubject) return [];
    if (tag.entries !== undefined) return tag.entries.map((entry) => referrerOf(repository, digest, entry));
    const name = `${formatRepository(repository)}:${referrersTag(digest)}`;
    const message = `${name} should list what belongs to ${digest}, and is no index`;
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

/** No question is asked twice. */
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
