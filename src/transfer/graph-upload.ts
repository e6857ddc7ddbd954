import { AirgapError, isRefusal } from '../base/errors.ts';
import { limiter } from '../base/limiter.ts';
import { settleEach } from '../base/pool.ts';
import { runStep } from '../base/step.ts';
import type { Sink, Source } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { type Closure, closureOf, type Graph, type ManifestNode } from '../oci/graph.ts';
import { parseManifest } from '../oci/manifest.ts';
import { formatReference, formatRepository, type Repository } from '../oci/reference.ts';
import { BlobPresence } from './blob-presence.ts';
import { type BlobUpload, BlobUploader, type BlobUploadOptions } from './blob-uploader.ts';
import { throwIfAborted } from './wrap-error.ts';

/** A manifest or index to upload, with everything below it. */
export interface UploadItem {
  readonly descriptor: Descriptor;
  readonly repository: Repository;
  /** Without a tag, it is pushed by digest. */
  readonly tag?: string | undefined;
}

export interface UploadOptions extends BlobUploadOptions {
  /** Paths of target repositories that do not exist yet; no requests are sent for them. */
  readonly absent?: ReadonlySet<string>;
  /** Repositories of the sink that already have blobs; these blobs are mounted from there. */
  readonly mountSources?: ReadonlyMap<Digest, Repository> | undefined;
  /** Mounts blobs from their source repositories if these are in the registry of the sink. Default: false. */
  readonly mountsFromSource?: boolean | undefined;
  /** Called when everything of an item has been uploaded. */
  readonly onUploaded?: (index: number) => void;
}

export interface UploadResult {
  /** For each item the error because of which it is incomplete, or undefined. */
  readonly errors: readonly unknown[];
  /** Number of blobs, each counted once for every target repository. */
  readonly blobs: { readonly stored: number; readonly mounted: number; readonly present: number };
  /** Bytes of the blobs that were uploaded. */
  readonly bytes: number;
}

/**
 * Uploads the items with everything below them. Each blob that the sink lacks is uploaded once and mounted into the
 * other repositories that need it. Children are pushed before parents, and tags last. A failing item does not stop the
 * others. Never throws.
 */
export function uploadGraph(
  graph: Graph,
  source: Source,
  sink: Sink,
  items: readonly UploadItem[],
  options: UploadOptions,
): Promise<UploadResult> {
  return new GraphUpload(graph, source, sink, items, options).run();
}

class GraphUpload {
  readonly #blobs: BlobUploader;
  readonly #graph: Graph;
  readonly #sink: Sink;
  readonly #options: UploadOptions;
  readonly #items: readonly UploadItem[];
  readonly #closures: readonly Closure[];
  /**
   * By blob, indexes of the items that need it, in order; no list if it is one. The repository of the first is the upload
   * target.
   */
  readonly #users = new Map<Digest, number | number[]>();
  /** By item, how many of its blobs are still to be uploaded. */
  readonly #outstanding: number[] = [];
  readonly #errors: unknown[];
  readonly #limit: ReturnType<typeof limiter>;
  readonly #manifests = new Map<string, Promise<void>>();
  readonly #running = new Set<Promise<void>>();
  /** Indexes of the items that are complete or have failed. */
  readonly #ended = new Set<number>();
  /** By item, resolves when it has ended; only for those that others wait for. */
  readonly #awaited = new Map<number, PromiseWithResolvers<void>>();

