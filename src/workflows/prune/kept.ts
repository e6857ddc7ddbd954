import type { Digest } from '../../oci/digest.ts';
import type { Repository } from '../../oci/reference.ts';
import type { KeepRoots } from './staying.ts';

/** What has to stay at a target, by the paths of its repositories. */
export class Kept {
  readonly #tags = new Map<string, Map<string, string>>();
  /** Manifests that stay in every repository, so that another naming or a retag loses nothing. */
  readonly #digests = new Map<Digest, string>();
  readonly #probes = new Map<string, Set<Digest>>();
  readonly #needed = new Map<string, Map<Digest, string>>();
  /** Digests of which everything that reaches them stays, in every repository. */
  readonly #everywhere = new Map<Digest, string>();
  readonly #paths = new Set<string>();
  /** Tags of each file, as `PATH:TAG`. */
  readonly #files = new Map<string, Set<string>>();

  /** Repositories that a file maps to. */
  get paths(): ReadonlySet<string> {
    return this.#paths;
  }

  tag({ path }: Repository, tag: string, why: string): void {
    set(this.#tags, path, tag, why);
  }

  /** Keeps a manifest wherever it stands, and has it looked for in its repository, where it may have no tag. */
  digest({ path }: Repository, digest: Digest, why: string): void {
    if (!this.#digests.has(digest)) this.#digests.set(digest, why);
    const probes = this.#probes.get(path) ?? new Set();
    this.#probes.set(path, probes.add(digest));
  }

  /** Keeps every tag that reaches a manifest or blob, in one repository. */
  needed({ path }: Repository, digest: Digest, why: string): void {
    set(this.#needed, path, digest, why);
  }

  /** Keeps every tag that reaches a manifest or blob, in all repositories. */
  everywhere(digest: Digest, why: string): void {
    if (!this.#everywhere.has(digest)) this.#everywhere.set(digest, why);
  }

  /** Keeps a tag that a file maps to. */
  tagOf(file: string, repository: Repository, tag: string): void {
    const { path } = repository;
    this.#paths.add(path);
    this.tag(repository, tag, `in ${file}`);
    const tags = this.#files.get(file) ?? new Set();
    this.#files.set(file, tags.add(`${path}:${tag}`));
  }

  /**
   * Returns files of which no tag stands in the registry, and whether that is so of all files.
   * @param stands reports whether a repository has a tag
   */
  absentFiles(stands: (path: string, tag: string) => boolean): {
    readonly files: readonly string[];
    readonly isAll: boolean;
  } {
    const isAbsent = (tags: ReadonlySet<string>): boolean =>
      ![...tags].some((name) => stands(name.slice(0, name.lastIndexOf(':')), name.slice(name.lastIndexOf(':') + 1)));
    const files = [...this.#files].filter(([, tags]) => isAbsent(tags)).map(([file]) => file);
    return { files, isAll: files.length === this.#files.size };
  }

  /** Returns manifests that have to stay in a repository, and that no tag may reach. */
  probesIn({ path }: Repository): ReadonlySet<Digest> {
    return this.#probes.get(path) ?? new Set();
  }

  /** Returns what has to stay in a repository. */
  rootsIn({ path }: Repository): KeepRoots {
    return {
      tags: this.#tags.get(path) ?? new Map(),
      digests: this.#digests,
      needed: new Map([...this.#everywhere, ...(this.#needed.get(path) ?? [])]),
    };
  }
}

function set<K>(maps: Map<string, Map<K, string>>, path: string, key: K, why: string): void {
  const map = maps.get(path) ?? new Map<K, string>();
  if (!map.has(key)) map.set(key, why);
  maps.set(path, map);
}
