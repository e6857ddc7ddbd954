import { AirgapError, combine } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import { settle } from '../base/pool.ts';
import type { ManifestContent, Source } from '../oci/content.ts';
import { type Descriptor, isIndexType } from '../oci/descriptor.ts';
import { algorithmOf, type Digest, digestOf } from '../oci/digest.ts';
import type { Graph, ManifestNode, Root } from '../oci/graph.ts';
import { readLinks } from '../oci/manifest.ts';
import type { Platform } from '../oci/platform.ts';
import { formatReference, formatRepository, lookupOf, type Reference, type Repository } from '../oci/reference.ts';
import { checkAborted, failureOf } from './failure.ts';
import { GraphBuilder } from './graph-builder.ts';
import { limiter } from './limit.ts';
import { choose, nothingFits, subsetIndex } from './subset.ts';

export interface WalkOptions {
  /** Wanted platforms; empty: all. */
  readonly platforms: readonly Platform[];
  /** Manifests asked for at the same time. */
  readonly concurrency: number;
  readonly emit: Emit;
  readonly signal?: AbortSignal;
}

export interface WalkFailure {
  readonly reference: Reference;
  readonly error: AirgapError;
}

export interface WalkResult {
  /** Everything that was found, the failed references left out. Roots in the order of the references. */
  readonly graph: Graph;
  readonly failures: readonly WalkFailure[];
}

/** Indexes within indexes, deeper than anything that is published. */
const DEPTH = 5;

/**
 * Reads all manifests of the references, and what they name, so that a copy knows everything before it begins.
 *
 * With platforms, an index is reduced to the children for them, and its root says what digest it had. A reference pinned
 * by digest keeps everything, and so does whatever is no index. Manifests are never converted. `image` events tell what
 * is resolved. Failures are collected: one reference that fails does not stop the others.
 * @throws AirgapError `interrupted`
 */
export async function walk(
  source: Source,
  references: readonly Reference[],
  options: WalkOptions,
): Promise<WalkResult> {
  const walker = new Walker(source, options);
  const failures = await walker.add(references);
  return { graph: walker.graph(), failures };
}

/** A manifest with everything below it, each once. */
interface Tree {
  readonly descriptor: Descriptor;
  readonly nodes: readonly ManifestNode[];
}

/** The same for references that come little by little: what one call has read is not asked for by the next. */
export class Walker {
  readonly #source: Source;
  readonly #options: WalkOptions;
  readonly #limit: ReturnType<typeof limiter>;
  readonly #graph = new GraphBuilder();
  readonly #fetched = new Map<Digest, { readonly repository: string; readonly content: Promise<ManifestContent> }>();

  constructor(source: Source, options: WalkOptions) {
    this.#source = source;
    this.#options = options;
    this.#limit = limiter(options.concurrency);
  }

