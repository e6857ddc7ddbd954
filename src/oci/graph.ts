import type { Descriptor } from './descriptor.ts';
import type { Digest } from './digest.ts';
import { isAttestationPlatform } from './platform.ts';
import { formatRepository, type Reference, type Repository } from './reference.ts';
import { type Referrer, sortReferrers } from './referrer.ts';

/** A manifest or index with the content it depends on. */
export interface ManifestNode {
  readonly descriptor: Descriptor;
  /** Exactly as stored at the source, unless created for a platform subset. */
  readonly bytes: Uint8Array;
  /** Children of an index, in order. Each is in the graph as well. */
  readonly children: readonly Descriptor[];
  /** Config and layers of a manifest. Each is in the graph as well. */
  readonly blobs: readonly Descriptor[];
  /** Repository it was read from. */
  readonly repository: Repository;
}

/** A blob; listed once, however many manifests refer to it. */
export interface BlobNode {
  readonly descriptor: Descriptor;
  /** Every source repository that has it, as fallbacks for one another. */
  readonly repositories: readonly Repository[];
  /** Content created in memory, which no source has: charts, inventories, configs. */
  readonly bytes?: Uint8Array;
}

/** Manifests and blobs by digest. Complete: contains everything its manifests refer to. */
export interface Content {
  readonly manifests: ReadonlyMap<Digest, ManifestNode>;
  readonly blobs: ReadonlyMap<Digest, BlobNode>;
}

/** An image, chart or other artifact to copy, under its name at the source. */
export interface Root {
  readonly reference: Reference;
  /** Descriptor of the manifest or index to copy. */
  readonly descriptor: Descriptor;
  /** Digest at the source, if a platform subset replaced the index. */
  readonly sourceDigest?: Digest;
  /** The original index and the original nested indexes that the subset replaced. */
  readonly sources?: readonly Uint8Array[];
}

/** Everything that a copy will transfer, known before the first layer is read. */
export interface Graph extends Content {
  readonly roots: readonly Root[];
  /** Referrers of manifests in the graph (signatures, attestations), whose content is in the graph as well. */
  readonly referrers?: readonly Referrer[];
}

/** Digests of a manifest and everything below it: manifests, children before parents, and blobs. */
export interface Closure {
  readonly manifests: readonly Digest[];
  readonly blobs: readonly Digest[];
}

/** Returns the closure of a manifest. Unknown digests are omitted. */
export function closureOf({ manifests }: Pick<Content, 'manifests'>, digest: Digest): Closure {
  const seen = new Set<Digest>();
  const order: Digest[] = [];
  const blobs = new Set<Digest>();
  const visit = (current: Digest): void => {
    if (seen.has(current)) return;
    seen.add(current);
    const node = manifests.get(current);
    if (node === undefined) return;
    for (const child of node.children) visit(child.digest);
    for (const blob of node.blobs) blobs.add(blob.digest);
    order.push(current);
  };
  visit(digest);
  return { manifests: order, blobs: [...blobs] };
}

/**
 * Returns manifests below an index that may have signatures of their own: images and nested indexes, no attestations.
 */
export function imagesBelow(graph: Pick<Content, 'manifests'>, { descriptor }: Root): Digest[] {
  const descendants = closureOf(graph, descriptor.digest).manifests.filter((digest) => digest !== descriptor.digest);
  const children = [...descendants, descriptor.digest].flatMap((digest) => graph.manifests.get(digest)?.children ?? []);
  const attestations = new Set(
    children.filter(({ platform }) => isAttestationPlatform(platform)).map(({ digest }) => digest),
  );
  return descendants.filter((digest) => !attestations.has(digest));
}

/** Returns the bytes of a manifest and everything below it, each digest counted once. */
export function closureSize(content: Content, digest: Digest): number {
  const { manifests, blobs } = closureOf(content, digest);
  let bytes = 0;
  for (const member of manifests) bytes += content.manifests.get(member)?.bytes.length ?? 0;
  for (const member of blobs) bytes += content.blobs.get(member)?.descriptor.size ?? 0;
  return bytes;
}

type ReferrerContent = Pick<Content, 'manifests'> & Pick<Graph, 'referrers'>;

/** Returns the transitive referrers of images and charts, each once and sorted. */
export function referrersOf(
  content: ReferrerContent,
  owners: Iterable<{ readonly repository: Repository; readonly digest: Digest }>,
): Referrer[] {
  const index = new ReferrerIndex(content);
  return sortReferrers([...owners].flatMap(({ repository, digest }) => index.transitive(repository, digest)));
}

/** Finds referrers by their subjects. A repository may have thousands of signed images. */
export class ReferrerIndex {
  readonly #content: ReferrerContent;
  readonly #bySubject: ReadonlyMap<string, readonly Referrer[]>;

  constructor(content: ReferrerContent) {
    this.#content = content;
    this.#bySubject = Map.groupBy(content.referrers ?? [], ({ repository, subject }) =>
      subjectKey(formatRepository(repository), subject),
    );
  }

  /** Returns the referrers of a manifest, of everything below it, and of those referrers in turn; sorted. */
  transitive(repository: Repository, digest: Digest): Referrer[] {
    const name = formatRepository(repository);
    const found: Referrer[] = [];
    const subjects = new Set<Digest>([digest, ...closureOf(this.#content, digest).manifests]);
    // The loop also visits subjects that it adds.
    for (const subject of subjects) {
      for (const referrer of this.#bySubject.get(subjectKey(name, subject)) ?? []) {
        found.push(referrer);
        const { digest: root } = referrer.descriptor;
        for (const member of [root, ...closureOf(this.#content, root).manifests]) subjects.add(member);
      }
    }
    return sortReferrers(found);
  }
}

function subjectKey(repository: string, subject: Digest): string {
  return `${repository}@${subject}`;
}
