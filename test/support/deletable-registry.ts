import { AirgapError } from '../../src/base/errors.ts';
import type { EcrImage, EcrImageId } from '../../src/ecr/images.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { formatRepository, type Repository } from '../../src/oci/reference.ts';
import { MemoryRegistry } from './memory-registry.ts';

/** Ways in which registries answer a DELETE of a tag: the tag goes, it is refused, or the manifest goes with all of its tags. */
export const TAG_DELETIONS = ['tag', 'refused', 'manifest'] as const;

/** A registry in memory that deletes: by digest with all tags, and tags in one of several ways. */
export class DeletableRegistry extends MemoryRegistry {
  tagDeletion: (typeof TAG_DELETIONS)[number] = 'tag';
  /** Refuses to delete what an index has, as ECR and Zot do. */
  protectsChildren = false;
  /** Called before each deletion. May change the registry, or throw. */
  onDelete: (tagOrDigest: string) => void = () => {};
  /** What was deleted, in order. */
  readonly deleted: string[] = [];

  async allTags(repository: Repository): Promise<ReadonlySet<string>> {
    return new Set(this.#tags(repository).map(([tag]) => tag));
  }

  /** Lists what a repository has, as ECR does. */
  async list(path: string, pushed = '2020-01-01T00:00:00.000Z'): Promise<readonly EcrImage[]> {
    const repository = { registry: 'r.example', path };
    const tags = this.#tags(repository);
    return this.digests(repository).map((digest) => ({
      digest,
      tags: tags.flatMap(([tag, one]) => (one === digest ? [tag] : [])),
      pushed,
      isActive: true,
    }));
  }

  /** Deletes as ECR does: by digest with all tags, and an image with its last tag. */
  async delete(
    path: string,
    ids: readonly EcrImageId[],
  ): Promise<ReadonlyMap<EcrImageId, AirgapError | 'deleted' | 'gone'>> {
    const repository = { registry: 'r.example', path };
    const outcomes = new Map<EcrImageId, AirgapError | 'deleted' | 'gone'>();
    for (const id of ids) {
      this.onDelete('tag' in id ? id.tag : id.digest);
      try {
        outcomes.set(
          id,
          'tag' in id ? this.#deleteTag(repository, id.tag, true) : this.#deleteDigest(repository, id.digest),
        );
      } catch (error) {
        outcomes.set(id, error as AirgapError);
      }
    }
    return outcomes;
  }

  async deleteManifest(repository: Repository, tagOrDigest: string): Promise<'deleted' | 'gone'> {
    this.onDelete(tagOrDigest);
    if (tagOrDigest.includes(':')) return this.#deleteDigest(repository, tagOrDigest as Digest);
    if (this.tagDeletion === 'refused') throw new AirgapError('unsupported', 'tags are not deleted');
    return this.#deleteTag(repository, tagOrDigest, false);
  }

  digests(repository: Repository): Digest[] {
    const prefix = `${formatRepository(repository)}@`;
    return [...this.manifests.keys()].flatMap((key) =>
      key.startsWith(prefix) ? [key.slice(prefix.length) as Digest] : [],
    );
  }

  #tags(repository: Repository): (readonly [string, Digest])[] {
    const prefix = `${formatRepository(repository)}:`;
    return [...this.tags].flatMap(([key, digest]) =>
      key.startsWith(prefix) ? [[key.slice(prefix.length), digest] as const] : [],
    );
  }

  #deleteTag(repository: Repository, tag: string, withLast: boolean): 'deleted' | 'gone' {
    const name = formatRepository(repository);
    const digest = this.tags.get(`${name}:${tag}`);
    if (digest === undefined) return 'gone';
    if (this.tagDeletion === 'manifest' && !withLast) return this.#deleteDigest(repository, digest);
    this.tags.delete(`${name}:${tag}`);
    this.deleted.push(`${name}:${tag}`);
    if (withLast && !this.#tags(repository).some(([, one]) => one === digest)) this.#deleteDigest(repository, digest);
    return 'deleted';
  }

  #deleteDigest(repository: Repository, digest: Digest): 'deleted' | 'gone' {
    const name = formatRepository(repository);
    if (!this.manifests.has(`${name}@${digest}`)) return 'gone';
    const isChild = this.digests(repository).some((other) => {
      const { bytes } = this.manifests.get(`${name}@${other}`) ?? {};
      const { manifests = [] } = JSON.parse(Buffer.from(bytes ?? '{}').toString()) as {
        manifests?: { digest: string }[];
      };
      return manifests.some((child) => child.digest === digest);
    });
    if (this.protectsChildren && isChild) throw new AirgapError('registry', 'an index has it');
    this.manifests.delete(`${name}@${digest}`);
    this.deleted.push(`${name}@${digest}`);
    for (const [tag, one] of this.#tags(repository)) if (one === digest) this.tags.delete(`${name}:${tag}`);
    return 'deleted';
  }
}
