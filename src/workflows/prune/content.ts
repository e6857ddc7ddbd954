import type { AirgapError } from '../../base/errors.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Repository } from '../../oci/reference.ts';
import { referrersTag } from '../../oci/referrer.ts';

/** A manifest or index in a repository, and what it refers to. */
export interface StoredManifest {
  readonly digest: Digest;
  /** Bytes of the manifest itself. */
  readonly size: number;
  /** Children of an index. The repository may lack some. */
  readonly children: readonly Digest[];
  /** Config and layers. */
  readonly blobs: readonly { readonly digest: Digest; readonly size: number }[];
  /** Manifest that it refers to, if it is a referrer. The repository may lack it. */
  readonly subject?: Digest;
  /** When it was pushed, in ISO 8601, if the registry tells. */
  readonly pushed?: string;
}

/** What a repository has, as far as its registry tells. */
export interface RepositoryContent {
  readonly repository: Repository;
  readonly tags: ReadonlyMap<string, Digest>;
  /** All manifests that a tag reaches, and their referrers; if the registry lists them, those that nothing reaches too. */
  readonly manifests: ReadonlyMap<Digest, StoredManifest>;
  /** True if the registry lists manifests without a tag. */
  readonly listsUntagged: boolean;
  /** Why the content is not known in full. What is unknown may need anything, so nothing of it is deleted then. */
  readonly problem?: AirgapError;
}

/** Tags that belong to a manifest: the list of its referrers, and cosign's. */
const ATTACHED = /^sha(?:256|512)-[0-9a-f]{64}/;

/** Relations between the manifests of a repository, in both directions. */
export class Relations {
  readonly content: RepositoryContent;
  /** Referrers of each manifest, by their `subject`. */
  readonly #referrers = new Map<Digest, Digest[]>();
  /** Tags that belong to each manifest. */
  readonly #attached = new Map<Digest, string[]>();
  readonly #subjects = new Map<string, Digest>();
  readonly #parents = new Map<Digest, Digest[]>();
  readonly #tags = new Map<Digest, string[]>();

  constructor(content: RepositoryContent) {
    this.content = content;
    const byTag = new Map<string, Digest>();
    for (const { digest, subject, children } of content.manifests.values()) {
      byTag.set(referrersTag(digest), digest);
      if (subject !== undefined) add(this.#referrers, subject, digest);
      for (const child of children) add(this.#parents, child, digest);
    }
    for (const [tag, digest] of content.tags) {
      add(this.#tags, digest, tag);
      const subject = byTag.get(ATTACHED.exec(tag)?.[0] ?? '');
      if (subject === undefined) continue;
      add(this.#attached, subject, tag);
      this.#subjects.set(tag, subject);
    }
  }

  referrersOf(digest: Digest): readonly Digest[] {
    return this.#referrers.get(digest) ?? [];
  }

  /** Returns the tags that point to a manifest. */
  tagsOf(digest: Digest): readonly string[] {
    return this.#tags.get(digest) ?? [];
  }

  /** Returns the tags that belong to a manifest: of its referrers list, and cosign's. */
  attachedTo(digest: Digest): readonly string[] {
    return this.#attached.get(digest) ?? [];
  }

  /** Returns the manifest that a tag belongs to; undefined for an ordinary tag, or if the repository lacks it. */
  subjectOfTag(tag: string): Digest | undefined {
    return this.#subjects.get(tag);
  }

  /** Returns the indexes that have a manifest. */
  parentsOf(digest: Digest): readonly Digest[] {
    return this.#parents.get(digest) ?? [];
  }

  /** Returns a manifest and everything below it. */
  below(digest: Digest): ReadonlySet<Digest> {
    const found = new Set([digest]);
    // The loop also visits those that it adds.
    for (const one of found) for (const child of this.content.manifests.get(one)?.children ?? []) found.add(child);
    return found;
  }
}

/** Reports whether a tag has the form of one that belongs to a manifest. */
export function attachedPrefix(tag: string): string | undefined {
  return ATTACHED.exec(tag)?.[0];
}

function add<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
