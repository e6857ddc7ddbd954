import { AirgapError, combine } from '../base/errors.ts';
import { settle } from '../base/pool.ts';
import type { ManifestContent } from '../oci/content.ts';
import { type Descriptor, isIndexType } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { ManifestNode } from '../oci/graph.ts';
import { readLinks } from '../oci/manifest.ts';
import { formatPlatform, isAttestation } from '../oci/platform.ts';
import { formatRepository, type Repository } from '../oci/reference.ts';
import { failureOf } from './failure.ts';
import type { ManifestReader } from './manifest-reader.ts';
import { type Choice, choose, EVERYTHING, subsetIndex } from './subset.ts';

/** Levels of nested indexes, more than any published image has. */
export const INDEX_DEPTH = 5;

/**
 * Descriptors that one walker follows: ten thousand images with 200 each. Nested indexes that repeat the same children
 * could otherwise grow exponentially.
 */
const FOLLOWED = 2_000_000;

/** A manifest with the trees of its children, without duplicates. */
export interface Tree {
  readonly node: ManifestNode;
  readonly below: readonly Tree[];
  /** Levels of indexes including this one; 0 for an image manifest. */
  readonly height: number;
  /** Original bytes, if the platform selection reduced this index. */
  readonly source?: Uint8Array;
}

/** State shared by all trees of one root. */
interface Walk {
  readonly repository: Repository;
  readonly choice: Choice;
  /** Trees by digest, so that repeated children are read once. */
  readonly trees: Map<Digest, Promise<Tree | undefined>>;
}

/** Reads manifests with everything below them. The limit applies to all calls together. */
export class TreeReader {
  readonly #read: ManifestReader;
  readonly #limit: number;
  #followed = 0;

  /** @param limit number of descriptors that may be followed */
  constructor(read: ManifestReader, limit: number = FOLLOWED) {
    this.#read = read;
    this.#limit = limit;
  }

  /**
   * Returns the tree of a manifest or index. If the selection reduces the index, the tree has a node with a new digest.
   * @returns undefined when the index has no image for the selected platforms
   * @throws AirgapError `unsupported` for indexes that are nested too deeply or have too many descriptors; errors of
   *   reading
   */
  read(repository: Repository, found: ManifestContent, choice: Choice): Promise<Tree | undefined> {
    return this.#tree({ repository, choice, trees: new Map() }, found, 0);
  }

  async #tree(walk: Walk, found: ManifestContent, depth: number): Promise<Tree | undefined> {
    const { repository, choice } = walk;
    const links = readLinks(found.descriptor.mediaType, found.bytes);
    this.#followed += 1 + links.manifests.length + links.blobs.length;
    if (this.#followed > this.#limit) {
      throw new AirgapError('unsupported', `the indexes contain more than ${this.#limit} descriptors`, {
        hint: 'exclude the image whose index lists the same manifests repeatedly',
      });
    }
    if (!isIndexType(found.descriptor.mediaType)) {
      return { node: nodeOf(repository, found, [], links.blobs), below: [], height: 0 };
    }
    if (depth >= INDEX_DEPTH) throw tooDeep();
    const chosen = choose(links.manifests, choice);
    const trees = await this.#children(walk, links.manifests, chosen, depth);
    const kept = chosen.filter((at) => trees.has(at));
    if (kept.length === 0 && links.manifests.length > 0) return undefined;
    const below = [...new Set(trees.values())];
    const height = 1 + below.reduce((highest, tree) => Math.max(highest, tree.height), 0);
    // The tree of a child may have been walked from another index, nearer to the root.
    if (depth + height > INDEX_DEPTH) throw tooDeep();
    const replaced = new Map<number, Descriptor>();
    for (const [at, { node }] of trees) {
      if (node.descriptor.digest !== links.manifests[at]?.digest) replaced.set(at, node.descriptor);
    }
    if (kept.length === links.manifests.length && replaced.size === 0) {
      return { node: nodeOf(repository, found, links.manifests, []), below, height };
    }
    const index = subsetIndex(found, kept, replaced);
    const children = readLinks(index.descriptor.mediaType, index.bytes).manifests;
    return { node: nodeOf(repository, index, children, []), below, height, source: found.bytes };
  }

  /** Returns trees of the selected children by position, without those that have no image for the platforms. */
  async #children(
    walk: Walk,
    children: readonly Descriptor[],
    chosen: readonly number[],
    depth: number,
  ): Promise<ReadonlyMap<number, Tree>> {
    const { repository, choice } = walk;
    const outcomes = await settle(chosen, chosen.length, async (at) => {
      const child = children[at] as Descriptor;
      const content = await this.#read.child(repository, child, 'the index').catch((error) => {
        throw missingChild(error, child, choice);
      });
      const walked = walk.trees.get(child.digest) ?? this.#tree(walk, content, depth + 1);
      walk.trees.set(child.digest, walked);
      return { at, tree: await walked };
    });
    const trees = new Map<number, Tree>();
    const errors = new Map<string, AirgapError>();
    for (const outcome of outcomes) {
      if ('error' in outcome) {
        const error = failureOf(formatRepository(repository), outcome.error);
        errors.set(error.message, error);
      } else if (outcome.value.tree !== undefined) trees.set(outcome.value.at, outcome.value.tree);
    }
    if (errors.size > 0) throw combine([...errors.values()], `${errors.size} manifests of the index could not be read`);
    return trees;
  }
}

/** Returns all manifests of a tree without duplicates, children before their parents. */
export function nodesOf(root: Tree): ManifestNode[] {
  return treesIn(root).map(({ node }) => node);
}

/** Returns the original bytes of the indexes that were reduced. */
export function sourcesOf(root: Tree): Uint8Array[] {
  return treesIn(root).flatMap(({ source }) => (source === undefined ? [] : [source]));
}

function treesIn(root: Tree): readonly Tree[] {
  const trees = new Set<Tree>();
  const seen = new Set<Tree>();
  const visit = (tree: Tree): void => {
    if (seen.has(tree)) return;
    seen.add(tree);
    for (const child of tree.below) visit(child);
    trees.add(tree);
  };
  visit(root);
  return [...trees];
}

function tooDeep(): AirgapError {
  return new AirgapError('unsupported', `indexes are nested more than ${INDEX_DEPTH} levels deep`);
}

/**
 * Returns the error for an index child that the registry lacks. Caches and partial copies often drop attestations and
 * platforms without changing the index.
 */
function missingChild(error: unknown, { platform }: Descriptor, choice: Choice): unknown {
  if (!(error instanceof AirgapError) || error.code !== 'image-not-found' || platform === undefined) return error;
  const isPinned = choice === EVERYTHING;
  const otherwise = isPinned ? 'refer to the image by its tag alone, and ' : '';
  if (isAttestation(platform)) {
    return new AirgapError('image-not-found', `an attestation listed in the index is missing: ${error.message}`, {
      hint: `${otherwise}leave out attestations with --attestations drop, or copy it to the registry as well`,
      cause: error,
    });
  }
  const name = formatPlatform(platform);
  return new AirgapError('image-not-found', `the image for ${name} listed in the index is missing: ${error.message}`, {
    hint: `${otherwise}select the available platforms with --platform, or copy ${name} to the registry as well`,
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
