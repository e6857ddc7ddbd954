import { AirgapError } from '../base/errors.ts';
import { limiter } from '../base/limiter.ts';
import { settle } from '../base/pool.ts';
import type { Sink, Source } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { type Closure, closureOf, type Graph, type ManifestNode } from '../oci/graph.ts';
import { isAttestationPlatform } from '../oci/platform.ts';
import { formatReference, formatRepository, type Repository } from '../oci/reference.ts';
import { BlobPresence } from './blob-presence.ts';
import { type BlobUpload, BlobUploader, type BlobUploadOptions } from './blob-uploader.ts';
import type { Destination } from './destinations.ts';
import { manifestLevels } from './levels.ts';
import { sendManifest } from './send-manifest.ts';
import type { TagCheckOptions } from './tag-status.ts';
import { throwIfAborted, wrapError } from './wrap-error.ts';

/** Uploads the roots that the target lacks. */
export class RootUploader {
  readonly blobs: BlobUploader;
  readonly #graph: Graph;
  readonly #sink: Sink;
  readonly #options: BlobUploadOptions;
  readonly #destinations: readonly Destination[];
  readonly #closures: readonly Closure[];
  /** By blob, index of the first destination that needs it; its repository is the upload target. */
  readonly #owners = new Map<Digest, number>();
  readonly #mountSources: ReadonlyMap<Digest, Repository>;
  readonly #limit: ReturnType<typeof limiter>;
  readonly #manifests = new Map<string, Promise<void>>();

  /** @param mountSources repositories of the sink that already have blobs; these blobs are mounted from there */
  constructor(
    graph: Graph,
    source: Source,
    sink: Sink,
    options: BlobUploadOptions & Pick<TagCheckOptions, 'absent'>,
    destinations: readonly Destination[],
    mountSources: ReadonlyMap<Digest, Repository> = new Map(),
  ) {
    this.#mountSources = mountSources;
    this.#graph = graph;
    this.#sink = sink;
    this.#options = options;
    this.#destinations = destinations;
    this.#limit = limiter(options.concurrency);
    this.#closures = destinations.map(({ root }) => closureOf(graph, root.descriptor.digest));
    for (const [index, { blobs }] of this.#closures.entries()) {
      for (const digest of blobs) if (!this.#owners.has(digest)) this.#owners.set(digest, index);
    }
    // Always in the graph's order: copies that share a source have to request blobs in the same order.
    const uploads: BlobUpload[] = [];
    for (const [digest, node] of graph.blobs) {
      const index = this.#owners.get(digest);
      if (index === undefined) continue;
      uploads.push({ node, target: mountSources.get(digest) ?? (destinations[index] as Destination).repository });
    }
    const presence = new BlobPresence(sink, expectedBlobs(destinations, this.#closures, graph), options.absent);
    this.blobs = new BlobUploader(source, sink, presence, options, uploads);
  }

  /** Uploads everything. Returns for each destination the error, or undefined. */
  async run(): Promise<readonly unknown[]> {
    const commits: Promise<void>[] = [];
    // Each commit waits only for earlier ones, so there are no cycles.
    for (const index of this.#destinations.keys()) {
      const commit = this.#commit(index, commits);
      commit.catch(() => {});
      commits.push(commit);
    }
    await this.blobs.uploadAll();
    return (await Promise.allSettled(commits)).map((outcome) =>
      outcome.status === 'rejected' ? outcome.reason : undefined,
    );
  }

  async #commit(index: number, earlierCommits: readonly Promise<void>[]): Promise<void> {
    const { root, repository, tag } = this.#destinations[index] as Destination;
    const { blobs, manifests } = this.#closures[index] as Closure;
    await Promise.all(blobs.map((digest) => this.blobs.uploaded(digest)));
    const blobsToMount = blobs.filter((digest) => this.blobs.isUploadedElsewhere(digest, repository));
    // ECR mounts only blobs that a manifest in the other repository refers to, so that manifest has to exist first.
    const needsManifest = (this.#sink.mountSupport?.(repository) ?? 'named') === 'named';
    const awaitedBlobs = !needsManifest ? [] : blobsToMount.filter((digest) => !this.#mountSources.has(digest));
    await Promise.allSettled(awaitedBlobs.map((digest) => earlierCommits[this.#owners.get(digest) as number]));
    await this.#forEach(blobsToMount, (digest) => this.blobs.mount(digest, repository));
    const nodes = manifests.map((digest) => this.#graph.manifests.get(digest) as ManifestNode);
    const children = nodes.filter(({ descriptor }) => descriptor.digest !== root.descriptor.digest);
    for (const level of manifestLevels(children)) await this.#forEach(level, (node) => this.#put(node, repository));
    await this.#limit(() => this.#put(nodes.at(-1) as ManifestNode, repository, tag));
    this.#options.emit({ type: 'image', reference: formatReference(root.reference), digest: root.descriptor.digest });
  }

  async #forEach<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
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
      throwIfAborted(this.#options.signal);
      await sendManifest(this.#sink, repository, node, tag, ({ digest }) => this.blobs.resend(digest, repository));
    } catch (error) {
      const failure = wrapError(`manifest ${descriptor.digest} to ${formatRepository(repository)}`, error);
      const isRefused = failure.code === 'registry' || failure.code === 'unsupported';
      if (isRefused && node.blobs.some(({ urls = [] }) => urls.length > 0))
        throw withHint(failure, FOREIGN_LAYERS_HINT);
      if (isRefused && this.#isAttestation(node)) throw withHint(failure, ATTESTATION_HINT);
      throw failure;
    }
  }

  /** Reports whether an index lists this manifest as an attestation of another child. */
  #isAttestation({ descriptor: { digest } }: ManifestNode): boolean {
    const indexes = this.#graph.manifests.values();
    return indexes.some(({ children }) =>
      children.some((child) => child.digest === digest && isAttestationPlatform(child.platform)),
    );
  }
}

/** Yields every blob with each repository that will need it. */
function* expectedBlobs(
  destinations: readonly Destination[],
  closures: readonly Closure[],
  graph: Graph,
): Generator<readonly [Repository, Descriptor]> {
  for (const [index, { repository }] of destinations.entries()) {
    for (const digest of closures[index]?.blobs ?? []) {
      const node = graph.blobs.get(digest);
      if (node !== undefined) yield [repository, node.descriptor];
    }
  }
}

/**
 * The distribution registry answers 500 to manifests with foreign layers unless its configuration allows their URLs.
 */
const FOREIGN_LAYERS_HINT =
  'the image has foreign layers with URLs of their own; the distribution registry accepts them if validation.manifests.urls.allow matches these URLs';

/** GitLab's registry rejects BuildKit attestations whose media types it does not know. */
const ATTESTATION_HINT =
  'the registry rejects this attestation, which the image index contains; bundle the image with --attestations drop, which changes the digest of the index';

function withHint(cause: AirgapError, hint: string): AirgapError {
  return new AirgapError(cause.code, cause.message, { hint, causes: cause.causes, cause });
}
