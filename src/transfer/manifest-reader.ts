import { AirgapError } from '../base/errors.ts';
import type { ManifestContent, Source } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { algorithmOf, type Digest, digestOf } from '../oci/digest.ts';
import { formatRepository, type Repository } from '../oci/reference.ts';
import type { Referrer } from '../oci/referrer.ts';
import { checkAborted } from './failure.ts';
import { limiter } from './limit.ts';

/** Reads manifests out of a source, each digest once, and verifies them. */
export class ManifestReader {
  readonly #source: Source;
  readonly #signal: AbortSignal | undefined;
  readonly #limit: ReturnType<typeof limiter>;
  readonly #fetched = new Map<Digest, { readonly repository: string; readonly content: Promise<ManifestContent> }>();

  /** @param concurrency manifests asked for at the same time */
  constructor(source: Source, concurrency: number, signal: AbortSignal | undefined) {
    this.#source = source;
    this.#signal = signal;
    this.#limit = limiter(concurrency);
  }

  /**
   * A manifest by tag or digest. A digest is asked for once, whoever names it; another repository is asked only when the
   * first did not have it.
   * @throws AirgapError `digest-mismatch`, `interrupted`, and what the source throws
   */
  async read(repository: Repository, lookup: string): Promise<ManifestContent> {
    const name = formatRepository(repository);
    const known = this.#fetched.get(lookup as Digest);
    if (known !== undefined) {
      try {
        return await known.content;
      } catch (error) {
        if (known.repository === name) throw error;
      }
    }
    const content = this.#limit(() => this.#ask(repository, lookup));
    if (lookup.includes(':')) this.#fetched.set(lookup as Digest, { repository: name, content });
    return content;
  }

  /**
   * What a descriptor names.
   * @param parent what the descriptor stands in, for the message
   * @throws AirgapError as `read`; `registry` when it has another size
   */
  async child(repository: Repository, { digest, size }: Descriptor, parent: string): Promise<ManifestContent> {
    const content = await this.read(repository, digest);
    if (content.bytes.length === size) return content;
    throw new AirgapError(
      'registry',
      `${parent} says that ${digest} has ${size} bytes; it has ${content.bytes.length}`,
    );
  }

  async #ask(repository: Repository, lookup: string): Promise<ManifestContent> {
    checkAborted(this.#signal);
    const { descriptor, bytes } = await this.#source.manifest(repository, lookup);
    const wanted = lookup.includes(':') ? (lookup as Digest) : descriptor.digest;
    const actual = digestOf(bytes, algorithmOf(wanted));
    if (actual !== wanted) {
      throw new AirgapError('digest-mismatch', `the source gives ${actual} where ${wanted} was asked for`);
    }
    // What a source says of the size is not needed: the bytes are here.
    return { bytes, descriptor: { mediaType: descriptor.mediaType, digest: wanted, size: bytes.length } };
  }
}

/**
 * Reads the manifest of a referrer by its digest. One that a tag of cosign's ties to its subject is read by that tag where
 * its digest is not found: registry.k8s.io leads digests to regions that need not have what was pushed elsewhere
 * (github.com/kubernetes/registry.k8s.io, issue 324). What size a list or a HEAD says is not looked at.
 * @param read a manifest of the referrer's repository, by tag or digest
 * @throws AirgapError `image-not-found`, also when the tag stands for something else by now; what `read` throws
 */
export async function referrerManifest(
  read: (tagOrDigest: string) => Promise<ManifestContent>,
  { descriptor: { digest }, tag }: Pick<Referrer, 'descriptor' | 'tag'>,
): Promise<ManifestContent> {
  try {
    return await read(digest);
  } catch (error) {
    if (tag === undefined || !(error instanceof AirgapError) || error.code !== 'image-not-found') throw error;
    const { descriptor, bytes } = await read(tag);
    if (digestOf(bytes, algorithmOf(digest)) !== digest) throw error;
    return { descriptor: { mediaType: descriptor.mediaType, digest, size: bytes.length }, bytes };
  }
}
