import { AirgapError, asAirgapError } from '../../base/errors.ts';
import type { Emit } from '../../base/events.ts';
import { limiter } from '../../base/limiter.ts';
import { MAX_BEGUN, settle } from '../../base/pool.ts';
import { type Advance, runStep } from '../../base/step.ts';
import type { RegistrySource } from '../../oci/content.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { type Graph, imagesBelow, type Root } from '../../oci/graph.ts';
import { formatReference, formatRepository, type Repository } from '../../oci/reference.ts';
import { cosignTags, type Referrer, referrerKey, referrersTag } from '../../oci/referrer.ts';
import type { ReferrerFailure, Walker } from '../walk.ts';
import { throwIfAborted, wrapError } from '../wrap-error.ts';
import { ReferrerBlobs } from './blobs.ts';
import { readReferrersTag } from './listing.ts';
import { ReferrerRequests, type RequestKind } from './requests.ts';

export interface ReferrerCollectorOptions {
  /** Manifests read at the same time; twice as many requests without content. */
  readonly concurrency: number;
  readonly emit: Emit;
  readonly signal?: AbortSignal;
}

/** Levels of referrers of referrers, more than any published image has. */
const MAX_DEPTH = 4;
/** Requests that may run in place of one transfer: each is a round trip with hardly any bytes. */
export const REQUESTS_PER_TRANSFER = 2;
/** Limit for one manifest, since the registry decides how many it lists. */
const MAX_REFERRERS = 2000;

/**
 * Collects the referrers of images, including those attached by cosign's tags. Most images have none and cost one
 * request to the referrers API (or for the referrers tag, if there is no API) and three for cosign's tags; only a
 * manifest that is found counts against a pull limit. For the images of an index only the API is used, unless the index
 * has referrers: publishers who sign or describe the images also do so for the index.
 *
 * A registry error here does not fail the run, because the images are complete without referrers. It is recorded.
 */
export class ReferrerCollector {
  readonly #source: RegistrySource;
  readonly #walker: Walker;
  readonly #options: ReferrerCollectorOptions;
  readonly #requests: ReferrerRequests;
  readonly #blobs: ReferrerBlobs;
  readonly #limit: ReturnType<typeof limiter>;
  readonly #lists = new Map<string, Promise<readonly Referrer[] | undefined>>();
  readonly #found = new Map<string, Promise<readonly Referrer[]>>(); // for the scope `all`
  /** Names of the images that a manifest is part of or refers to. */
  readonly #images = new Map<string, readonly string[]>();
  /** Keys of the referrers that were passed to the walker. */
  readonly #attached = new Set<string>();
  readonly #leftOut = new Map<string, Referrer>();

  /**
   * @param walker holds the images and receives their referrers
   * @param requests records registries that did not answer
   */
  constructor(
    source: RegistrySource,
    walker: Walker,
    options: ReferrerCollectorOptions,
    requests = new ReferrerRequests(),
  ) {
    this.#requests = requests;
    this.#blobs = new ReferrerBlobs(source, options);
    this.#source = source;
    this.#walker = walker;
    this.#options = options;
    this.#limit = limiter(options.concurrency * REQUESTS_PER_TRANSFER);
  }

  /** Returns the graph with the content of the small blobs that were read. */
  withBlobs(graph: Graph): Promise<Graph> {
    return this.#blobs.withBlobs(graph);
  }

