import { AirgapError, combine } from '../base/errors.ts';
import { settle } from '../base/pool.ts';
import type { ManifestContent } from '../oci/content.ts';
import { type Descriptor, isIndexType } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { ManifestNode } from '../oci/graph.ts';
import { parseManifest } from '../oci/manifest.ts';
import { formatPlatform, isAttestationPlatform } from '../oci/platform.ts';
import { formatRepository, type Repository } from '../oci/reference.ts';
import { type IndexSelection, selectChildren, subsetIndex, WHOLE_INDEX } from './index-subset.ts';
import type { ManifestReader } from './manifest-reader.ts';
import { wrapError } from './wrap-error.ts';

/** Levels of nested indexes, more than any published image has. */
export const INDEX_DEPTH = 5;

/**
 * Descriptors that one walker follows: ten thousand images with 200 each. Nested indexes that repeat the same children
 * could otherwise grow exponentially.
 */
const MAX_FOLLOWED = 2_000_000;

/** A manifest with the trees of its children, without duplicates. */
export interface ManifestTree {
  readonly node: ManifestNode;
  readonly children: readonly ManifestTree[];
  /** Levels of indexes including this one; 0 for an image manifest. */
  readonly height: number;
  /** Original bytes, if the platform selection reduced this index. */
  readonly source?: Uint8Array;
}

/** State shared by all trees of one root. */
interface TreeContext {
  readonly repository: Repository;
  readonly selection: IndexSelection;
  /** Trees by digest, so that repeated children are read once. */
  readonly trees: Map<Digest, Promise<ManifestTree | undefined>>;
}

/** Reads manifests with everything below them. The limit applies to all calls together. */
export class TreeReader {
  readonly #reader: ManifestReader;
  readonly #limit: number;
  #followed = 0;

  /** @param limit number of descriptors that may be followed */
  constructor(reader: ManifestReader, limit: number = MAX_FOLLOWED) {
    this.#reader = reader;
    this.#limit = limit;
  }

  /**
   * Returns the tree of a manifest or index. If the selection reduces the index, the tree has a node with a new digest.
   * @returns undefined when the index has no image for the selected platforms
   * @throws AirgapError `unsupported` for indexes that are nested too deeply or have too many descriptors; errors of
   *   reading
   */
  read(repository: Repository, content: ManifestContent, selection: IndexSelection): Promise<ManifestTree | undefined> {
    return this.#tree({ repository, selection, trees: new Map() }, content, 0);
  }

