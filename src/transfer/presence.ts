import { isRefusal } from '../base/errors.ts';
import type { Sink } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { formatRepository, type Repository } from '../oci/reference.ts';

/**
 * Checks which blobs a sink already has, with as few requests as possible: if a registry supports batch checks, the
 * first request for a repository covers all blobs that may be pushed to it.
 */
export class Presence {
  readonly #sink: Sink;
  readonly #absent: ReadonlySet<string>;
  readonly #wanted = new Map<string, Map<Digest, Descriptor>>();
  readonly #found = new Map<string, Promise<ReadonlySet<Digest> | undefined>>();

  /**
   * @param candidates blobs that may be pushed to each repository
   * @param absent paths of repositories that do not exist yet
   */
  constructor(
    sink: Sink,
    wanted: Iterable<readonly [Repository, Descriptor]>,
    absent: ReadonlySet<string> = new Set(),
  ) {
    this.#sink = sink;
    this.#absent = absent;
    if (sink.hasBlobs === undefined) return;
    for (const [repository, descriptor] of wanted) {
      const name = formatRepository(repository);
      const blobs = this.#wanted.get(name) ?? new Map<Digest, Descriptor>();
      this.#wanted.set(name, blobs.set(descriptor.digest, descriptor));
    }
  }

  /**
   * Returns whether the sink has a blob. If the registry refuses the request (Artifactory answers 403), the blob counts
   * as missing, since the check only saves an upload.
   * @throws AirgapError `network`, `interrupted`
   */
  async has(repository: Repository, descriptor: Descriptor): Promise<boolean> {
    if (this.#absent.has(repository.path)) return false;
    const name = formatRepository(repository);
    const wanted = this.#wanted.get(name);
    // A batch of one has no advantage over HEAD.
    if (wanted === undefined || wanted.size < 2 || !wanted.has(descriptor.digest)) {
      return this.#hasOne(repository, descriptor);
    }
    const asked = this.#found.get(name) ?? this.#ask(repository, [...wanted.keys()]);
    this.#found.set(name, asked);
    return (await asked)?.has(descriptor.digest) ?? this.#hasOne(repository, descriptor);
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
  async #ask(repository: Repository, digests: readonly Digest[]): Promise<ReadonlySet<Digest> | undefined> {
    try {
      return await this.#sink.hasBlobs?.(repository, digests);
    } catch {
      return undefined;
    }
  }
}
