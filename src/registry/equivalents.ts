import { type AirgapError, asAirgapError } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { formatRepository, type Repository } from '../oci/reference.ts';

/** How images with an equivalent elsewhere were read, by reference. */
export interface EquivalentUse {
  /** Read from the equivalent repository. */
  readonly used: readonly string[];
  /** The equivalent tag has another digest. */
  readonly different: readonly string[];
  /** The equivalent repository does not have the tag or digest, or did not answer. */
  readonly absent: readonly string[];
}

/** Decides whether an equivalent repository is read: only if its tag has the digest of the named repository. */
export class Equivalents {
  readonly #emit: Emit;
  readonly #uses = new Map<string, keyof EquivalentUse>();
  #hasWarned = false;

  constructor(emit: Emit) {
    this.#emit = emit;
  }

  /** Returns how images were read so far, in order of their names. */
  use(): EquivalentUse {
    const names = (use: keyof EquivalentUse): string[] =>
      [...this.#uses].flatMap(([name, value]) => (value === use ? [name] : [])).sort();
    return { used: names('used'), different: names('different'), absent: names('absent') };
  }

  record(repository: Repository, tagOrDigest: string, use: keyof EquivalentUse): void {
    this.#uses.set(`${formatRepository(repository)}${tagOrDigest.includes(':') ? '@' : ':'}${tagOrDigest}`, use);
  }

  /**
   * Asks both repositories for a tag, side by side.
   * @returns the digest if both have the same
   * @throws AirgapError of the named repository
   */
  async compare(
    repository: Repository,
    tag: string,
    named: Promise<Descriptor | undefined>,
    equivalent: Promise<Descriptor | undefined>,
  ): Promise<Digest | undefined> {
    const [own, other] = await Promise.allSettled([named, equivalent]);
    if (own.status === 'rejected') throw own.reason;
    if (other.status === 'rejected') this.warn(asAirgapError(other.reason));
    const found = other.status === 'fulfilled' ? other.value : undefined;
    const isSame = own.value !== undefined && found?.digest === own.value.digest;
    this.record(repository, tag, isSame ? 'used' : found === undefined ? 'absent' : 'different');
    return isSame ? found?.digest : undefined;
  }

  /** Warns once that an equivalent repository did not answer. */
  warn(error: AirgapError): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const message = `an equivalent image could not be looked up, so it is read from where it is named: ${error.message}`;
    this.#emit({ type: 'warning', message });
  }
}
