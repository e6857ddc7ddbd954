import { AirgapError, combine } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import { settle } from '../base/pool.ts';
import { type Descriptor, isIndexType } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { closureOf, type Graph, type Root } from '../oci/graph.ts';
import { readLinks } from '../oci/manifest.ts';
import { isAttestation } from '../oci/platform.ts';
import { formatRepository, type Repository } from '../oci/reference.ts';
import { cosignTags, type Referrer, referrerKey, referrersTag } from '../oci/referrer.ts';
import { checkAborted, failureOf } from './failure.ts';
import { limiter } from './limit.ts';
import type { AskedSource } from './pinned.ts';
import type { Walker } from './walk.ts';

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
/** Of one image, with everything below it. Its registry decides how many there are. */
const MOST = 2000;

/** One manifest to be asked for. */
interface Subject {
  readonly repository: Repository;
  readonly digest: Digest;
  /** `list`: only what a registry's API lists; `all`: cosign's tags and the referrers' tag as well, a question each. */
  readonly effort: 'list' | 'all';
}

/**
 * Finds what belongs to images: their referrers and cosign's tags. The usual image has none, and costs a request to the
 * referrers API (or a question for the tag that stands for it, where there is none) and three for cosign's tags; no answer
 * but a found manifest counts against a limit on pulls. The images of an index are asked for in the API alone, unless
 * something belongs to the index: who signs or describes the images of an index does so with the index.
 */
export class Referrers {
  readonly #source: AskedSource;
  readonly #walker: Walker;
  readonly #options: ReferrerOptions;
  readonly #limit: ReturnType<typeof limiter>;
  readonly #lists = new Map<string, Promise<readonly Referrer[] | undefined>>();
  readonly #fallbacks = new Map<string, Promise<readonly Referrer[]>>();
  readonly #tagged = new Map<string, Promise<readonly Referrer[]>>();
  /** What was given to the walker. */
  readonly #given = new Set<string>();
  readonly #leftOut = new Map<string, Referrer>();
  readonly #silent = new Set<string>();

  /** @param walker which has the images, and takes what belongs to them */
  constructor(source: AskedSource, walker: Walker, options: ReferrerOptions) {
    this.#source = source;
    this.#walker = walker;
    this.#options = options;
    this.#limit = limiter(options.concurrency * QUESTIONS);
  }

  /** What belongs to indexes that a choice of platforms made others of. It is not in the walker's graph. */
  leftOut(): readonly Referrer[] {
    return [...this.#leftOut].filter(([key]) => !this.#given.has(key)).map(([, referrer]) => referrer);
  }

  /**
   * Finds what belongs to these roots, and adds it to the walker.
   * @throws AirgapError when a registry fails to answer; `interrupted`
   */
  async collect(roots: readonly Root[]): Promise<void> {
    const graph = this.#walker.graph();
    const tops = roots.map((root) => subjectOf(root.reference, root.sourceDigest ?? root.descriptor.digest, 'all'));
    const below = roots.map((root) => imagesBelow(graph, root).map((at) => subjectOf(root.reference, at, 'list')));
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
      checkMost([...fresh.values()]);
      const { added, failures } = await this.#walker.attach([...fresh.values()]);
      this.#refuse(failures.map(({ error }) => error));
      if (depth + 1 >= DEPTH) return;
      const subjects = added.map(({ repository, descriptor }) => subjectOf(repository, descriptor.digest, 'all'));
      next = (await this.#ask(subjects)).flat();
    }
  }

  /** What is listed and is not there, or belongs elsewhere, is the registry's rubbish; what cannot be had is an error. */
  #refuse(errors: readonly AirgapError[]): void {
    const isRubbish = ({ code }: AirgapError): boolean => code === 'image-not-found' || code === 'registry';
    for (const { message } of errors.filter(isRubbish)) {
      this.#options.emit({ type: 'warning', message: `not taken for a signature or the like: ${message}` });
    }
    const fatal = errors.filter((error) => !isRubbish(error));
    if (fatal.length > 0) throw combine(fatal, `${fatal.length} signatures or the like could not be read`);
  }

