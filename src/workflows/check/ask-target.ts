import { AirgapError } from '../../base/errors.ts';
import { ignoreEvents } from '../../base/events.ts';
import { limiter } from '../../base/limiter.ts';
import type { ManifestContent, Sink, Source } from '../../oci/content.ts';
import { type Descriptor, isImageConfigType, isIndexType } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { type ParsedManifest, parseManifest } from '../../oci/manifest.ts';
import { rankOnNode } from '../../oci/node-platforms.ts';
import { formatPlatform, isAttestationPlatform, type Platform, platformOfConfig } from '../../oci/platform.ts';
import { formatRepository, type Reference, type Repository, tagOrDigestOf } from '../../oci/reference.ts';
import { INDEX_DEPTH } from '../../transfer/manifest-tree.ts';
import { readBlob } from '../../transfer/resumable-read.ts';
import { throwIfAborted } from '../../transfer/wrap-error.ts';
import { type Answer, answerOf } from './reasons.ts';

/** Answer of a registry about one image. */
export interface TargetAnswer extends Answer {
  /** Digest of the manifest or index that the reference names. */
  readonly digest?: Digest;
  /** Platforms of the image at the registry. */
  readonly platforms?: readonly string[];
}

/** Nested indexes of one image, and blobs of one manifest: more than any published image has. */
const MAX_INDEXES = 32;
const MAX_BLOBS = 1000;
/** Children without a platform whose configs are read. */
const MAX_UNLISTED = 8;
/** Bytes of a config that is read for its platform. */
const MAX_CONFIG = 8 * 1024 * 1024;

type Registry = Source & Pick<Sink, 'hasBlob'>;

/** A manifest of an image, with its platform if the index or the config says it. */
interface PlatformManifest {
  readonly descriptor: Descriptor;
  readonly platform: Platform | undefined;
}

/**
 * Asks one registry what a node would ask it to pull images: for the manifest, for the one of the node's platform, and
 * whether it has the config and each layer. Each manifest is requested once, and each blob once for each repository.
 * ECR's list of layers (`hasBlobs`) is not used: it needs a permission that pulling does not. Where HEAD is refused,
 * the client asks as a pull does, by GET.
 *
 * The first request goes alone. After a request without an answer, no others are sent: they have the same error.
 */
export class TargetQuestions {
  readonly #registry: Registry;
  readonly #platforms: readonly Platform[];
  readonly #limit: ReturnType<typeof limiter>;
  readonly #signal: AbortSignal | undefined;
  readonly #manifests = new Map<string, Promise<ManifestContent>>();
  readonly #blobs = new Map<string, Promise<boolean>>();
  readonly #configs = new Map<string, Promise<Platform | undefined>>();
  #first: Promise<unknown> | undefined;
  #failure: AirgapError | undefined;

  /**
   * @param platforms of the nodes
   * @param concurrency requests at the same time
   */
  constructor(registry: Registry, platforms: readonly Platform[], concurrency: number, signal?: AbortSignal) {
    this.#signal = signal;
    this.#registry = registry;
    this.#platforms = platforms;
    this.#limit = limiter(concurrency);
  }

