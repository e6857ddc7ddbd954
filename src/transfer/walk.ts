import { AirgapError } from '../base/errors.ts';
import { expectImages } from '../base/large-runs.ts';
import { MAX_BEGUN, settle } from '../base/pool.ts';
import type { Advance } from '../base/step.ts';
import type { Source } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { BlobNode, Graph, ManifestNode, Root } from '../oci/graph.ts';
import { parseManifest } from '../oci/manifest.ts';
import type { Platform } from '../oci/platform.ts';
import { formatReference, formatRepository, type Reference, type Repository, tagOrDigestOf } from '../oci/reference.ts';
import { artifactTypeOf, type Referrer, sortReferrers } from '../oci/referrer.ts';
import { noMatchingPlatform, WHOLE_INDEX } from './index-subset.ts';
import { ManifestReader, referrerManifest } from './manifest-reader.ts';
import { nodesOf, sourcesOf, TreeReader } from './manifest-tree.ts';
import { throwIfAborted, wrapError } from './wrap-error.ts';

export interface WalkOptions {
  /** Platforms to keep; empty: all. */
  readonly platforms: readonly Platform[];
  /** Platforms to keep of single references, instead of `platforms`; undefined for the others. */
  readonly platformsOf?: ((reference: Reference) => readonly Platform[] | undefined) | undefined;
  /** Handling of attestations in an index. Default: `keep`, with their images. */
  readonly attestations?: 'keep' | 'drop';
  /** Manifests requested at the same time. */
  readonly concurrency: number;
  readonly signal?: AbortSignal;
}

export interface WalkFailure {
  readonly reference: Reference;
  readonly error: AirgapError;
}

export interface ReferrerFailure {
  readonly referrer: Referrer;
  readonly error: AirgapError;
  /** The manifest was read, and its `subject` is not the manifest that lists it. */
  readonly hasOtherSubject: boolean;
}

export interface WalkResult {
  /** Everything except the failed references. Roots are in the order of the references. */
  readonly graph: Graph;
  readonly failures: readonly WalkFailure[];
}

/**
 * Reads all manifests of the references, recursively, so that a copy knows everything before it starts.
 *
 * A selection reduces an index to the matching children, and the root keeps its original digest as `sourceDigest`.
 * References pinned by digest and manifests that are not indexes stay whole. Manifests are never converted.
 * Failures are collected: a failing reference does not stop the others.
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

/** Like {@link walk}, for references added in several calls. Manifests are read once. */
export class Walker {
  readonly #reader: ManifestReader;
  readonly #options: WalkOptions;
  readonly #treeReader: TreeReader;
  readonly #graph = new GraphBuilder();

  /** @param limit number of descriptors that may be followed */
  constructor(source: Source, options: WalkOptions, limit?: number) {
    this.#reader = new ManifestReader(source, options.concurrency, options.signal);
    this.#treeReader = new TreeReader(this.#reader, limit);
    this.#options = options;
  }

