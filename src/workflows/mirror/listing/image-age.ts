import { isPermanentRefusal } from '../../../base/errors.ts';
import { isMapping } from '../../../base/mapping.ts';
import { type Descriptor, isIndexType } from '../../../oci/descriptor.ts';
import type { Digest } from '../../../oci/digest.ts';
import { parseManifest } from '../../../oci/manifest.ts';
import { isAttestationPlatform } from '../../../oci/platform.ts';
import { formatReference, formatRepository, type Repository } from '../../../oci/reference.ts';
import type { RegistryClient } from '../../../registry/client.ts';

/** Annotation of the OCI image specification. */
const CREATED = 'org.opencontainers.image.created';
/** Maximum bytes of a config to read. */
const CONFIG_LIMIT = 4 * 1024 * 1024;
/** Earlier times are not those of images, of which the first are from 2013: reproducible builds write 1970, 1980 or year 1. */
const FIRST_IMAGES = Date.UTC(2013, 0, 1);

/** Runs a request when there is room for it. */
type Limit = <T>(work: () => Promise<T>) => Promise<T>;

/** Tells when images were created. Each manifest is read once. */
export class ImageAge {
  readonly #client: Pick<RegistryClient, 'head' | 'manifest' | 'blob'>;
  readonly #limit: Limit;
  readonly #times = new Map<string, Promise<number | undefined>>();
  /** Number of images without a date, and one of them. */
  unknown = 0;
  example = '';

  constructor(client: Pick<RegistryClient, 'head' | 'manifest' | 'blob'>, limit: Limit) {
    this.#client = client;
    this.#limit = limit;
  }

  /**
   * Returns the tags whose images were created at `since` or later, and those that do not say when. Tags that have gone since
   * they were listed are left out.
   * @throws AirgapError of the registry
   */
  async newerThan(repository: Repository, tags: readonly string[], since: Date): Promise<readonly string[]> {
    const kept = await Promise.allSettled(
      tags.map(async (tag) => {
        const head = await this.#limit(() => this.#client.head(repository, tag));
        if (head === undefined) return [];
        const created = await this.#created(repository, head.digest);
        if (created === undefined) {
          this.unknown += 1;
          this.example ||= formatReference({ ...repository, tag });
        }
        return created === undefined || created >= since.getTime() ? [tag] : [];
      }),
    );
    return kept.flatMap((outcome) => {
      if (outcome.status === 'fulfilled') return outcome.value;
      throw outcome.reason;
    });
  }

  /** Returns when an image, or the first one of an index, was created, in milliseconds; undefined if it does not say. */
  #created(repository: Repository, digest: Digest): Promise<number | undefined> {
    const key = `${formatRepository(repository)}@${digest}`;
    const known = this.#times.get(key);
    if (known !== undefined) return known;
    const time = this.#read(repository, digest, 0).catch((error: unknown) => {
      // Of a format that is not supported, or damaged: copying it fails, or finds it whole.
      if (isPermanentRefusal(error) && ['unsupported', 'registry', 'image-not-found'].includes(error.code))
        return undefined;
      throw error;
    });
    this.#times.set(key, time);
    return time;
  }

  async #read(repository: Repository, digest: Digest, depth: number): Promise<number | undefined> {
    const { descriptor, bytes } = await this.#limit(() => this.#client.manifest(repository, digest));
    const manifest = parseManifest(descriptor.mediaType, bytes);
    const annotated = timeOf(manifest.annotations[CREATED]);
    if (annotated !== undefined) return annotated;
    if (isIndexType(descriptor.mediaType)) {
      const first = manifest.manifests.find(({ platform }) => !isAttestationPlatform(platform));
      return first === undefined || depth > 1 ? undefined : this.#read(repository, first.digest, depth + 1);
    }
    return this.#limit(() => this.#configTime(repository, manifest.config));
  }

  async #configTime(repository: Repository, config: Descriptor | undefined): Promise<number | undefined> {
    if (config === undefined || config.size > CONFIG_LIMIT) return undefined;
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of await this.#client.blob(repository, config).open()) {
      size += (chunk as Uint8Array).length;
      // The registry may send more than the manifest says.
      if (size > CONFIG_LIMIT) return undefined;
      chunks.push(chunk as Uint8Array);
    }
    try {
      const json: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
      return isMapping(json) ? timeOf(json.created) : undefined;
    } catch {
      return undefined;
    }
  }
}

/** Returns a time in milliseconds; undefined for anything else, and for the fixed times of reproducible builds. */
function timeOf(text: unknown): number | undefined {
  const time = typeof text === 'string' && text.length < 64 ? Date.parse(text) : Number.NaN;
  return time >= FIRST_IMAGES ? time : undefined;
}
