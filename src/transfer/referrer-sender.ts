import { type AirgapError, isPermanentRefusal } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import type { Sink, Source } from '../oci/content.ts';
import type { Digest } from '../oci/digest.ts';
import { type BlobNode, closureOf, type Graph, type ManifestNode } from '../oci/graph.ts';
import type { Repository } from '../oci/reference.ts';
import type { Referrer } from '../oci/referrer.ts';
import { BlobPresence } from './blob-presence.ts';
import { blobLabel, bodyFromSource, resumableRead } from './resumable-read.ts';
import { sendManifest } from './send-manifest.ts';
import { throwIfAborted } from './wrap-error.ts';

export interface ReferrerSendOptions {
  readonly now: () => Date;
  readonly emit: Emit;
  readonly signal?: AbortSignal;
}

/** Result of sending one referrer. */
export interface SentReferrer {
  readonly status: 'pushed' | 'refused';
  readonly at: Date;
  /** The registry's answer, when `refused`. */
  readonly error?: AirgapError;
}

/** Pushes single referrers together with their blobs. */
export class ReferrerSender {
  readonly #graph: Graph;
  readonly #source: Source;
  readonly #sink: Sink;
  readonly #options: ReferrerSendOptions;
  readonly #presence: BlobPresence;

  constructor(graph: Graph, source: Source, sink: Sink, options: ReferrerSendOptions) {
    this.#graph = graph;
    this.#source = source;
    this.#sink = sink;
    this.#options = options;
    this.#presence = new BlobPresence(sink, []);
  }

  /**
   * Pushes a referrer with all its manifests and blobs. A permanent refusal by the registry is a result, not an error.
   * @throws AirgapError when the registry fails, throttles or is full, so that another run can complete the push
   */
  async send(repository: Repository, referrer: Referrer): Promise<SentReferrer> {
    const { descriptor, tag } = referrer;
    const { manifests, blobs } = closureOf(this.#graph, descriptor.digest);
    try {
      for (const digest of blobs) await this.#sendBlob(repository, digest);
      for (const digest of manifests) {
        throwIfAborted(this.#options.signal);
        const referrerTag = digest === descriptor.digest ? tag : undefined;
        await sendManifest(
          this.#sink,
          repository,
          this.#graph.manifests.get(digest) as ManifestNode,
          referrerTag,
          (blob) => this.#upload(repository, blob.digest),
        );
      }
    } catch (error) {
      if (!isPermanentRefusal(error)) throw error;
      return { status: 'refused', at: this.#options.now(), error };
    }
    return { status: 'pushed', at: this.#options.now() };
  }

  async #sendBlob(repository: Repository, digest: Digest): Promise<void> {
    const { descriptor } = this.#graph.blobs.get(digest) ?? {};
    if (descriptor === undefined || (await this.#presence.has(repository, descriptor))) return;
    await this.#upload(repository, digest);
  }

  async #upload(repository: Repository, digest: Digest): Promise<void> {
    const { emit, signal } = this.#options;
    const node = this.#graph.blobs.get(digest) as BlobNode;
    // The progress plan covers images only, so bytes of referrers must not count towards it.
    const quiet: Emit = (event) => event.type !== 'bytes' && emit(event);
    const body = resumableRead(bodyFromSource(this.#source, node), { what: blobLabel(node), emit: quiet, signal });
    await this.#sink.putBlob(repository, node.descriptor, body, { signal });
  }
}
