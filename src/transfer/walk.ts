import { AirgapError } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import { settle } from '../base/pool.ts';
import type { Source } from '../oci/content.ts';
import type { Graph, ManifestNode, Root } from '../oci/graph.ts';
import { readLinks } from '../oci/manifest.ts';
import type { Platform } from '../oci/platform.ts';
import { formatReference, formatRepository, lookupOf, type Reference, type Repository } from '../oci/reference.ts';
import { artifactTypeOf, type Referrer } from '../oci/referrer.ts';
import { checkAborted, failureOf } from './failure.ts';
import { GraphBuilder } from './graph-builder.ts';
import { ManifestReader, referrerManifest } from './manifest-reader.ts';
import { EVERYTHING, nothingFits } from './subset.ts';
import { nodesOf, sourcesOf, TreeReader } from './tree.ts';

export interface WalkOptions {
  /** Platforms to keep; empty: all. */
  readonly platforms: readonly Platform[];
  /** Handling of attestations in an index. Default: `keep`, with their images. */
  readonly attestations?: 'keep' | 'drop';
  /** Manifests requested at the same time. */
  readonly concurrency: number;
  readonly emit: Emit;
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
  readonly isStray: boolean;
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
 * References pinned by digest and manifests that are not indexes stay whole. Manifests are never converted. Emits an
 * `image` event for each resolved reference. Failures are collected: a failing reference does not stop the others.
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
  readonly #read: ManifestReader;
  readonly #options: WalkOptions;
  readonly #trees: TreeReader;
  readonly #graph = new GraphBuilder();

  /** @param limit number of descriptors that may be followed */
  constructor(source: Source, options: WalkOptions, limit?: number) {
    this.#read = new ManifestReader(source, options.concurrency, options.signal);
    this.#trees = new TreeReader(this.#read, limit);
    this.#options = options;
  }

  /**
   * Adds the references with everything below them.
   * @returns the references that failed and were not added
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
    ask: <T>(repository: Repository, question: () => Promise<T>) => Promise<T> = (_, question) => question(),
  ): Promise<{ readonly added: readonly Referrer[]; readonly failures: readonly ReferrerFailure[] }> {
    const outcomes = await settle(referrers, referrers.length, async (referrer) => {
      const found = await ask(referrer.repository, () => this.#referrer(referrer));
      if ('nodes' in found) await check?.(referrer.repository, found.nodes);
      return found;
    });
    checkAborted(this.#options.signal);
    const added: Referrer[] = [];
    const failures: ReferrerFailure[] = [];
    for (const [at, outcome] of outcomes.entries()) {
      const referrer = referrers[at] as Referrer;
      try {
        if ('error' in outcome) throw outcome.error;
        const { value } = outcome;
        if ('stray' in value) failures.push(failureOfReferrer(referrer, value.stray, true));
        else {
          this.#graph.attach(value.referrer, value.nodes);
          added.push(value.referrer);
        }
      } catch (error) {
        failures.push(failureOfReferrer(referrer, error, false));
      }
    }
    return { added, failures };
  }

  async #referrer(
    referrer: Referrer,
  ): Promise<{ referrer: Referrer; nodes: readonly ManifestNode[] } | { stray: AirgapError }> {
    const { repository, subject, tag } = referrer;
    const content = await referrerManifest((lookup) => this.#read.read(repository, lookup), referrer);
    const links = readLinks(content.descriptor.mediaType, content.bytes);
    if (tag === undefined && links.subject?.digest !== subject) {
      const said = links.subject === undefined ? 'no subject' : `the subject ${links.subject.digest}`;
      return { stray: new AirgapError('registry', `listed as a referrer of ${subject}, but it has ${said}`) };
    }
    const tree = await this.#trees.read(repository, content, EVERYTHING);
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
    const { platforms, attestations = 'keep', emit } = this.#options;
    const content = await this.#read.read(reference, lookupOf(reference));
    const choice = reference.digest === undefined ? { platforms, attestations } : EVERYTHING;
    const tree = await this.#trees.read(reference, content, choice);
    const { digest, mediaType } = content.descriptor;
    if (tree === undefined) throw nothingFits(readLinks(mediaType, content.bytes).manifests, platforms);
    const { descriptor } = tree.node;
    emit({ type: 'image', reference: formatReference(reference), digest: descriptor.digest });
    const root = { reference, descriptor };
    const nodes = nodesOf(tree);
    if (descriptor.digest === digest) return { root, nodes };
    return { root: { ...root, sourceDigest: digest, sources: sourcesOf(tree) }, nodes };
  }
}

function failureOfReferrer(referrer: Referrer, error: unknown, isStray: boolean): ReferrerFailure {
  const what = `${formatRepository(referrer.repository)}@${referrer.descriptor.digest}`;
  return { referrer, error: failureOf(what, error), isStray };
}
