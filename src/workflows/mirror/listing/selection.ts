import type { Repository } from '../../../oci/reference.ts';

/** Rules for the tags of a repository. A tag must meet all that are given. */
export interface TagRules {
  /** Regular expressions, any of which matches a part of the tag. Empty: every tag. */
  readonly tags: readonly string[];
  /** Range of semantic versions, as `>= 1.2, < 2` in images-by-semver of skopeo. */
  readonly versions?: string;
  /** Where regular expressions and range are written, for messages. Default: `--tag`. */
  readonly origin?: string;
  /** Number of newest tags by version, of each variant (tag-version.ts). */
  readonly newest?: number;
  /** Only images created at that time or later. */
  readonly newerThan?: Date;
}

/** Repositories of one registry, by name or pattern. */
export interface RegistrySelection extends TagRules {
  /** Host with optional port. */
  readonly registry: string;
  /** Paths of repositories, or patterns in which `*` matches anything. Empty: all repositories. */
  readonly repositories: readonly string[];
  /** Paths of all repositories to choose from, in place of the registry's catalogue. */
  readonly repositoryList?: readonly string[];
}

/** One repository with the tags that are wanted, as in a file for `skopeo sync`. */
export interface RepositorySelection {
  readonly repository: Repository;
  /** Tags and digests by name, which are not looked for. */
  readonly lookups: readonly string[];
  /** Rules for further tags; absent: none. */
  readonly rules?: TagRules;
}

/** One of several runs that share the work: `--shard 0/4` is the first of four. */
export interface Shard {
  /** From 0. */
  readonly index: number;
  readonly count: number;
}

export interface ListOptions {
  /** Image references, as users write them. */
  readonly images: readonly string[];
  readonly registries: readonly RegistrySelection[];
  readonly repositories: readonly RepositorySelection[];
  /** Lists only the repositories of this shard. */
  readonly shard?: Shard;
  /** Maximum number of concurrent requests. */
  readonly concurrency: number;
}

/** What is to be copied of a repository. */
export interface RepositoryImages {
  readonly repository: Repository;
  /**
   * What to copy, without duplicates, sorted: `TAG`, `DIGEST`, or `TAG@DIGEST` for a reference with both. `referenceOf`
   * in references.ts makes a reference of it.
   */
  readonly lookups: readonly string[];
  /** All tags of the repository, those of cosign and of referrers too; absent if they were not listed. */
  readonly allTags?: ReadonlySet<string>;
}
