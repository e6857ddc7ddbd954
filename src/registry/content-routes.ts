import { AirgapError } from '../base/errors.ts';
import type { ManifestContent } from '../oci/content.ts';
import { type Digest, encodedOf } from '../oci/digest.ts';
import { parseManifest } from '../oci/manifest.ts';
import { formatRepository, type Repository } from '../oci/reference.ts';
import { directRoute, type Mirror, mirrorRoutes, type RepositoryRoute } from './routes.ts';

/** Routes of one repository, and which of them served what. */
export class RepositoryRoutes {
  /** Mirrors in the order in which they were given, or the repository itself. */
  readonly list: readonly [RepositoryRoute, ...RepositoryRoute[]];
  /** Routes to an equivalent repository, which come before the list. Usually empty. */
  readonly equivalents: readonly RepositoryRoute[];
  /** Route to the repository itself, whether or not it is in the list. */
  readonly direct: RepositoryRoute;
  /**
   * The route that served a manifest, by the beginning of the digests that it contains: what is below an image is asked where
   * the image was found. A number takes a fraction of the memory of a digest, and a wrong match only changes the order.
   */
  readonly #routes = new Map<number, RepositoryRoute>();
  /** Digests that a lookup of a tag returned: nothing is known about what contains them. */
  #lookedUp: Set<number> | undefined;
  /** Routes that served other bytes than those of a digest. Both are rare, and there may be thousands of repositories. */
  #damaged: Map<Digest, Set<RepositoryRoute>> | undefined;

  constructor(repository: Repository, mirrors: readonly Mirror[], equivalent: Repository | undefined) {
    const { registry, path } = repository;
    this.direct = directRoute({ registry, path });
    this.list = mirrorRoutes(mirrors, this.direct);
    const routes = equivalent === undefined ? [] : mirrorRoutes(mirrors, directRoute(equivalent));
    this.equivalents = routes.map(({ actual }) => ({ named: this.direct.named, actual }));
  }

  /** Reports whether content can come from one repository only. */
  get isSingle(): boolean {
    return this.list.length === 1 && this.equivalents.length === 0;
  }

  /** Returns the route that probably has a digest: that of the tag or manifest that named it; undefined if none is known. */
  routeOf(digest: Digest): RepositoryRoute | undefined {
    return this.#routes.get(keyOf(digest));
  }

  /** Returns the route that served this manifest, or the one which contains this digest; undefined if none is known. */
  servedBy(digest: Digest): RepositoryRoute | undefined {
    const key = keyOf(digest);
    return this.#lookedUp?.has(key) ? undefined : this.#routes.get(key);
  }

  /** Returns the routes for a digest, in the order in which they should be tried. */
  forDigest(digest: Digest): readonly RepositoryRoute[] {
    const known = this.routeOf(digest);
    const isEquivalent = known !== undefined && this.equivalents.includes(known);
    const routes = new Set([
      ...(known === undefined ? [] : [known]),
      ...(isEquivalent ? this.equivalents : []),
      ...this.list,
    ]);
    const damaged = this.#damaged?.get(digest);
    if (damaged === undefined) return [...routes];
    return [...[...routes].filter((route) => !damaged.has(route)), ...damaged];
  }

  /** Records that a route served a manifest, and so probably has what it contains. */
  record(route: RepositoryRoute, { descriptor, bytes }: ManifestContent): void {
    this.expect(descriptor.digest, route);
    try {
      const { manifests, blobs } = parseManifest(descriptor.mediaType, bytes);
      for (const { digest } of this.isSingle ? manifests : [...manifests, ...blobs]) this.expect(digest, route);
    } catch (error) {
      // The reader of the manifest reports this.
      if (!(error instanceof AirgapError)) throw error;
    }
  }

  /** Makes a route the first one for a digest. */
  expect(digest: Digest, route: RepositoryRoute): void {
    const key = keyOf(digest);
    this.#routes.set(key, route);
    this.#lookedUp?.delete(key);
  }

  /** Makes the route that has a tag the first one for its digest, which has not been read yet. */
  expectLookedUp(digest: Digest, route: RepositoryRoute): void {
    const key = keyOf(digest);
    if (this.#routes.has(key)) return;
    this.#routes.set(key, route);
    this.#lookedUp ??= new Set();
    this.#lookedUp.add(key);
  }

  /** Returns the route to a repository. */
  routeTo(actual: Repository): RepositoryRoute {
    const name = formatRepository(actual);
    const known = [...this.list, ...this.equivalents].find((route) => formatRepository(route.actual) === name);
    return known ?? { named: this.direct.named, actual };
  }

  /**
   * Puts routes at the end for a digest, because one of them served other bytes.
   * @returns whether there are others
   */
  reject(digest: Digest, routes: Iterable<RepositoryRoute>): boolean {
    this.#damaged ??= new Map();
    const damaged = this.#damaged.get(digest) ?? new Set();
    for (const route of routes) damaged.add(route);
    this.#damaged.set(digest, damaged);
    return this.forDigest(digest).length > damaged.size;
  }
}

function keyOf(digest: Digest): number {
  return Number.parseInt(encodedOf(digest).slice(0, 12), 16);
}
