import { isRefusal } from '../base/errors.ts';
import type { Emit, Plan } from '../base/events.ts';
import type { Body, Sink, Source } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { BlobNode, ManifestNode } from '../oci/graph.ts';
import { formatRepository, type Repository } from '../oci/reference.ts';
import type { BlobPresence } from './blob-presence.ts';
import { isLargeBlob, scheduleBlobs } from './blob-scheduler.ts';
import { blobLabel, bodyFromSource, resumableRead } from './resumable-read.ts';
import type { ReadCoordinator } from './shared-source.ts';
import { throwIfAborted } from './wrap-error.ts';

export interface BlobUploadOptions {
  readonly concurrency: number;
  /** What the plan of the upload says. */
  readonly progress: Pick<Plan, 'activity' | 'items'>;
  readonly emit: Emit;
  readonly signal?: AbortSignal;
  /** Present when other copies read the same source at the same time. */
  readonly coordinator?: ReadCoordinator | undefined;
  /**
   * Returns the error of a failed step with its name.
   * @param node the manifest, if the step was to push one
   */
  readonly nameFailure?: (step: string, error: unknown, node?: ManifestNode) => unknown;
  /**
   * Uploads a blob that one repository refuses to each of the others that need it. Without it, the refusal concerns all
   * items that need the blob; a large one would be uploaded in vain each time.
   */
  readonly retriesRefused?: boolean;
}

/** A blob and the one repository to which its bytes are uploaded. */
export interface BlobUpload {
  readonly node: BlobNode;
  /** Descriptor of the node. */
  readonly descriptor: Descriptor;
  readonly target: Repository;
  /** A source repository in the same registry, from which the blob is mounted if that is possible. */
  readonly mountFrom?: Repository | undefined;
  /** Name of the first item that needs it, for progress. */
  readonly owner: string;
}

/** Uploads each blob once, to its target repository, and mounts it from there into other repositories. */
export class BlobUploader {
  readonly counts = { stored: 0, mounted: 0, present: 0 };
  /** Bytes of the blobs that were uploaded. */
  bytes = 0;
  readonly #source: Source;
  readonly #sink: Sink;
  readonly #presence: BlobPresence;
  readonly #options: BlobUploadOptions;
  readonly #uploads: ReadonlyMap<Digest, BlobUpload>;
  /** Errors of the blobs that could not be uploaded. */
  readonly #failures = new Map<Digest, unknown>();
  readonly #mounts = new Map<string, Promise<void>>();
  /** True if there are more small blobs than run concurrently: then the others benefit from what a probe finds out. */
  readonly #isProbingWorthwhile: boolean;

  constructor(
    source: Source,
    sink: Sink,
    presence: BlobPresence,
    options: BlobUploadOptions,
    uploads: readonly BlobUpload[],
  ) {
    this.#source = source;
    this.#sink = sink;
    this.#presence = presence;
    this.#options = options;
    this.#uploads = new Map(uploads.map((upload) => [upload.descriptor.digest, upload]));
    this.#isProbingWorthwhile =
      uploads.filter(({ descriptor }) => !isLargeBlob(descriptor)).length > options.concurrency;
  }

