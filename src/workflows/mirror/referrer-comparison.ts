import type { Emit } from '../../base/events.ts';
import { settle } from '../../base/pool.ts';
import { runStep } from '../../base/step.ts';
import type { Target } from '../../naming/naming.ts';
import type { RegistrySource, Sink } from '../../oci/content.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Root } from '../../oci/graph.ts';
import type { Reference, Repository } from '../../oci/reference.ts';
import { cosignTags, referrersTag } from '../../oci/referrer.ts';
import { listedReferrers, taggedReferrers } from '../../transfer/referrers/listing.ts';
import { throwIfAborted } from '../../transfer/wrap-error.ts';
import { destinationOf } from '../push/destination.ts';
import type { TagLists } from './tag-lists.ts';

/** Registries to compare. */
export interface ComparedRegistries {
  /** Reads from the sources, or their mirrors. */
  readonly source: RegistrySource;
  /** Reads from the targets. */
  readonly sink: Sink & RegistrySource;
  readonly targets: readonly Target[];
  readonly tagLists: TagLists;
}

/** Referrers of an image at its source, as its registry lists them. */
interface SourceReferrers {
  /** Digests that the referrers API or the referrers tag lists. */
  readonly listed: ReadonlySet<Digest>;
  /** Cosign's tags that exist. */
  readonly tags: readonly string[];
}

/** Finds images whose referrers in the targets are up to date. */
export class ReferrerComparison {
  readonly #registries: ComparedRegistries;

  constructor(registries: ComparedRegistries) {
    this.#registries = registries;
  }

  /**
   * Returns the images of which all targets have all referrers that their sources list. An image about which a registry
   * does not answer is not among them.
   * @throws AirgapError `interrupted`
   */
  async compare(
    roots: readonly Root[],
    {
      concurrency,
      emit,
      signal,
    }: { readonly concurrency: number; readonly emit: Emit; readonly signal?: AbortSignal | undefined },
  ): Promise<ReadonlySet<Root>> {
    const answers = await runStep(
      emit,
      'comparing signatures and attestations',
      (advance) =>
        settle(roots, concurrency, (root) => {
          throwIfAborted(signal);
          return this.#isUpToDate(root).finally(advance);
        }),
      roots.length,
    );
    throwIfAborted(signal);
    return new Set(
      roots.filter((_, index) => {
        const answer = answers[index];
        return answer !== undefined && 'value' in answer && answer.value;
      }),
    );
  }

  async #isUpToDate({ reference, descriptor: { digest } }: Root): Promise<boolean> {
    const { listed, tags } = await this.#atSource(reference, digest);
    if (listed.size === 0 && tags.length === 0) return true;
    for (const target of this.#registries.targets) {
      const { registry, path } = destinationOf(target, reference);
      if (!(await this.#targetHas({ registry, path }, digest, listed))) return false;
      if (!(await this.#areTagsEqual(reference, { registry, path }, tags))) return false;
    }
    return true;
  }

  async #atSource(reference: Reference, digest: Digest): Promise<SourceReferrers> {
    const { source, tagLists } = this.#registries;
    const [listed, known] = await Promise.all([source.referrers(reference, digest), tagLists.of(reference)]);
    const exists = async (tag: string): Promise<boolean> =>
      known?.has(tag) ?? (await source.head(reference, tag)) !== undefined;
    const candidates = cosignTags(digest);
    const found = await Promise.all(candidates.map(exists));
    const tags = candidates.filter((_, index) => found[index]);
    if (listed !== undefined) return { listed: new Set(listed.map((entry) => entry.digest)), tags };
    if (!(await exists(referrersTag(digest)))) return { listed: new Set(), tags };
    return { listed: await taggedReferrers(readerOf(source), reference, digest), tags };
  }

  async #targetHas(repository: Repository, subject: Digest, listed: ReadonlySet<Digest>): Promise<boolean> {
    if (listed.size === 0) return true;
    const present = await listedReferrers(this.#registries.sink, repository, subject);
    return [...listed].every((digest) => present.has(digest));
  }

  async #areTagsEqual(reference: Reference, repository: Repository, tags: readonly string[]): Promise<boolean> {
    const { source, sink } = this.#registries;
    const answers = await Promise.all(
      tags.map(
        async (tag) => (await source.head(reference, tag))?.digest === (await sink.hasManifest(repository, tag)),
      ),
    );
    return answers.every(Boolean);
  }
}

/** Returns a reader of referrers tags that uses the mirrors of the source. */
function readerOf(source: RegistrySource): Parameters<typeof taggedReferrers>[0] {
  return {
    hasManifest: async (repository, tag) => (await source.head(repository, tag))?.digest,
    manifest: (repository, tagOrDigest) => source.manifest(repository, tagOrDigest),
  };
}