  constructor(graph: Graph, source: Source, sink: Sink, items: readonly UploadItem[], options: UploadOptions) {
    this.#graph = graph;
    this.#sink = sink;
    this.#options = options;
    this.#items = items;
    this.#limit = limiter(options.concurrency);
    this.#closures = items.map(({ descriptor }) => closureOf(graph, descriptor.digest));
    this.#errors = new Array(items.length).fill(undefined);
    for (const [index, { blobs }] of this.#closures.entries()) {
      const known = blobs.filter((digest) => graph.blobs.has(digest));
      this.#outstanding.push(known.length);
      for (const digest of known) {
        const users = this.#users.get(digest);
        if (users === undefined) this.#users.set(digest, index);
        else if (typeof users === 'number') this.#users.set(digest, [users, index]);
        else users.push(index);
      }
    }
    // Always in the graph's order: copies that share a source have to request blobs in the same order.
    const uploads: BlobUpload[] = [];
    const names = items.map(nameOf);
    for (const [digest, node] of graph.blobs) {
      const [index] = this.#usersOf(digest);
      if (index === undefined) continue;
      const target = options.mountSources?.get(digest) ?? (items[index] as UploadItem).repository;
      const mountFrom = options.mountsFromSource
        ? node.repositories.find(({ registry }) => registry === target.registry)
        : undefined;
      uploads.push({ node, descriptor: node.descriptor, target, mountFrom, owner: names[index] as string });
    }
    const presence = new BlobPresence(sink, expectedBlobs(items, this.#closures, graph), options.absent);
    this.#blobs = new BlobUploader(source, sink, presence, options, uploads);
  }

  #usersOf(blob: Digest): readonly number[] {
    const users = this.#users.get(blob) ?? [];
    return typeof users === 'number' ? [users] : users;
  }

  async run(): Promise<UploadResult> {
    for (const [index, blobs] of this.#outstanding.entries()) if (blobs === 0) this.#start(index);
    await this.#blobs.uploadAll((digest) => {
      for (const index of this.#usersOf(digest)) {
        const left = (this.#outstanding[index] ?? 0) - 1;
        this.#outstanding[index] = left;
        if (left === 0) this.#start(index);
      }
    });
    const waiting = `${this.#options.progress.activity}: manifests and tags`;
    await runStep(this.#options.emit, waiting, () => Promise.all(this.#running));
    return { errors: this.#errors, blobs: this.#blobs.counts, bytes: this.#blobs.bytes };
  }

  /**
   * Starts to commit an item, as soon as its last blob is uploaded or has failed. Until then it costs no promise: there
   * may be ten thousand items.
   */
  #start(index: number): void {
    const commit = this.#commit(index)
      .catch((error: unknown) => {
        this.#errors[index] = error;
      })
      .finally(() => {
        this.#running.delete(commit);
        this.#ended.add(index);
        this.#awaited.get(index)?.resolve();
      });
    this.#running.add(commit);
  }

  /** Waits until an item is complete or has failed. */
  #end(index: number): Promise<void> | undefined {
    if (this.#ended.has(index)) return undefined;
    const awaited = this.#awaited.get(index) ?? Promise.withResolvers<void>();
    this.#awaited.set(index, awaited);
    return awaited.promise;
  }

  async #commit(index: number): Promise<void> {
    const { descriptor, repository, tag } = this.#items[index] as UploadItem;
    const { mountSources, onUploaded } = this.#options;
    const { blobs, manifests } = this.#closures[index] as Closure;
    for (const digest of blobs) this.#blobs.checkUploaded(digest, repository);
    const blobsToMount = blobs.filter((digest) => this.#blobs.isUploadedElsewhere(digest, repository));
    // ECR mounts only blobs that a manifest in the other repository refers to, so that manifest has to exist first.
    const needsManifest = (this.#sink.mountSupport?.(repository) ?? 'named') === 'named';
    const awaitedBlobs = !needsManifest ? [] : blobsToMount.filter((digest) => !mountSources?.has(digest));
    // Their owners are earlier items, so no two items wait for each other.
    await Promise.all(awaitedBlobs.map((digest) => this.#end(this.#usersOf(digest)[0] as number)));
    await this.#forEach(blobsToMount, (digest) => this.#blobs.mount(digest, repository));
    const nodes = manifests.map((digest) => this.#graph.manifests.get(digest) as ManifestNode);
    const children = nodes.filter((node) => node.descriptor.digest !== descriptor.digest);
    for (const level of manifestLevels(children)) await this.#forEach(level, (node) => this.#put(node, repository));
    await this.#limit(() => this.#put(nodes.at(-1) as ManifestNode, repository, tag));
    onUploaded?.(index);
  }

  async #forEach<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
    await settleEach(items, this.#options.concurrency, (item) => this.#limit(() => work(item)));
  }

  /** Pushes a manifest once per repository and tag, however many indexes contain it. */
  #put(node: ManifestNode, repository: Repository, tag?: string): Promise<void> {
    const key = `${formatRepository(repository)}:${tag ?? ''}@${node.descriptor.digest}`;
    const running = this.#manifests.get(key) ?? this.#send(node, repository, tag);
    this.#manifests.set(key, running);
    return running;
  }

  /**
   * Pushes a manifest whose blobs are in the repository. If the registry refuses it and lacks blobs that it reported as
   * stored or mounted, these blobs are uploaded again, and the manifest is pushed once more.
   */
  async #send(node: ManifestNode, repository: Repository, tag: string | undefined): Promise<void> {
    const { descriptor, bytes, blobs } = node;
    const { signal, nameFailure } = this.#options;
    const put = (): Promise<void> => this.#sink.putManifest(repository, { descriptor, bytes }, tag);
    try {
      throwIfAborted(signal);
      try {
        await put();
      } catch (error) {
        // Other refusals concern the manifest itself or the credentials.
        if (!isRefusal(error) || (error.code !== 'registry' && error.code !== 'image-not-found')) throw error;
        const lost = await lostBlobs(this.#sink, repository, blobs);
        if (lost.length === 0) throw error;
        for (const { digest } of lost) await this.#blobs.resend(digest, repository);
        await put();
      }
    } catch (error) {
      const step = `manifest ${descriptor.digest} to ${formatRepository(repository)}`;
      throw nameFailure?.(step, error, node) ?? error;
    }
  }
}

function nameOf({ repository, tag, descriptor }: UploadItem): string {
  return formatReference(tag === undefined ? { ...repository, digest: descriptor.digest } : { ...repository, tag });
}

/** Yields every blob with each repository that will need it. */
function* expectedBlobs(
  items: readonly UploadItem[],
  closures: readonly Closure[],
  graph: Graph,
): Generator<readonly [Repository, Descriptor]> {
  for (const [index, { repository }] of items.entries()) {
    for (const digest of closures[index]?.blobs ?? []) {
      const node = graph.blobs.get(digest);
      if (node !== undefined) yield [repository, node.descriptor];
    }
  }
}

/** Returns the blobs that a repository lacks; none if the requests fail. */
async function lostBlobs(sink: Sink, repository: Repository, blobs: readonly Descriptor[]): Promise<Descriptor[]> {
  const lost: Descriptor[] = [];
  try {
    for (const blob of blobs) if (!(await sink.hasBlob(repository, blob))) lost.push(blob);
  } catch (error) {
    if (error instanceof AirgapError && error.code === 'interrupted') throw error;
    return [];
  }
  return lost;
}

/**
 * Sorts manifests into levels to be pushed one after the other, each level concurrently: children before their index,
 * subjects before their referrers. GitLab refuses a manifest whose subject does not exist, and BuildKit's attestations
 * are children of an index that refer to another child.
 */
export function manifestLevels(nodes: readonly ManifestNode[]): readonly (readonly ManifestNode[])[] {
  return dependencyLevels(nodes, manifestDependencies);
}

/** Sorts items into levels, each of which depends only on the levels before it. */
export function dependencyLevels<T extends { readonly descriptor: Descriptor }>(
  items: readonly T[],
  dependenciesOf: (item: T) => readonly Digest[],
): T[][] {
  const dependencies = new Map(items.map((item) => [item, dependenciesOf(item)]));
  const sorted: T[][] = [];
  while (dependencies.size > 0) {
    const remaining = new Set([...dependencies.keys()].map(({ descriptor }) => descriptor.digest));
    const ready = [...dependencies]
      .filter(([, digests]) => !digests.some((digest) => remaining.has(digest)))
      .map(([item]) => item);
    // Digests cannot form a cycle. If damaged content seems to, the registry decides.
    const level = ready.length > 0 ? ready : [...dependencies.keys()];
    for (const item of level) dependencies.delete(item);
    sorted.push(level);
  }
  return sorted;
}

function manifestDependencies({ descriptor, bytes, children }: ManifestNode): readonly Digest[] {
  const digests = children.map(({ digest }) => digest);
  // Few manifests have a subject, and parsing all of them would cost as much as sending them.
  if (!Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes('"subject"')) return digests;
  const { subject } = parseManifest(descriptor.mediaType, bytes);
  return subject === undefined ? digests : [...digests, subject.digest];
}