  /**
   * Adds the references with everything below them. Advances once for each reference.
   * @returns the references that failed and were not added
   * @throws AirgapError `interrupted`
   */
  async add(references: readonly Reference[], advance: Advance = () => {}): Promise<readonly WalkFailure[]> {
    expectImages(references.length);
    const outcomes = await settle(references, MAX_BEGUN, (reference) => this.#root(reference).finally(advance));
    throwIfAborted(this.#options.signal);
    const failures: WalkFailure[] = [];
    for (const [index, outcome] of outcomes.entries()) {
      const reference = references[index] as Reference;
      try {
        if ('error' in outcome) throw outcome.error;
        this.#graph.add(outcome.value.root, outcome.value.nodes);
      } catch (error) {
        failures.push({ reference, error: wrapError(formatReference(reference), error) });
      }
    }
    return failures;
  }

  /**
   * Adds referrers with everything below them, and with the `artifactType` of their manifests. A referrer whose
   * manifest has another subject fails with `registry`, whichever list contains it.
   * @param check throws for manifests that must not be added
   * @param request runs the request for a manifest
   * @throws AirgapError `interrupted`
   */
  async attach(
    referrers: readonly Referrer[],
    check?: (repository: Repository, nodes: readonly ManifestNode[]) => Promise<void>,
    request: <T>(repository: Repository, read: () => Promise<T>) => Promise<T> = (_, read) => read(),
  ): Promise<{ readonly added: readonly Referrer[]; readonly failures: readonly ReferrerFailure[] }> {
    const outcomes = await settle(referrers, MAX_BEGUN, async (referrer) => {
      const found = await request(referrer.repository, () => this.#referrer(referrer));
      if ('nodes' in found) await check?.(referrer.repository, found.nodes);
      return found;
    });
    throwIfAborted(this.#options.signal);
    const added: Referrer[] = [];
    const failures: ReferrerFailure[] = [];
    for (const [index, outcome] of outcomes.entries()) {
      const referrer = referrers[index] as Referrer;
      try {
        if ('error' in outcome) throw outcome.error;
        const { value } = outcome;
        if ('subjectError' in value) failures.push(referrerFailure(referrer, value.subjectError, true));
        else {
          this.#graph.attach(value.referrer, value.nodes);
          added.push(value.referrer);
        }
      } catch (error) {
        failures.push(referrerFailure(referrer, error, false));
      }
    }
    return { added, failures };
  }

  async #referrer(
    referrer: Referrer,
  ): Promise<{ referrer: Referrer; nodes: readonly ManifestNode[] } | { subjectError: AirgapError }> {
    const { repository, subject, tag } = referrer;
    const content = await referrerManifest((lookup) => this.#reader.read(repository, lookup), referrer);
    const links = parseManifest(content.descriptor.mediaType, content.bytes);
    if (tag === undefined && links.subject?.digest !== subject) {
      const actual = links.subject === undefined ? 'no subject' : `the subject ${links.subject.digest}`;
      return { subjectError: new AirgapError('registry', `listed as a referrer of ${subject}, but it has ${actual}`) };
    }
    const tree = await this.#treeReader.read(repository, content, WHOLE_INDEX);
    const { registry, path } = repository;
    const known = { ...referrer, repository: { registry, path }, descriptor: content.descriptor };
    const nodes = tree === undefined ? [] : nodesOf(tree);
    return { referrer: { ...known, artifactType: artifactTypeOf(links) }, nodes };
  }

  /** Returns the graph of everything added so far. */
  graph(): Graph {
    return this.#graph.build();
  }

  async #root(reference: Reference): Promise<{ root: Root; nodes: readonly ManifestNode[] }> {
    const { attestations = 'keep', platformsOf } = this.#options;
    const platforms = platformsOf?.(reference) ?? this.#options.platforms;
    const content = await this.#reader.read(reference, tagOrDigestOf(reference));
    const selection = reference.digest === undefined ? { platforms, attestations } : WHOLE_INDEX;
    const tree = await this.#treeReader.read(reference, content, selection);
    const { digest, mediaType } = content.descriptor;
    if (tree === undefined) throw noMatchingPlatform(parseManifest(mediaType, content.bytes).manifests, platforms);
    const { descriptor } = tree.node;
    const root = { reference, descriptor };
    const nodes = nodesOf(tree);
    if (descriptor.digest === digest) return { root, nodes };
    return { root: { ...root, sourceDigest: digest, sources: sourcesOf(tree) }, nodes };
  }
}

function referrerFailure(referrer: Referrer, error: unknown, hasOtherSubject: boolean): ReferrerFailure {
  const what = `${formatRepository(referrer.repository)}@${referrer.descriptor.digest}`;
  return { referrer, error: wrapError(what, error), hasOtherSubject };
}

/** A blob of a graph that is being built; most are in one repository. */
interface GrowingBlob {
  readonly descriptor: Descriptor;
  repositories: Repository | Set<Repository>;
}

/** Merges the trees of several roots: each manifest and blob once, each blob with every repository that has it. */
export class GraphBuilder {
  readonly #roots: Root[] = [];
  readonly #referrers: Referrer[] = [];
  readonly #manifests = new Map<Digest, ManifestNode>();
  readonly #blobs = new Map<Digest, GrowingBlob>();
  /** One object for each name: there may be a hundred thousand blobs. */
  readonly #repositories = new Map<string, Repository>();

  /**
   * Adds a root with its manifests, or nothing if it throws.
   * @throws AirgapError `registry` when two manifests list a blob with different sizes: one of them cannot be pulled
   */
  add(root: Root, nodes: readonly ManifestNode[]): void {
    this.#put(root.reference, nodes);
    this.#roots.push(root);
  }

  /** Adds a referrer with its manifests. @throws AirgapError as `add` */
  attach(referrer: Referrer, nodes: readonly ManifestNode[]): void {
    this.#put(referrer.repository, nodes);
    this.#referrers.push(referrer);
  }

  #put(repository: Repository, nodes: readonly ManifestNode[]): void {
    const sizes = new Map<Digest, number>();
    for (const { digest, size } of nodes.flatMap((node) => node.blobs)) {
      const known = this.#blobs.get(digest)?.descriptor.size ?? sizes.get(digest) ?? size;
      if (known !== size) {
        throw new AirgapError('registry', `one manifest lists ${digest} with ${size} bytes, another with ${known}`);
      }
      sizes.set(digest, size);
    }
    const holder = this.#repository(repository);
    for (const node of nodes) {
      if (!this.#manifests.has(node.descriptor.digest)) this.#manifests.set(node.descriptor.digest, node);
      for (const descriptor of node.blobs) {
        const blob = this.#blobs.get(descriptor.digest);
        if (blob === undefined) this.#blobs.set(descriptor.digest, { descriptor, repositories: holder });
        else if (blob.repositories instanceof Set) blob.repositories.add(holder);
        else if (blob.repositories !== holder) blob.repositories = new Set([blob.repositories, holder]);
      }
    }
  }

  #repository({ registry, path }: Repository): Repository {
    const name = formatRepository({ registry, path });
    const repository = this.#repositories.get(name) ?? { registry, path };
    this.#repositories.set(name, repository);
    return repository;
  }

  /** Returns the graph of everything added so far. */
  build(): Graph {
    const blobs = new Map<Digest, BlobNode>();
    for (const [digest, { descriptor, repositories }] of this.#blobs) {
      blobs.set(digest, { descriptor, repositories: repositories instanceof Set ? [...repositories] : [repositories] });
    }
    const referrers = sortReferrers(this.#referrers);
    return { roots: [...this.#roots], manifests: new Map(this.#manifests), blobs, referrers };
  }
}