  async #ask(subjects: readonly Subject[]): Promise<(readonly Referrer[])[]> {
    const outcomes = await settle(subjects, subjects.length, async (subject) => {
      const tags = subject.effort === 'all' ? once(this.#tagged, subject, () => this.#tags(subject)) : [];
      return (await Promise.all([this.#listOf(subject), tags])).flat();
    });
    checkAborted(this.#options.signal);
    const errors = outcomes.flatMap((outcome, at) =>
      'error' in outcome ? [this.#unanswered(subjects[at] as Subject, outcome.error)] : [],
    );
    const fatal = errors.filter((error) => error !== undefined);
    if (fatal.length > 0) throw combine(fatal, `what belongs to ${fatal.length} images could not be asked for`);
    return outcomes.map((outcome) => ('value' in outcome ? outcome.value : []));
  }

  /** Undefined where the registry refuses to say: the image could be read, so what it has besides is not for us. */
  #unanswered({ repository }: Subject, cause: unknown): AirgapError | undefined {
    const error = failureOf(formatRepository(repository), cause);
    if (error.code !== 'unauthorized' && error.code !== 'forbidden') {
      const hint = error.hint ?? 'run it again, or leave out what belongs to images with --no-referrers';
      return new AirgapError(error.code, error.message, { hint, causes: error.causes, cause });
    }
    if (this.#silent.has(repository.registry)) return undefined;
    this.#silent.add(repository.registry);
    const message = `${repository.registry} does not let itself be asked what belongs to images, so signatures there are not carried: ${error.message}`;
    this.#options.emit({ type: 'warning', message });
    return undefined;
  }

  async #listOf(subject: Subject): Promise<readonly Referrer[]> {
    const { repository, digest, effort } = subject;
    const listed = await once(this.#lists, subject, async () => {
      const list = await this.#limit(() => this.#source.referrers(repository, digest));
      return list?.map((descriptor) => referrerOf(repository, digest, descriptor));
    });
    if (listed !== undefined) return listed;
    return effort === 'all' ? once(this.#fallbacks, subject, () => this.#fallback(subject)) : [];
  }

  /** The list that clients keep under a tag, where a registry keeps none. */
  async #fallback({ repository, digest }: Subject): Promise<readonly Referrer[]> {
    const tag = referrersTag(digest);
    const there = await this.#limit(() => this.#source.head(repository, tag));
    if (there === undefined) return [];
    const { descriptor, bytes } = await this.#limit(() => this.#source.manifest(repository, there.digest));
    if (!isIndexType(descriptor.mediaType)) {
      const message = `${formatRepository(repository)}:${tag} should list what belongs to ${digest}, and is no index`;
      this.#options.emit({ type: 'warning', message });
      return [];
    }
    return readLinks(descriptor.mediaType, bytes).manifests.map((entry) => referrerOf(repository, digest, entry));
  }

  async #tags({ repository, digest }: Subject): Promise<readonly Referrer[]> {
    const asked = cosignTags(digest).map(async (tag) => {
      const descriptor = await this.#limit(() => this.#source.head(repository, tag));
      return descriptor === undefined ? [] : [{ ...referrerOf(repository, digest, descriptor), tag }];
    });
    return (await Promise.all(asked)).flat();
  }
}

/** No question is asked twice. */
function once<T>(known: Map<string, Promise<T>>, { repository, digest }: Subject, ask: () => Promise<T>): Promise<T> {
  const key = `${formatRepository(repository)}@${digest}`;
  const asking = known.get(key) ?? ask();
  known.set(key, asking);
  return asking;
}

function subjectOf({ registry, path }: Repository, digest: Digest, effort: Subject['effort']): Subject {
  return { repository: { registry, path }, digest, effort };
}

function referrerOf(
  { registry, path }: Repository,
  subject: Digest,
  { mediaType, digest, size, artifactType = '' }: Descriptor,
): Referrer {
  return { repository: { registry, path }, subject, descriptor: { mediaType, digest, size }, artifactType };
}

/** What is below an index and may be signed of itself: images and further indexes, no attestations. */
function imagesBelow(graph: Graph, { descriptor }: Root): Digest[] {
  const below = closureOf(graph, descriptor.digest).manifests.filter((at) => at !== descriptor.digest);
  const nodes = [...below, descriptor.digest].flatMap((at) => graph.manifests.get(at)?.children ?? []);
  const attestations = new Set(nodes.filter(({ platform }) => isAttestation(platform)).map(({ digest }) => digest));
  return below.filter((at) => !attestations.has(at));
}

/** @throws AirgapError `unsupported` */
function checkMost(referrers: readonly Referrer[]): void {
  const bySubject = Map.groupBy(referrers, ({ repository, subject }) => `${formatRepository(repository)}@${subject}`);
  for (const [name, list] of bySubject) {
    if (list.length <= MOST) continue;
    throw new AirgapError(
      'unsupported',
      `${list.length} manifests belong to ${name}, and more than ${MOST} are refused`,
      {
        hint: 'leave out what belongs to images with --no-referrers',
      },
    );
  }
}
