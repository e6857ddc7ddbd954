import { AirgapError } from '../base/errors.ts';
import { settle } from '../base/pool.ts';
import type { Sink, Source } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { type Closure, closureOf, type Graph, type ManifestNode } from '../oci/graph.ts';
import { isAttestation } from '../oci/platform.ts';
import { formatReference, formatRepository, type Repository } from '../oci/reference.ts';
import { type BlobOptions, Blobs, type Shipment } from './blobs.ts';
import { checkAborted, failureOf } from './failure.ts';
import { manifestLevels } from './levels.ts';
import { limiter } from './limit.ts';
import { Presence } from './presence.ts';
import { sendManifest } from './send-manifest.ts';
import type { SurveyOptions } from './survey.ts';
import type { Placement } from './tags.ts';

/** Uploads the roots that the target lacks. */
export class Push {
  readonly blobs: Blobs;
  readonly #graph: Graph;
  readonly #sink: Sink;
  readonly #options: BlobOptions;
  readonly #placements: readonly Placement[];
  readonly #closures: readonly Closure[];
  /** By blob, index of the first destination that needs it; its repository is the upload target. */
  readonly #first = new Map<Digest, number>();
  readonly #homes: ReadonlyMap<Digest, Repository>;
  readonly #limit: ReturnType<typeof limiter>;
  readonly #manifests = new Map<string, Promise<void>>();

  /** @param mountSources repositories of the sink that already have blobs; these blobs are mounted from there */
  constructor(
    graph: Graph,
    source: Source,
    sink: Sink,
    options: BlobOptions & Pick<SurveyOptions, 'absent'>,
    placements: readonly Placement[],
    homes: ReadonlyMap<Digest, Repository> = new Map(),
  ) {
    this.#homes = homes;
    this.#graph = graph;
    this.#sink = sink;
    this.#options = options;
    this.#placements = placements;
    this.#limit = limiter(options.concurrency);
    this.#closures = placements.map(({ root }) => closureOf(graph, root.descriptor.digest));
    for (const [at, { blobs }] of this.#closures.entries()) {
      for (const digest of blobs) if (!this.#first.has(digest)) this.#first.set(digest, at);
    }
    // Always in the graph's order: copies that share a source have to request blobs in the same order.
    const shipments: Shipment[] = [];
    for (const [digest, node] of graph.blobs) {
      const at = this.#first.get(digest);
      if (at === undefined) continue;
      shipments.push({ node, home: homes.get(digest) ?? (placements[at] as Placement).repository });
    }
    const presence = new Presence(sink, wantedBy(placements, this.#closures, graph), options.absent);
    this.blobs = new Blobs(source, sink, presence, options, shipments);
  }

  /** Uploads everything. Returns for each destination the error, or undefined. */
  async run(): Promise<readonly unknown[]> {
    const commits: Promise<void>[] = [];
    // Each commit waits only for earlier ones, so there are no cycles.
    for (const at of this.#placements.keys()) {
      const commit = this.#commit(at, commits);
      commit.catch(() => {});
      commits.push(commit);
    }
    await this.blobs.sendAll();
    return (await Promise.allSettled(commits)).map((end) => (end.status === 'rejected' ? end.reason : undefined));
  }

  async #commit(at: number, earlier: readonly Promise<void>[]): Promise<void> {
    const { root, repository, tag } = this.#placements[at] as Placement;
    const { blobs, manifests } = this.#closures[at] as Closure;
    await Promise.all(blobs.map((digest) => this.blobs.sent(digest)));
    const elsewhere = blobs.filter((digest) => this.blobs.isElsewhere(digest, repository));
    // ECR mounts only blobs that a manifest in the other repository refers to, so that manifest has to exist first.
    const needsManifest = (this.#sink.mounting?.(repository) ?? 'named') === 'named';
    const coming = !needsManifest ? [] : elsewhere.filter((digest) => !this.#homes.has(digest));
    await Promise.allSettled(coming.map((digest) => earlier[this.#first.get(digest) as number]));
    await this.#all(elsewhere, (digest) => this.blobs.mount(digest, repository));
    const nodes = manifests.map((digest) => this.#graph.manifests.get(digest) as ManifestNode);
    const below = nodes.filter(({ descriptor }) => descriptor.digest !== root.descriptor.digest);
    for (const level of manifestLevels(below)) await this.#all(level, (node) => this.#put(node, repository));
    await this.#limit(() => this.#put(nodes.at(-1) as ManifestNode, repository, tag));
    this.#options.emit({ type: 'image', reference: formatReference(root.reference), digest: root.descriptor.digest });
  }

  async #all<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
    const outcomes = await settle(items, this.#options.concurrency, (item) => this.#limit(() => work(item)));
    for (const { error } of outcomes) if (error !== undefined) throw error;
  }

  /** Pushes a manifest once per repository and tag, however many indexes contain it. */
  #put(node: ManifestNode, repository: Repository, tag?: string): Promise<void> {
    const key = `${formatRepository(repository)}:${tag ?? ''}@${node.descriptor.digest}`;
    const running = this.#manifests.get(key) ?? this.#send(node, repository, tag);
    this.#manifests.set(key, running);
    return running;
  }

  async #send(node: ManifestNode, repository: Repository, tag: string | undefined): Promise<void> {
    const { descriptor } = node;
    try {
      checkAborted(this.#options.signal);
      await sendManifest(this.#sink, repository, node, tag, ({ digest }) => this.blobs.resend(digest, repository));
    } catch (error) {
      const failure = failureOf(`manifest ${descriptor.digest} to ${formatRepository(repository)}`, error);
      const isRefused = failure.code === 'registry' || failure.code === 'unsupported';
      if (isRefused && node.blobs.some(({ urls = [] }) => urls.length > 0)) throw hinted(failure, FOREIGN_LAYERS);
      if (isRefused && this.#isAttestation(node)) throw hinted(failure, ATTESTATION);
      throw failure;
    }
  }

  /** Returns whether an index lists this manifest as an attestation of another child. */
  #isAttestation({ descriptor: { digest } }: ManifestNode): boolean {
    const indexes = this.#graph.manifests.values();
    return indexes.some(({ children }) =>
      children.some((child) => child.digest === digest && isAttestation(child.platform)),
    );
  }
}

/** Yields every blob with each repository that will need it. */
function* wantedBy(
  placements: readonly Placement[],
  closures: readonly Closure[],
  graph: Graph,
): Generator<readonly [Repository, Descriptor]> {
  for (const [at, { repository }] of placements.entries()) {
    for (const digest of closures[at]?.blobs ?? []) {
      const node = graph.blobs.get(digest);
      if (node !== undefined) yield [repository, node.descriptor];
    }
  }
}

/**
 * The distribution registry answers 500 to manifests with foreign layers unless its configuration allows their URLs.
 */
const FOREIGN_LAYERS =
  'the image has foreign layers with URLs of their own; the distribution registry accepts them if validation.manifests.urls.allow matches these URLs';

/** GitLab's registry rejects BuildKit attestations whose media types it does not know. */
const ATTESTATION =
  'the registry rejects this attestation, which the image index contains; bundle the image with --attestations drop, which changes the digest of the index';

function hinted(cause: AirgapError, hint: string): AirgapError {
  return new AirgapError(cause.code, cause.message, { hint, causes: cause.causes, cause });
}