  /**
   * Uploads every blob to its target repository. Never throws: `checkUploaded` reports the failures.
   * @param onEnded called for each blob when it is uploaded or has failed
   */
  async uploadAll(onEnded: (digest: Digest) => void): Promise<void> {
    const { concurrency, coordinator } = this.#options;
    const uploads = [...this.#uploads.values()];
    this.#plan(this.#options.progress, uploads);
    coordinator?.expect(this.#uploads.keys());
    await scheduleBlobs(uploads, concurrency, async (upload) => {
      const { digest } = upload.descriptor;
      try {
        await this.#put(upload, upload.target);
      } catch (error) {
        this.#failures.set(digest, error);
      } finally {
        coordinator?.settle(digest);
      }
      onEnded(digest);
    });
  }

  /** Checks that the upload of a blob has not failed, for an item of `repository`. @throws the error of its upload */
  checkUploaded(digest: Digest, repository: Repository): void {
    if (!this.#failures.has(digest)) return;
    const error = this.#failures.get(digest);
    // A mount from the repository that refused it becomes an upload.
    const isRetried = this.#options.retriesRefused && this.isUploadedElsewhere(digest, repository);
    if (!isRetried || !isRefusal(error)) throw error;
  }

  /** Reports whether the blob is uploaded to another repository. */
  isUploadedElsewhere(digest: Digest, repository: Repository): boolean {
    const target = this.#uploads.get(digest)?.target;
    return target !== undefined && formatRepository(target) !== formatRepository(repository);
  }

  /** Mounts an uploaded blob into another repository. */
  mount(digest: Digest, repository: Repository): Promise<void> {
    const key = `${formatRepository(repository)}@${digest}`;
    const running = this.#mounts.get(key);
    if (running !== undefined) return running;
    const upload = this.#uploads.get(digest) as BlobUpload;
    const mounting = this.#put(upload, repository, upload.target);
    this.#mounts.set(key, mounting);
    return mounting;
  }

  /** Uploads a blob that a repository reported as present but lacks. @throws AirgapError */
  async resend(digest: Digest, repository: Repository): Promise<void> {
    const upload = this.#uploads.get(digest) as BlobUpload;
    const { descriptor } = upload;
    const { signal } = this.#options;
    try {
      await this.#sink.putBlob(repository, descriptor, this.#body(upload, true), { signal });
      this.#report(descriptor, 'done');
    } catch (error) {
      this.#report(descriptor, 'failed');
      throw this.#failure(digest, repository, error);
    }
    this.bytes += descriptor.size;
  }

  async #put(upload: BlobUpload, repository: Repository, mountFrom?: Repository): Promise<void> {
    const { signal } = this.#options;
    const { descriptor } = upload;
    try {
      throwIfAborted(signal);
      const mountSupport = this.#sink.mountSupport?.(repository) ?? 'named';
      // Large blobs are checked with HEAD: if the mount failed after all, the whole blob would be uploaded again.
      const isProbedByMount = mountSupport === 'self-mount' && !isLargeBlob(descriptor);
      const from = mountFrom ?? upload.mountFrom ?? (isProbedByMount ? repository : undefined);
      if ((from === undefined || mountSupport === 'named') && (await this.#presence.has(repository, descriptor))) {
        this.counts.present++;
        if (mountFrom === undefined) this.#report(descriptor, 'present');
        return;
      }
      const body = this.#body(upload, mountFrom !== undefined);
      const probeMountSupport = mountSupport === 'any' && this.#isProbingWorthwhile && !isLargeBlob(descriptor);
      const outcome = await this.#sink.putBlob(repository, descriptor, body, {
        mountFrom: from,
        probeMountSupport,
        signal,
      });
      this.counts[outcome]++;
      if (outcome === 'stored') this.bytes += descriptor.size;
      if (outcome === 'stored') this.#report(descriptor, 'done');
      else if (mountFrom === undefined) this.#report(descriptor, outcome === 'present' ? 'present' : 'done');
    } catch (error) {
      this.#report(descriptor, 'failed');
      throw this.#failure(descriptor.digest, repository, error);
    }
  }

  #plan(progress: BlobUploadOptions['progress'], uploads: readonly BlobUpload[]): void {
    const blobs = uploads.map(({ descriptor, owner }) => ({
      digest: descriptor.digest,
      bytes: descriptor.size,
      owner,
    }));
    this.#options.emit({ type: 'plan', ...progress, blobs });
  }

  #report({ digest, size }: Descriptor, status: 'done' | 'present' | 'failed'): void {
    this.#options.emit({ type: 'blob', digest, bytes: size, status });
  }

  #failure(digest: Digest, repository: Repository, error: unknown): unknown {
    return this.#options.nameFailure?.(`blob ${digest} to ${formatRepository(repository)}`, error) ?? error;
  }

  /** Returns the body for the sink. After a refused mount the blob is read again, which adds its bytes to the plan. */
  #body(upload: BlobUpload, isUnplanned: boolean): Body {
    const { node } = upload;
    const { emit, signal } = this.#options;
    const options = { what: blobLabel(node), digest: node.descriptor.digest, emit, signal };
    const body = resumableRead(bodyFromSource(this.#source, node), options);
    let isCounted = !isUnplanned;
    return {
      size: body.size,
      reject: () => body.reject?.() ?? false,
      open: async (offset, abort = signal) => {
        if (!isCounted) {
          isCounted = true;
          this.#plan({ activity: this.#options.progress.activity }, [upload]);
        }
        return body.open(offset, abort);
      },
    };
  }
}
