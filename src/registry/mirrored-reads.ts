import type { Readable } from 'node:stream';
import { AirgapError } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import type { Body, ManifestContent } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { type Digest, isDigest } from '../oci/digest.ts';
import { formatRepository, type Repository } from '../oci/reference.ts';
import { subjectOfTag } from '../oci/referrer.ts';
import { blobBody } from './blobs.ts';
import { RepositoryRoutes } from './content-routes.ts';
import { Equivalents, type EquivalentUse } from './equivalents.ts';
import { getManifest, headManifest } from './manifests.ts';
import type { NameList } from './name-list.ts';
import { ReferrersApi } from './referrers.ts';
import { RouteHealth } from './route-health.ts';
import type { Mirror, RepositoryRoute } from './routes.ts';
import type { Session } from './session.ts';
import { sourceTags } from './tags.ts';
import { lacksContent, type Served, type TryOptions, tryRoutes } from './try-routes.ts';

export interface MirroredReadsOptions {
  readonly mirrors: readonly Mirror[];
  /** Returns the repository of another registry that may have the same images and is then read first. */
  readonly equivalentOf?: ((repository: Repository) => Repository | undefined) | undefined;
  /** Receives `served` events and warnings about mirrors. */
  readonly emit: Emit;
  /** Called with the registry that answered and the milliseconds that a manifest took. */
  readonly onManifest: (registry: string, duration: number) => void;
}

/** Streams of one blob that a route may break off before another route is tried. */
const MAX_BROKEN = 2;

/**
 * Reads repositories from their mirrors, in order. A tag is resolved once, at the first mirror that has it; what is below it
 * is read by digest, first from the same mirror, so that any other one serves the same bytes or none.
 */
export class MirroredReads {
  readonly #session: Session;
  readonly #options: MirroredReadsOptions;
  readonly #health = new RouteHealth();
  readonly #referrers: ReferrersApi;
  readonly #equivalents: Equivalents;
  readonly #repositories = new Map<string, RepositoryRoutes>();
  /** Contents whose `served` event was emitted. */
  readonly #reported = new Set<string>();
  #hasWarnedOfGap = false;

  constructor(session: Session, options: MirroredReadsOptions) {
    this.#session = session;
    this.#options = options;
    this.#referrers = new ReferrersApi(session);
    this.#equivalents = new Equivalents(options.emit);
  }

  async manifest(repository: Repository, tagOrDigest: string): Promise<ManifestContent> {
    const routes = this.#routesOf(repository);
    const { order, lookup } = await this.#resolve(routes, repository, tagOrDigest);
    const read = async (session: Session, route: RepositoryRoute): Promise<ManifestContent> => {
      const startedAt = performance.now();
      const content = await getManifest(session, route, lookup);
      this.#options.onManifest(route.actual.registry, performance.now() - startedAt);
      return content;
    };
    const options = this.#tryOptions(routes, tagOrDigest);
    const served = (await tryRoutes(order, read, options)) as Served<ManifestContent>;
    const { value, route } = served;
    const known = isDigest(tagOrDigest) ? routes.servedBy(tagOrDigest) : undefined;
    if (known === undefined && isDigest(tagOrDigest) && routes.equivalents.length > 0)
      this.#equivalents.record(repository, tagOrDigest, routes.equivalents.includes(route) ? 'used' : 'absent');
    const { digest } = value.descriptor;
    this.#report(routes, served, { item: 'manifest', tagOrDigest, digest, known, expected: known ?? routes.direct });
    if (!routes.isSingle || route !== routes.direct) routes.record(route, value);
    return value;
  }

  /** Looks a tag or digest up in the mirrors only: the named repository and its equivalent may differ. */
  async head(repository: Repository, tagOrDigest: string): Promise<Descriptor | undefined> {
    const routes = this.#routesOf(repository);
    const served = await tryRoutes(
      this.#mirrorsFor(routes, tagOrDigest),
      (session, route) => headManifest(session, route, tagOrDigest),
      this.#tryOptions(routes, tagOrDigest),
    );
    if (served !== undefined && routes.list.length > 1) routes.expectLookedUp(served.value.digest, served.route);
    return served?.value;
  }