  /**
   * Adds the references with everything below them. Gives those that failed, which are left out.
   * @throws AirgapError `interrupted`
   */
  async add(references: readonly Reference[]): Promise<readonly WalkFailure[]> {
    const outcomes = await settle(references, references.length, (reference) => this.#root(reference));
    checkAborted(this.#options.signal);
    const failures: WalkFailure[] = [];
    for (const [at, outcome] of outcomes.entries()) {
      const reference = references[at] as Reference;
      try {
        if ('error' in outcome) throw outcome.error;
        this.#graph.add(outcome.value.root, outcome.value.nodes);
      } catch (error) {
        failures.push({ reference, error: failureOf(formatReference(reference), error) });
      }
    }
    return failures;
  }

  /** What has been added so far. */
  graph(): Graph {
    return this.#graph.build();
  }

  async #root(reference: Reference): Promise<{ root: Root; nodes: readonly ManifestNode[] }> {
    const { platforms, emit } = this.#options;
    const content = await this.#fetch(reference, lookupOf(reference));
    const tree = await this.#tree(reference, content, reference.digest === undefined ? platforms : [], 0);
    const { digest, mediaType } = content.descriptor;
    if (tree === undefined) throw nothingFits(readLinks(mediaType, content.bytes).manifests, platforms);
    emit({ type: 'image', reference: formatReference(reference), digest: tree.descriptor.digest });
    const root = { reference, descriptor: tree.descriptor };
    return { root: tree.descriptor.digest === digest ? root : { ...root, sourceDigest: digest }, nodes: tree.nodes };
  }

  /** Undefined when nothing in an index is for the platforms. */
  async #tree(
    repository: Repository,
    found: ManifestContent,
    platforms: readonly Platform[],
    depth: number,
  ): Promise<Tree | undefined> {
    const links = readLinks(found.descriptor.mediaType, found.bytes);
    if (!isIndexType(found.descriptor.mediaType)) {
      return { descriptor: found.descriptor, nodes: [nodeOf(repository, found, [], links.blobs)] };
    }
    if (depth >= DEPTH) throw new AirgapError('unsupported', `indexes within indexes, more than ${DEPTH} deep`);
    const chosen = platforms.length === 0 ? [...links.manifests.keys()] : choose(links.manifests, platforms);
    const trees = await this.#children(repository, links.manifests, chosen, platforms, depth);
    const kept = chosen.filter((at) => trees.has(at));
    if (kept.length === 0 && links.manifests.length > 0) return undefined;
    const nodes = [...trees.values()].flatMap((tree) => tree.nodes);
    const replaced = new Map<number, Descriptor>();
    for (const [at, { descriptor }] of trees) {
      if (descriptor.digest !== links.manifests[at]?.digest) replaced.set(at, descriptor);
    }
    if (kept.length === links.manifests.length && replaced.size === 0) {
      return { descriptor: found.descriptor, nodes: [...nodes, nodeOf(repository, found, links.manifests, [])] };
    }
    const index = subsetIndex(found, kept, replaced);
    const children = readLinks(index.descriptor.mediaType, index.bytes).manifests;
    return { descriptor: index.descriptor, nodes: [...nodes, nodeOf(repository, index, children, [])] };
  }

  /** What is below the chosen children, by their position; without those that have nothing for the platforms. */
  async #children(
    repository: Repository,
    children: readonly Descriptor[],
    chosen: readonly number[],
    platforms: readonly Platform[],
    depth: number,
  ): Promise<ReadonlyMap<number, Tree>> {
    const outcomes = await settle(chosen, chosen.length, async (at) => {
      const content = await this.#child(repository, children[at] as Descriptor);
      return { at, tree: await this.#tree(repository, content, platforms, depth + 1) };
    });
    const trees = new Map<number, Tree>();
    const errors: AirgapError[] = [];
    for (const outcome of outcomes) {
      if ('error' in outcome) errors.push(failureOf(formatRepository(repository), outcome.error));
      else if (outcome.value.tree !== undefined) trees.set(outcome.value.at, outcome.value.tree);
    }
    if (errors.length > 0) throw combine(errors, `${errors.length} manifests of the index could not be read`);
    return trees;
  }

  async #child(repository: Repository, child: Descriptor): Promise<ManifestContent> {
    const content = await this.#fetch(repository, child.digest);
    if (content.bytes.length !== child.size) {
      throw new AirgapError(
        'registry',
        `the index says that ${child.digest} has ${child.size} bytes; it has ${content.bytes.length}`,
      );
    }
    return content;
  }

  /** A digest is asked for once, whoever names it; another repository is asked only when the first did not have it. */
  async #fetch(repository: Repository, lookup: string): Promise<ManifestContent> {
    const name = formatRepository(repository);
    const known = this.#fetched.get(lookup as Digest);
    if (known !== undefined) {
      try {
        return await known.content;
      } catch (error) {
        if (known.repository === name) throw error;
      }
    }
    const content = this.#limit(() => this.#ask(repository, lookup));
    if (lookup.includes(':')) this.#fetched.set(lookup as Digest, { repository: name, content });
    return content;
  }

  async #ask(repository: Repository, lookup: string): Promise<ManifestContent> {
    checkAborted(this.#options.signal);
    const { descriptor, bytes } = await this.#source.manifest(repository, lookup);
    const wanted = lookup.includes(':') ? (lookup as Digest) : descriptor.digest;
    const actual = digestOf(bytes, algorithmOf(wanted));
    if (actual !== wanted) {
      throw new AirgapError('digest-mismatch', `the source gives ${actual} where ${wanted} was asked for`);
    }
    // What a source says of the size is not needed: the bytes are here.
    return { bytes, descriptor: { mediaType: descriptor.mediaType, digest: wanted, size: bytes.length } };
  }
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
