import { AirgapError } from '../base/errors.ts';
import { limiter } from '../base/limiter.ts';
import { unpooled } from '../oci/buffer-pool.ts';
import type { ManifestContent, Source } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { algorithmOf, type Digest, digestOf } from '../oci/digest.ts';
import { formatRepository, type Repository } from '../oci/reference.ts';
import type { Referrer } from '../oci/referrer.ts';
import { throwIfAborted } from './wrap-error.ts';

/** Reads manifests from a source, each digest once, and verifies them. */
export class ManifestReader {
  readonly #source: Source;
  readonly #signal: AbortSignal | undefined;
  readonly #limit: ReturnType<typeof limiter>;
  readonly #fetched = new Map<Digest, { readonly repository: string; readonly content: Promise<ManifestContent> }>();

  /** @param concurrency manifests requested at the same time */
  constructor(source: Source, concurrency: number, signal: AbortSignal | undefined) {
    this.#source = source;
    this.#signal = signal;
    this.#limit = limiter(concurrency);
  }

  /**
   * Returns a manifest by tag or digest. A digest is requested once; another repository is tried only after the first
   * failed to return it.
   * @throws AirgapError `digest-mismatch`, `interrupted`, and what the source throws
   */
  async read(repository: Repository, tagOrDigest: string): Promise<ManifestContent> {
    const name = formatRepository(repository);
    const known = this.#fetched.get(tagOrDigest as Digest);
    if (known !== undefined) {
      try {
        return await known.content;
      } catch (error) {
        if (known.repository === name) throw error;
      }
    }
    const content = this.#limit(() => this.#fetch(repository, tagOrDigest));
    if (tagOrDigest.includes(':')) this.#fetched.set(tagOrDigest as Digest, { repository: name, content });
    return content;
  }

  /**
   * Returns the manifest that a descriptor refers to.
   * @param parent name of the manifest that contains the descriptor, for messages
   * @throws AirgapError as `read`; `registry` when its size is not the descriptor's
   */
  async child(repository: Repository, { digest, size }: Descriptor, parent: string): Promise<ManifestContent> {
    const content = await this.read(repository, digest);
    if (content.bytes.length === size) return content;
    throw new AirgapError(
      'registry',
      `${parent} lists ${digest} with ${size} bytes, but it has ${content.bytes.length}`,
    );
  }

  async #fetch(repository: Repository, tagOrDigest: string): Promise<ManifestContent> {
    throwIfAborted(this.#signal);
    const { descriptor, bytes } = await this.#source.manifest(repository, tagOrDigest);
    const expected = tagOrDigest.includes(':') ? (tagOrDigest as Digest) : descriptor.digest;
    const actual = digestOf(bytes, algorithmOf(expected));
    if (actual !== expected) {
      throw new AirgapError('digest-mismatch', `the source returned ${actual} instead of ${expected}`);
    }
    // The size comes from the bytes; the source's own value may be wrong.
    const verified = { mediaType: descriptor.mediaType, digest: expected, size: bytes.length };
    return { bytes: unpooled(bytes), descriptor: verified };
  }
}

/**
 * Reads the manifest of a referrer by digest, falling back to its cosign tag: registry.k8s.io redirects digests to
 * regions that may lack content pushed elsewhere (github.com/kubernetes/registry.k8s.io, issue 324). Sizes in referrer
 * lists and HEAD responses are ignored.
 * @param read reads a manifest of the referrer's repository, by tag or digest
 * @throws AirgapError `image-not-found`, also when the tag has another digest by now; the errors of `read`
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
