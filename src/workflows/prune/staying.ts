import type { Digest } from '../../oci/digest.ts';
import type { Relations } from './content.ts';

/** What has to stay in one repository, each with a reason for people. */
export interface KeepRoots {
  readonly tags: ReadonlyMap<string, string>;
  readonly digests: ReadonlyMap<Digest, string>;
  /** Manifests and blobs of which every tag that reaches them stays: what Pods run, what a delta builds on. */
  readonly needed: ReadonlyMap<Digest, string>;
}

/** What stays in a repository, and why. */
export interface Staying {
  readonly tags: ReadonlyMap<string, string>;
  readonly digests: ReadonlyMap<Digest, string>;
}

/**
 * Returns everything that the roots reach. A manifest keeps its children, its referrers, the tags that belong to it, and the
 * subject that it refers to; these in turn keep theirs. An index does not stay because of its children. A tag also stays if it
 * is the last one of a manifest that stays: some registries delete a manifest with its last tag, or collect it later.
 */
export function stayingContent(relations: Relations, roots: KeepRoots): Staying {
  const { tags, manifests } = relations.content;
  const staying = new Closure(relations);
  for (const [tag, why] of roots.tags) staying.addTag(tag, why);
  for (const [digest, why] of roots.digests) staying.addDigest(digest, why);
  if (roots.needed.size > 0) {
    const neededBy = (digest: Digest): string | undefined => {
      const blobs = manifests.get(digest)?.blobs ?? [];
      return [digest, ...blobs.map((blob) => blob.digest)].flatMap((one) => roots.needed.get(one) ?? [])[0];
    };
    const needing = new Map(
      [...manifests.keys()].flatMap((digest) => {
        const why = neededBy(digest);
        return why === undefined ? [] : [[digest, why] as const];
      }),
    );
    for (const [digest, why] of needing) staying.addDigest(digest, why);
    for (const [tag, digest] of tags) {
      for (const one of relations.below(digest)) {
        const why = needing.get(one);
        if (why !== undefined) staying.addTag(tag, why);
      }
    }
  }
  staying.addLastTags();
  return staying;
}

class Closure implements Staying {
  readonly tags = new Map<string, string>();
  readonly digests = new Map<Digest, string>();
  readonly #relations: Relations;

  constructor(relations: Relations) {
    this.#relations = relations;
  }

  /** Adds a tag if the repository has it, and what it reaches. */
  addTag(tag: string, why: string): void {
    const digest = this.#relations.content.tags.get(tag);
    if (digest === undefined || this.tags.has(tag)) return;
    this.tags.set(tag, why);
    this.addDigest(digest, why);
    const subject = this.#relations.subjectOfTag(tag);
    if (subject !== undefined) this.addDigest(subject, `the tag ${tag} belongs to it`);
  }

  /** Adds a manifest and what it reaches. */
  addDigest(start: Digest, reason: string): void {
    const queue: [Digest, string][] = [[start, reason]];
    for (const [digest, why] of queue) {
      const manifest = this.#relations.content.manifests.get(digest);
      if (manifest === undefined || this.digests.has(digest)) continue;
      this.digests.set(digest, why);
      for (const child of manifest.children) queue.push([child, `part of ${digest}, which stays`]);
      if (manifest.subject !== undefined) queue.push([manifest.subject, `its referrer ${digest} stays`]);
      for (const referrer of this.#relations.referrersOf(digest))
        queue.push([referrer, `refers to ${digest}, which stays`]);
      for (const tag of this.#relations.attachedTo(digest)) this.addTag(tag, `belongs to ${digest}, which stays`);
    }
  }

  /** Adds the tags of manifests that stay and would have no tag left. */
  addLastTags(): void {
    for (let isComplete = false; !isComplete; ) {
      isComplete = true;
      for (const digest of this.digests.keys()) {
        const all = this.#relations.tagsOf(digest);
        if (all.some((tag) => this.tags.has(tag))) continue;
        for (const tag of all) {
          isComplete = false;
          this.addTag(tag, `the last tag of ${digest}, which stays`);
        }
      }
    }
  }
}