  async #tree(context: TreeContext, content: ManifestContent, depth: number): Promise<ManifestTree | undefined> {
    const { repository, selection } = context;
    const links = parseManifest(content.descriptor.mediaType, content.bytes);
    this.#followed += 1 + links.manifests.length + links.blobs.length;
    if (this.#followed > this.#limit) {
      throw new AirgapError('unsupported', `the indexes contain more than ${this.#limit} descriptors`, {
        hint: 'exclude the image whose index lists the same manifests repeatedly',
      });
    }
    if (!isIndexType(content.descriptor.mediaType)) {
      return { node: nodeOf(repository, content, [], links.blobs), children: [], height: 0 };
    }
    if (depth >= INDEX_DEPTH) throw tooDeepError();
    const selected = selectChildren(links.manifests, selection);
    const trees = await this.#children(context, links.manifests, selected, depth);
    const kept = selected.filter((index) => trees.has(index));
    if (kept.length === 0 && links.manifests.length > 0) return undefined;
    const childTrees = [...new Set(trees.values())];
    const height = 1 + childTrees.reduce((highest, tree) => Math.max(highest, tree.height), 0);
    // The tree of a child may have been walked from another index, nearer to the root.
    if (depth + height > INDEX_DEPTH) throw tooDeepError();
    const replaced = new Map<number, Descriptor>();
    for (const [index, { node }] of trees) {
      if (node.descriptor.digest !== links.manifests[index]?.digest) replaced.set(index, node.descriptor);
    }
    if (kept.length === links.manifests.length && replaced.size === 0) {
      return { node: nodeOf(repository, content, links.manifests, []), children: childTrees, height };
    }
    const index = subsetIndex(content, kept, replaced);
    const children = parseManifest(index.descriptor.mediaType, index.bytes).manifests;
    return { node: nodeOf(repository, index, children, []), children: childTrees, height, source: content.bytes };
  }

  /** Returns trees of the selected children by position, without those that have no image for the platforms. */
  async #children(
    context: TreeContext,
    children: readonly Descriptor[],
    selected: readonly number[],
    depth: number,
  ): Promise<ReadonlyMap<number, ManifestTree>> {
    const { repository, selection } = context;
    const outcomes = await settle(selected, selected.length, async (index) => {
      const child = children[index] as Descriptor;
      const content = await this.#reader.child(repository, child, 'the index').catch((error) => {
        throw missingChildError(error, child, selection);
      });
      const childTree = context.trees.get(child.digest) ?? this.#tree(context, content, depth + 1);
      context.trees.set(child.digest, childTree);
      return { index, tree: await childTree };
    });
    const trees = new Map<number, ManifestTree>();
    const errors = new Map<string, AirgapError>();
    for (const outcome of outcomes) {
      if ('error' in outcome) {
        const error = wrapError(formatRepository(repository), outcome.error);
        errors.set(error.message, error);
      } else if (outcome.value.tree !== undefined) trees.set(outcome.value.index, outcome.value.tree);
    }
    if (errors.size > 0) throw combine([...errors.values()], `${errors.size} manifests of the index could not be read`);
    return trees;
  }
}

/** Returns all manifests of a tree without duplicates, children before their parents. */
export function nodesOf(root: ManifestTree): ManifestNode[] {
  return treesIn(root).map(({ node }) => node);
}

/** Returns the original bytes of the indexes that were reduced. */
export function sourcesOf(root: ManifestTree): Uint8Array[] {
  return treesIn(root).flatMap(({ source }) => (source === undefined ? [] : [source]));
}

function treesIn(root: ManifestTree): readonly ManifestTree[] {
  const trees = new Set<ManifestTree>();
  const seen = new Set<ManifestTree>();
  const visit = (tree: ManifestTree): void => {
    if (seen.has(tree)) return;
    seen.add(tree);
    for (const child of tree.children) visit(child);
    trees.add(tree);
  };
  visit(root);
  return [...trees];
}

function tooDeepError(): AirgapError {
  return new AirgapError('unsupported', `indexes are nested more than ${INDEX_DEPTH} levels deep`);
}

/**
 * Returns the error for an index child that the registry lacks. Caches and partial copies often drop attestations and
 * platforms without changing the index.
 */
function missingChildError(error: unknown, { platform }: Descriptor, selection: IndexSelection): unknown {
  if (!(error instanceof AirgapError) || error.code !== 'image-not-found' || platform === undefined) return error;
  const missing = { ...error.parts, detail: [error.reason, error.parts.detail].filter(Boolean).join(': ') };
  const isPinned = selection === WHOLE_INDEX;
  const unpin = isPinned ? 'refer to the image by its tag alone, and ' : '';
  if (isAttestationPlatform(platform)) {
    return new AirgapError('image-not-found', 'an attestation listed in the index is missing', {
      ...missing,
      hint: `${unpin}leave out attestations with --attestations drop, or copy it to the registry as well`,
      cause: error,
    });
  }
  const name = formatPlatform(platform);
  return new AirgapError('image-not-found', `the image for ${name} listed in the index is missing`, {
    ...missing,
    hint: `${unpin}select the available platforms with --platform, or copy ${name} to the registry as well`,
    cause: error,
  });
}

function nodeOf(
  repository: Repository,
  { descriptor, bytes }: ManifestContent,
  children: readonly Descriptor[],
  blobs: readonly Descriptor[],
): ManifestNode {
  const { registry, path } = repository;
  return { descriptor, bytes, children, blobs, repository: { registry, path } };
}