  /** Returns referrers of indexes that the platform selection replaced. They are not in the walker's graph. */
  leftOut(): readonly Referrer[] {
    return [...this.#leftOut].filter(([key]) => !this.#attached.has(key)).map(([, referrer]) => referrer);
  }

  /**
   * Finds the referrers of these roots and adds them to the walker.
   * @throws AirgapError `interrupted`
   */
  collect(roots: readonly Root[]): Promise<void> {
    const title = 'looking for signatures and attestations';
    return runStep(this.#options.emit, title, (advance) => this.#collect(roots, advance), roots.length);
  }

  async #collect(roots: readonly Root[], advance: Advance): Promise<void> {
    const graph = this.#walker.graph();
    const rootQueries = roots.map((root) =>
      referrerQuery(root.reference, root.sourceDigest ?? root.descriptor.digest, 'all'),
    );
    const childQueries = roots.map((root) =>
      imagesBelow(graph, root).map((digest) => referrerQuery(root.reference, digest, 'list')),
    );
    for (const [index, { reference }] of roots.entries()) {
      const queries = [...rootQueries.slice(index, index + 1), ...(childQueries[index] ?? [])];
      for (const query of queries) this.#addImages(query, [formatReference(reference)]);
    }
    const [rootReferrers, listed] = await Promise.all([
      this.#findAll(rootQueries, advance),
      this.#findAll(childQueries.flat()),
    ]);
    const fullChildQueries = rootReferrers.flatMap((list, index) =>
      list.length > 0 ? (childQueries[index] ?? []) : [],
    );
    const childReferrers = await this.#findAll(fullChildQueries.map((query) => ({ ...query, scope: 'all' })));
    const isUnchanged = (_: unknown, index: number): boolean => roots[index]?.sourceDigest === undefined;
    for (const referrer of rootReferrers.filter((list, index) => !isUnchanged(list, index)).flat()) {
      this.#leftOut.set(referrerKey(referrer), referrer);
    }
    await this.#follow([...rootReferrers.filter(isUnchanged), ...listed, ...childReferrers].flat());
  }

  /** Adds these referrers to the walker, and their referrers in turn. */
  async #follow(found: readonly Referrer[]): Promise<void> {
    for (let depth = 0, next = found; next.length > 0; depth++) {
      const newReferrers = new Map(next.map((referrer) => [referrerKey(referrer), referrer]));
      for (const key of newReferrers.keys()) if (this.#attached.has(key)) newReferrers.delete(key);
      for (const key of newReferrers.keys()) this.#attached.add(key);
      const { added, failures } = await this.#walker.attach(
        this.#withoutExcess([...newReferrers.values()]),
        (repository, nodes) => this.#request('blob', repository, () => this.#blobs.check(repository, nodes)),
        (repository, request) => this.#request('manifest', repository, request),
      );
      this.#report(failures);
      if (depth + 1 >= MAX_DEPTH) return;
      const queries = added.map(({ repository, subject, descriptor }) => {
        const query = referrerQuery(repository, descriptor.digest, 'all');
        this.#addImages(query, this.#imagesOf({ repository, digest: subject }));
        return query;
      });
      next = (await this.#findAll(queries)).flat();
    }
  }

  /** Warns of list entries that do not exist or have another subject; records referrers that cannot be read. */
  #report(failures: readonly ReferrerFailure[]): void {
    for (const { referrer, error, hasOtherSubject: isStray } of failures) {
      if (!isStray && error.code !== 'image-not-found') this.#record(subjectOf(referrer), error);
      else {
        const message = `ignored as a referrer: ${error.message}`;
        this.#options.emit({ type: 'warning', message });
      }
    }
  }