  /**
   * Returns whether a node of each platform would get the image.
   * @throws AirgapError errors that are not the registry's: `interrupted`, `config` for an unreadable login
   */
  async ask(reference: Reference): Promise<TargetAnswer> {
    let root: ManifestContent;
    try {
      root = await this.#manifest(reference, tagOrDigestOf(reference));
    } catch (error) {
      return answerOf(error, 'not-pushed');
    }
    const { digest } = root.descriptor;
    try {
      return { digest, ...(await this.#below(reference, root)) };
    } catch (error) {
      return { digest, ...answerOf(error, 'incomplete') };
    }
  }

  /**
   * Returns whether the registry has a manifest, whatever it refers to.
   * @throws AirgapError as {@link ask}
   */
  async has(reference: Reference): Promise<Answer> {
    try {
      await this.#manifest(reference, tagOrDigestOf(reference));
      return { status: 'ok' };
    } catch (error) {
      return answerOf(error, 'not-pushed');
    }
  }

  async #below(repository: Repository, root: ManifestContent): Promise<TargetAnswer> {
    const { descriptor } = root;
    const isIndex = isIndexType(descriptor.mediaType);
    const all = isIndex
      ? await this.#childrenOf(repository, root)
      : [{ descriptor, platform: await this.#configPlatform(repository, root) }];
    const chosen = this.#platforms.map((platform) => ({ platform, image: bestFor(all, platform) }));
    // A manifest that does not say its platform is pulled by every node.
    const missing = chosen.filter(({ image }) => image === undefined && (isIndex || all[0]?.platform !== undefined));
    const platforms = [...new Set(all.flatMap(({ platform }) => (platform ? [formatPlatform(platform)] : [])))].sort();
    if (missing.length > 0) {
      const wanted = missing.map(({ platform }) => formatPlatform(platform)).join(', ');
      const detail = `not for ${wanted}, only for ${platforms.join(', ') || 'unknown platforms'}`;
      return { status: 'wrong-platform', detail, platforms };
    }
    const images = new Set(chosen.map(({ image }) => image?.descriptor ?? descriptor));
    const answers = await Promise.all([...images].map((image) => this.#complete(repository, image)));
    return { ...(answers.find(({ status }) => status !== 'ok') ?? { status: 'ok' }), platforms };
  }

  /** Returns whether the registry has the manifest of an image, and all blobs. */
  async #complete(repository: Repository, { digest }: Descriptor): Promise<Answer> {
    let manifest: ManifestContent;
    try {
      manifest = await this.#manifest(repository, digest);
    } catch (error) {
      const answer = answerOf(error, 'incomplete');
      return answer.status === 'incomplete' ? { detail: `the manifest ${digest} is missing`, ...answer } : answer;
    }
    const blobs = distinctBlobs(parse(manifest));
    const present = await Promise.all(blobs.map((blob) => this.#hasBlob(repository, blob)));
    const absent = blobs.filter((_, i) => !present[i]);
    const [first] = absent;
    if (first === undefined) return { status: 'ok' };
    const detail = `${absent.length} of ${blobs.length} blobs missing, such as ${first.digest}`;
    return { status: 'incomplete', detail };
  }

  /** Returns all images of an index, also of nested ones. Reads configs only if no child has a platform of the nodes. */
  async #childrenOf(repository: Repository, root: ManifestContent): Promise<PlatformManifest[]> {
    const found: PlatformManifest[] = [];
    const seen = new Set<Digest>();
    const walk = async (index: ManifestContent, depth: number): Promise<void> => {
      seen.add(index.descriptor.digest);
      if (depth > INDEX_DEPTH || seen.size > MAX_INDEXES)
        throw new AirgapError('unsupported', 'the index is nested too deeply');
      for (const child of parse(index).manifests) {
        const { platform } = child;
        if (isAttestationPlatform(platform)) continue;
        if (!isIndexType(child.mediaType)) found.push({ descriptor: child, platform });
        else if (!seen.has(child.digest)) await walk(await this.#manifest(repository, child.digest), depth + 1);
      }
    };
    await walk(root, 1);
    if (this.#platforms.every((platform) => bestFor(found, platform) !== undefined)) return found;
    const unlisted = found.filter(({ platform }) => platform === undefined).slice(0, MAX_UNLISTED);
    const read = await Promise.all(
      unlisted.map(async ({ descriptor }) => ({
        descriptor,
        platform: await this.#configPlatform(repository, await this.#manifest(repository, descriptor.digest)),
      })),
    );
    return [...found.filter(({ platform }) => platform !== undefined), ...read];
  }

  /** Returns the platform in the config of an image; undefined if it says none, is very large, or is missing. */
  async #configPlatform(repository: Repository, manifest: ManifestContent): Promise<Platform | undefined> {
    const { config } = parse(manifest);
    if (config === undefined || !isImageConfigType(config.mediaType) || config.size > MAX_CONFIG) return undefined;
    const key = `${formatRepository(repository)}@${config.digest}`;
    const known = this.#configs.get(key);
    if (known !== undefined) return known;
    const read = this.#request(async () => {
      const blob = { descriptor: config, repositories: [repository] };
      const bytes = await readBlob(this.#registry, blob, { emit: ignoreEvents });
      return platformOfConfig(bytes);
    });
    // Reading it shows whether the registry has it. Nobody may ask for that, so a failure must not go unhandled.
    const isPresent = read.then(() => true, isMissing);
    isPresent.catch(() => undefined);
    this.#blobs.set(key, isPresent);
    const platform = read.catch(async (error: unknown) => {
      await isMissing(error);
      return undefined;
    });
    this.#configs.set(key, platform);
    return platform;
  }

  #manifest(repository: Repository, tagOrDigest: string): Promise<ManifestContent> {
    const keyOf = (name: string): string => `${formatRepository(repository)}@${name}`;
    const known = this.#manifests.get(keyOf(tagOrDigest));
    if (known !== undefined) return known;
    const content = this.#request(async () => {
      const read = await this.#registry.manifest(repository, tagOrDigest);
      this.#manifests.set(keyOf(read.descriptor.digest), Promise.resolve(read));
      return read;
    });
    this.#manifests.set(keyOf(tagOrDigest), content);
    return content;
  }

  #hasBlob(repository: Repository, descriptor: Descriptor): Promise<boolean> {
    const key = `${formatRepository(repository)}@${descriptor.digest}`;
    const known = this.#blobs.get(key);
    if (known !== undefined) return known;
    const answer = this.#request(() => this.#registry.hasBlob(repository, descriptor));
    this.#blobs.set(key, answer);
    return answer;
  }

  async #request<T>(work: () => Promise<T>): Promise<T> {
    const attempt = async (): Promise<T> => {
      throwIfAborted(this.#signal);
      if (this.#failure !== undefined) throw this.#failure;
      try {
        return await work();
      } catch (error) {
        if (error instanceof AirgapError && error.code === 'network') this.#failure ??= error;
        throw error;
      }
    };
    if (this.#first === undefined) {
      const first = attempt();
      this.#first = first.catch(() => undefined);
      return first;
    }
    await this.#first;
    return this.#limit(attempt);
  }
}

/** Returns the image that a node of this platform chooses: the best one, and the first of several. */
function bestFor(images: readonly PlatformManifest[], node: Platform): PlatformManifest | undefined {
  const ranked = images.flatMap((image) => {
    const rank = image.platform && rankOnNode(image.platform, node);
    return rank === undefined ? [] : [{ image, rank }];
  });
  return ranked.toSorted((a, b) => a.rank - b.rank)[0]?.image;
}

function parse({ descriptor, bytes }: ManifestContent): ParsedManifest {
  return parseManifest(descriptor.mediaType, bytes);
}

function distinctBlobs({ blobs }: ParsedManifest): Descriptor[] {
  if (blobs.length > MAX_BLOBS) throw new AirgapError('unsupported', `the manifest has more than ${MAX_BLOBS} blobs`);
  return [...new Map(blobs.map((blob) => [blob.digest, blob])).values()];
}

/** Returns false for content that the registry does not have, or has damaged. @throws every other error */
async function isMissing(error: unknown): Promise<false> {
  if (answerOf(error, 'incomplete').status !== 'incomplete') throw error;
  return false;
}
