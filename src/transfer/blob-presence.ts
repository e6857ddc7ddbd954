import { isRefusal } from '../base/errors.ts';
import type { Sink } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { formatRepository, type Repository } from '../oci/reference.ts';

/**
 * Checks which blobs a sink already has, with as few requests as possible: if a registry supports batch checks, the
 * first request for a repository covers all blobs that may be pushed to it.
 */
export class BlobPresence {
  readonly #sink: Sink;
  readonly #absent: ReadonlySet<string>;
  readonly #candidates = new Map<string, Map<Digest, Descriptor>>();
  readonly #answers = new Map<string, Promise<ReadonlySet<Digest> | undefined>>();

  /**
   * @param candidates blobs that may be pushed to each repository
   * @param absent paths of repositories that do not exist yet
   */
  constructor(
    sink: Sink,
    candidates: Iterable<readonly [Repository, Descriptor]>,
    absent: ReadonlySet<string> = new Set(),
  ) {
    this.#sink = sink;
    this.#absent = absent;
    if (sink.hasBlobs === undefined) return;
    for (const [repository, descriptor] of candidates) {
      const name = formatRepository(repository);
      const blobs = this.#candidates.get(name) ?? new Map<Digest, Descriptor>();
      this.#candidates.set(name, blobs.set(descriptor.digest, descriptor));
    }
  }

  /**
   * Reports whether the sink has a blob. If the registry refuses the request (Artifactory answers 403), the blob counts
   * as missing, since the check only saves an upload.
   * @throws AirgapError `network`, `interrupted`
   */
  async has(repository: Repository, descriptor: Descriptor): Promise<boolean> {
    if (this.#absent.has(repository.path)) return false;
    const name = formatRepository(repository);
    const candidates = this.#candidates.get(name);
    // A batch of one has no advantage over HEAD.
    if (candidates === undefined || candidates.size < 2 || !candidates.has(descriptor.digest)) {
      return this.#hasOne(repository, descriptor);
    }
    const answer = this.#answers.get(name) ?? this.#hasMany(repository, [...candidates.keys()]);
    this.#answers.set(name, answer);
    return (await answer)?.has(descriptor.digest) ?? this.#hasOne(repository, descriptor);
  }

  async #hasOne(repository: Repository, descriptor: Descriptor): Promise<boolean> {
    try {
      return await this.#sink.hasBlob(repository, descriptor);
    } catch (error) {
      if (isRefusal(error)) return false;
      throw error;
    }
  }

  /** Returns undefined without batch support, or after an error: then single requests succeed or report it. */
  async #hasMany(repository: Repository, digests: readonly Digest[]): Promise<ReadonlySet<Digest> | undefined> {
    try {
      return await this.#sink.hasBlobs?.(repository, digests);
    } catch {
      return undefined;
    }
  }
}