  /** Returns the referrers without those of manifests that have too many. */
  #withoutExcess(referrers: readonly Referrer[]): readonly Referrer[] {
    const bySubject = Map.groupBy(referrers, (referrer) => manifestName(subjectOf(referrer)));
    return [...bySubject].flatMap(([name, list]) => {
      if (list.length <= MAX_REFERRERS) return list;
      const message = `${name} has ${list.length} referrers; the limit is ${MAX_REFERRERS}`;
      this.#record(subjectOf(list[0] as Referrer), new AirgapError('unsupported', message));
      return [];
    });
  }

  async #findAll(queries: readonly ReferrerQuery[], advance: Advance = () => {}): Promise<(readonly Referrer[])[]> {
    const outcomes = await settle(queries, MAX_BEGUN, (query) => this.#find(query).finally(advance));
    throwIfAborted(this.#options.signal);
    return outcomes.map((outcome) => {
      if ('error' in outcome) throw outcome.error;
      return outcome.value;
    });
  }

  /** Returns the referrers of one manifest. */
  #find(query: ReferrerQuery): Promise<readonly Referrer[]> {
    if (query.scope === 'list') return this.#requestAll(query);
    return cached(this.#found, manifestName(query), () => this.#requestAll(query));
  }

  /** A failed request does not discard the results of the others. */
  async #requestAll(query: ReferrerQuery): Promise<readonly Referrer[]> {
    const { repository, digest, scope } = query;
    const tagged = scope === 'list' ? [] : cosignTags(digest).map((tag) => this.#taggedReferrer(query, tag));
    const outcomes = await Promise.allSettled([this.#listOf(query), ...tagged]);
    return outcomes.flatMap((outcome) => {
      if (outcome.status === 'fulfilled') return outcome.value;
      this.#record({ repository, digest }, asAirgapError(outcome.reason));
      return [];
    });
  }

  /** Records that the referrers of a manifest are incomplete. @throws AirgapError `interrupted` */
  #record(manifest: ManifestReference, error: AirgapError): void {
    const { repository } = manifest;
    const wrapped = wrapError(formatRepository(repository), error);
    this.#requests.record(repository.registry, this.#imagesOf(manifest), wrapped);
  }

  #imagesOf(manifest: ManifestReference): readonly string[] {
    return this.#images.get(manifestName(manifest)) ?? [manifestName(manifest)];
  }

  #addImages(manifest: ManifestReference, images: readonly string[]): void {
    const known = this.#images.get(manifestName(manifest)) ?? [];
    this.#images.set(manifestName(manifest), [...new Set([...known, ...images])]);
  }

  async #listOf(query: ReferrerQuery): Promise<readonly Referrer[]> {
    const { repository, digest, scope } = query;
    try {
      const listed = await cached(this.#lists, manifestName(query), async () => {
        const list = await this.#request('list', repository, () => this.#source.referrers(repository, digest));
        return list?.map((descriptor) => referrerOf(repository, digest, descriptor));
      });
      if (listed !== undefined) return listed;
    } catch (error) {
      // The referrers tag may exist even so.
      this.#record(query, asAirgapError(error));
    }
    return scope === 'all' ? this.#fallback(query) : [];
  }

  /**
   * Returns the referrers listed under the referrers tag, which clients maintain if a registry has no referrers API.
   */
  async #fallback({ repository, digest }: ReferrerQuery): Promise<readonly Referrer[]> {
    const registry: Parameters<typeof readReferrersTag>[0] = {
      hasManifest: (from, tag) => this.#request('tag', from, async () => (await this.#source.head(from, tag))?.digest),
      manifest: (from, list) => this.#request('tag', from, () => this.#source.manifest(from, list)),
    };
    const tag = await readReferrersTag(registry, repository, digest);
    if (tag === undefined || tag.isSubject) return [];
    if (tag.entries !== undefined) return tag.entries.map((entry) => referrerOf(repository, digest, entry));
    const name = `${formatRepository(repository)}:${referrersTag(digest)}`;
    const message = `${name} is not an index, so it lists no referrers of ${digest}`;
    this.#options.emit({ type: 'warning', message });
    return [];
  }

  async #taggedReferrer({ repository, digest }: ReferrerQuery, tag: string): Promise<readonly Referrer[]> {
    const descriptor = await this.#request('tag', repository, () => this.#source.head(repository, tag));
    return descriptor === undefined ? [] : [{ ...referrerOf(repository, digest, descriptor), tag }];
  }

  #request<T>(kind: RequestKind, { registry }: Repository, load: () => Promise<T>): Promise<T> {
    return this.#requests.run(kind, registry, load, this.#limit);
  }
}

/** Returns the cached result for a key, loading it on first use. */
function cached<T>(cache: Map<string, Promise<T>>, key: string, load: () => Promise<T>): Promise<T> {
  const loading = cache.get(key) ?? load();
  cache.set(key, loading);
  return loading;
}

function referrerOf(
  { registry, path }: Repository,
  subject: Digest,
  { mediaType, digest, size, artifactType = '' }: Descriptor,
): Referrer {
  return { repository: { registry, path }, subject, descriptor: { mediaType, digest, size }, artifactType };
}

/** A manifest in a repository. */
interface ManifestReference {
  readonly repository: Repository;
  readonly digest: Digest;
}

/** A manifest whose referrers are requested. */
interface ReferrerQuery extends ManifestReference {
  /** `list`: referrers API only. `all`: cosign's tags and the referrers tag too, at one request each. */
  readonly scope: 'list' | 'all';
}

function referrerQuery({ registry, path }: Repository, digest: Digest, scope: ReferrerQuery['scope']): ReferrerQuery {
  return { repository: { registry, path }, digest, scope };
}

/** `REGISTRY/PATH@DIGEST`. */
function manifestName({ repository, digest }: ManifestReference): string {
  return `${formatRepository(repository)}@${digest}`;
}

/** Returns the subject of a referrer. */
function subjectOf({ repository, subject }: Referrer): ManifestReference {
  return { repository, digest: subject };
}
