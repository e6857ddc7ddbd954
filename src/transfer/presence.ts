import { isRefusal } from '../base/errors.ts';
import type { Sink } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { formatRepository, type Repository } from '../oci/reference.ts';

/**
 * Says which blobs a sink has already, with as few questions as it takes: where a registry can be asked for many at once,
 * the first question about a repository is about everything that may go there.
 */
export class Presence {
  readonly #sink: Sink;
  readonly #absent: ReadonlySet<string>;
  readonly #wanted = new Map<string, Map<Digest, Descriptor>>();
  readonly #found = new Map<string, Promise<ReadonlySet<Digest> | undefined>>();

  /** `wanted`: the blobs that may go into each repository. `absent`: paths of repositories that have nothing yet. */
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
   * Whether the sink has a blob. The question only saves an upload: where a registry refuses it (403 of Artifactory), the
   * blob counts as missing.
   * @throws AirgapError `network`, `interrupted`
   */
  async has(repository: Repository, descriptor: Descriptor): Promise<boolean> {
    if (this.#absent.has(repository.path)) return false;
    const name = formatRepository(repository);
    const wanted = this.#wanted.get(name);
    // One alone is asked for as everywhere.
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

  /** Undefined where it cannot be asked so. If that fails, the single question will say why, or work. */
  async #ask(repository: Repository, digests: readonly Digest[]): Promise<ReadonlySet<Digest> | undefined> {
    try {
      return await this.#sink.hasBlobs?.(repository, digests);
    } catch {
      return undefined;
    }
  }
}
