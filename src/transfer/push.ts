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

/** Sends the roots that are not there yet. */
export class Push {
  readonly blobs: Blobs;
  readonly #graph: Graph;
  readonly #sink: Sink;
  readonly #options: BlobOptions;
  readonly #placements: readonly Placement[];
  readonly #closures: readonly Closure[];
  /** By blob, the first placement that needs it: its repository is the blob's home. */
  readonly #first = new Map<Digest, number>();
  readonly #homes: ReadonlyMap<Digest, Repository>;
  readonly #limit: ReturnType<typeof limiter>;
  readonly #manifests = new Map<string, Promise<void>>();

  /** `homes`: repositories of the sink that have blobs already; these are mounted from there. */
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
    // In the graph's order, whatever is missing: copies that read together have to ask in the same one.
    const shipments: Shipment[] = [];
    for (const [digest, node] of graph.blobs) {
      const at = this.#first.get(digest);
      if (at === undefined) continue;
      shipments.push({ node, home: homes.get(digest) ?? (placements[at] as Placement).repository });
    }
    const presence = new Presence(sink, wantedBy(placements, this.#closures, graph), options.absent);
    this.blobs = new Blobs(source, sink, presence, options, shipments);
  }

  /** Sends everything, and gives for each placement undefined or why it failed. */
  async run(): Promise<readonly unknown[]> {
    const commits: Promise<void>[] = [];
    // Each waits for earlier ones only, so none waits for itself.
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
    // ECR mounts only what a manifest in the other repository names, so that one has to be there before.
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

  /** A manifest goes once into a repository, however many indexes name it; once more for each tag. */
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

  /** Whether an index says that this is an attestation of another child of it. */
  #isAttestation({ descriptor: { digest } }: ManifestNode): boolean {
    const indexes = this.#graph.manifests.values();
    return indexes.some(({ children }) =>
      children.some((child) => child.digest === digest && isAttestation(child.platform)),
    );
  }
}

/** Every blob with each repository that is going to have it. */
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

/** Distribution's registry answers 500 to a manifest with such layers, unless its configuration allows their addresses. */
const FOREIGN_LAYERS =
  'the image has foreign layers, with addresses of their own: distribution takes them where validation.manifests.urls.allow fits the addresses';

/** GitLab's registry refuses BuildKit's attestations where it does not know their media types. */
const ATTESTATION =
  'the registry does not take this attestation, and the index of the image names it: bundle the image with --attestations drop, which gives the index another digest';

function hinted(cause: AirgapError, hint: string): AirgapError {
  return new AirgapError(cause.code, cause.message, { hint, causes: cause.causes, cause });
}