  /** Lists the referrers at the first mirror that has the API, beginning with the one that served the subject. */
  async referrers(repository: Repository, subject: Digest): Promise<readonly Descriptor[] | undefined> {
    const routes = this.#routesOf(repository);
    let hasAnswered = false;
    const read = async (_: Session, route: RepositoryRoute): Promise<readonly Descriptor[] | undefined> => {
      const list = await this.#referrers.list(route, subject);
      hasAnswered = true;
      return list;
    };
    try {
      const order = this.#mirrorsFor(routes, subject);
      const served = await tryRoutes(order, read, this.#tryOptions(routes, subject));
      for (const { digest } of routes.isSingle ? [] : (served?.value ?? [])) {
        routes.expect(digest, (served as Served<unknown>).route);
      }
      return served?.value;
    } catch (error) {
      // A mirror without the API has answered, and keeps lists under tags.
      if (hasAnswered && error instanceof AirgapError && error.code !== 'interrupted') return undefined;
      throw error;
    }
  }

  /**
   * Lists the tags of a repository. Of several mirrors, the named repository comes first if it is one of them: a cache knows
   * only what it was asked for.
   */
  async tags(repository: Repository): Promise<Served<NameList>> {
    const routes = this.#routesOf(repository);
    const order = [...routes.list].sort((a, b) => Number(b === routes.direct) - Number(a === routes.direct));
    const options = { session: this.#session, health: this.#health };
    return (await tryRoutes(order, sourceTags, options)) as Served<NameList>;
  }

  /** Reports whether tags are read from a mirror, which may list fewer than it serves: those that it was asked for. */
  hasMirrors(repository: Repository): boolean {
    const { list, direct } = this.#routesOf(repository);
    return list.some((route) => route !== direct);
  }

  blob(repository: Repository, descriptor: Descriptor): Body {
    const routes = this.#routesOf(repository);
    const { digest } = descriptor;
    if (routes.isSingle) return blobBody(this.#session, routes.list[0], descriptor);
    const used = new Set<RepositoryRoute>();
    const broken = new Map<RepositoryRoute, number>();
    return {
      size: descriptor.size,
      open: async (offset, signal, end) => {
        const order = routes.forDigest(digest);
        const isBroken = (route: RepositoryRoute): boolean => (broken.get(route) ?? 0) >= MAX_BROKEN;
        const read = (session: Session, route: RepositoryRoute): Promise<Readable> =>
          blobBody(session, route, descriptor).open(offset, signal, end);
        const served = (await tryRoutes(
          [...order.filter((route) => !isBroken(route)), ...order.filter(isBroken)],
          read,
          {
            ...this.#tryOptions(routes, digest),
            signal,
            // A range that is not served is asked for in another way, not elsewhere.
            isFinal: ({ code }) => code === 'unsupported',
          },
        )) as Served<Readable>;
        const { route, value } = served;
        used.add(route);
        value.once('error', () => broken.set(route, (broken.get(route) ?? 0) + 1));
        const known = routes.servedBy(digest);
        const expected = known ?? routes.list[0];
        this.#report(routes, served, { item: 'blob', tagOrDigest: digest, digest, known, expected });
        return value;
      },
      reject: () => used.size > 0 && routes.reject(digest, used),
    };
  }

  /** Returns the repository where content of another one is expected, for a client in another thread. */
  expectedAt(repository: Repository, digest: Digest): Repository | undefined {
    return this.#routesOf(repository).servedBy(digest)?.actual;
  }

  /** Makes a repository the first one for content of another one, as a client in another thread found out. */
  expectAt(repository: Repository, digest: Digest, actual: Repository): void {
    const routes = this.#routesOf(repository);
    routes.expect(digest, routes.routeTo(actual));
  }

  equivalentUse(): EquivalentUse {
    return this.#equivalents.use();
  }

  #routesOf(repository: Repository): RepositoryRoutes {
    const name = formatRepository(repository);
    const known = this.#repositories.get(name);
    if (known !== undefined) return known;
    const { mirrors, equivalentOf } = this.#options;
    const routes = new RepositoryRoutes(repository, mirrors, equivalentOf?.(repository));
    // Without mirrors, there is nothing to remember.
    if (!routes.isSingle || routes.list[0] !== routes.direct) this.#repositories.set(name, routes);
    return routes;
  }

  /** Returns the mirrors for a lookup, without an equivalent: first the one that served the digest that it is about. */
  #mirrorsFor(routes: RepositoryRoutes, tagOrDigest: string): readonly RepositoryRoute[] {
    const subject = isDigest(tagOrDigest) ? tagOrDigest : subjectOfTag(tagOrDigest);
    const known = subject === undefined ? undefined : routes.routeOf(subject);
    return known !== undefined && routes.list.includes(known) ? [...new Set([known, ...routes.list])] : routes.list;
  }

  /** Returns the routes for a manifest, and what to ask them for: a digest if an equivalent repository has the same. */
  async #resolve(
    routes: RepositoryRoutes,
    repository: Repository,
    tagOrDigest: string,
  ): Promise<{ readonly order: readonly RepositoryRoute[]; readonly lookup: string }> {
    const { equivalents } = routes;
    if (isDigest(tagOrDigest)) {
      const isKnown = routes.servedBy(tagOrDigest) !== undefined;
      return { order: [...(isKnown ? [] : equivalents), ...routes.forDigest(tagOrDigest)], lookup: tagOrDigest };
    }
    const mirrors = { order: this.#mirrorsFor(routes, tagOrDigest), lookup: tagOrDigest };
    // Signatures are read from where they were published.
    if (equivalents.length === 0 || subjectOfTag(tagOrDigest) !== undefined) return mirrors;
    if (equivalents.every((route) => this.#health.isSilent(route))) {
      this.#equivalents.record(repository, tagOrDigest, 'absent');
      return mirrors;
    }
    const options = { ...this.#tryOptions(routes, tagOrDigest), hasAlternative: true };
    const read = (session: Session, route: RepositoryRoute): Promise<Descriptor | undefined> =>
      headManifest(session, route, tagOrDigest);
    const digest = await this.#equivalents.compare(
      repository,
      tagOrDigest,
      this.head(repository, tagOrDigest),
      tryRoutes(equivalents, read, options).then((served) => served?.value),
    );
    return digest === undefined ? mirrors : { order: [...equivalents, ...routes.list], lookup: digest };
  }

  #tryOptions(routes: RepositoryRoutes, tagOrDigest: string): TryOptions {
    const subject = isDigest(tagOrDigest) ? undefined : subjectOfTag(tagOrDigest);
    const authority = subject === undefined ? undefined : routes.routeOf(subject);
    return { session: this.#session, health: this.#health, tagOrDigest, authority };
  }

  /**
   * Reports which repository served content if it is not the expected one: for an image the named repository, for what is
   * below it the one that served the image.
   */
  #report(
    { equivalents }: RepositoryRoutes,
    { route, misses }: Served<unknown>,
    { item, tagOrDigest, digest, known, expected }: Report,
  ): void {
    for (const miss of misses) {
      if (equivalents.includes(miss.route) && !lacksContent(miss)) this.#equivalents.warn(miss.error as AirgapError);
    }
    if (route === expected || formatRepository(route.actual) === formatRepository(expected.actual)) return;
    const reference = `${formatRepository(route.named)}${isDigest(tagOrDigest) ? '@' : ':'}${tagOrDigest}`;
    const repository = formatRepository(route.actual);
    const key = `${item} ${reference} ${repository}`;
    if (this.#reported.has(key)) return;
    this.#reported.add(key);
    this.#options.emit({ type: 'served', item, reference, digest, repository });
    const hasGap = misses.some((miss) => miss.route === known && lacksContent(miss));
    if (known === undefined || !hasGap || this.#hasWarnedOfGap) return;
    this.#hasWarnedOfGap = true;
    const message = `${formatRepository(known.actual)} has an image, but not all of its content (${digest}), which was read from ${repository}: a cache may be out of date`;
    this.#options.emit({ type: 'warning', message });
  }
}

interface Report {
  readonly item: 'manifest' | 'blob';
  readonly tagOrDigest: string;
  readonly digest: Digest;
  /** Route that served the manifest above it. */
  readonly known: RepositoryRoute | undefined;
  /** Route whose answer is not worth an event. */
  readonly expected: RepositoryRoute;
}
